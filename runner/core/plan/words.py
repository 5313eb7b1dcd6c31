"""A step in plain words: its symbol, what happens, why, and what changes in its request."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import orjson
from msgspec import Struct

from runner.core.expansion.session import Instance
from runner.core.plan.actions import (
    Absent,
    Action,
    Await,
    Instances,
    Issue,
    Keep,
    Read,
    Remove,
    Reuse,
    Step,
    Update,
)
from runner.core.plan.diff import ABSENT, Change, changes_of
from runner.core.plan.estimate import Estimate
from runner.core.plan.forms import RequestForm, form_of, request_form
from runner.core.plan.known import provider_of, request_of
from runner.core.plan.plan import PlannedSteps
from runner.core.received import table_of, value_of
from runner.core.request.build import Request, outline_of
from runner.core.request.provider import Provider
from runner.core.request.sketch import UNKNOWN, Sketch, as_before, known_headers, sketch
from runner.core.secrets.secrets import Secrets
from runner.core.state.records import Record
from runner.core.values import NotKnown
from runner.errors import counted

Word = Literal[
    "import",
    "instances",
    "issue",
    "move",
    "read",
    "reissue",
    "remove",
    "replay",
    "unchanged",
    "undecided",
    "update",
]


class Shown(Struct, frozen=True):
    """What a reader sees of one step: symbol, header, and why."""

    symbol: str
    header: str
    because: str = ""


NEW = Shown("+", "will be issued")
"""Of every step that has no answer yet."""


class Announced(Struct, frozen=True):
    """What a program is told of one address: the word, the symbol and why; `step` is None for what
    only moves or is imported.
    """

    address: str
    word: Word
    symbol: str
    reason: str
    step: Step | None = None


def announced(plan: PlannedSteps, secrets: Secrets) -> Iterator[Announced]:
    """Every step, in order; then what moves, and what is imported."""
    for step in plan.steps:
        seen = shown(step, secrets)
        reason = seen.because or seen.header
        yield Announced(step.address, kind(step.action), seen.symbol.strip(), reason, step)
    for source, target in plan.moves:
        yield Announced(target, "move", "", f"was {source}")
    for address, identifier in plan.imports:
        yield Announced(address, "import", "", identifier)


def in_batches(names: Iterable[str]) -> str:
    """How many requests are under way, by the batch of each; nothing where none is."""
    held = [*names]
    return f"{len(held):,} under way in {counted(len({*held}), 'batch')}" if held else ""


def summary(plan: PlannedSteps, estimate: Estimate, files: int = 0, under_way: str = "") -> str:
    """The plan in one line; so many files of outputs are to be written. `under_way` is said of its
    requests.
    """
    tally = counts(plan)
    spends = tally["issue"] or tally["reissue"] or tally["undecided"] or tally["instances"]
    said = tallied(tally, files) + (f" Of these, {under_way}." if under_way else "")
    return said + (f" Estimated: {estimate.text()}." if spends else "")


def tallied(tally: Mapping[str, int], files: int = 0) -> str:
    """How many of each kind, in one line."""
    words = {
        "import": "to import",
        "issue": "to issue",
        "replay": "from cache",
        "reissue": "to re-issue",
        "update": "to update",
        "read": "to read",
        "remove": "to remove",
        "move": "to move",
    }
    parts = [f"{tally[key]} {said}" for key, said in words.items() if tally.get(key)]
    written = f"{counted(files, 'file')} to write" if files else ""
    text = ", ".join(parts) or "nothing certain"
    undecided = tally.get("undecided")
    more = f"up to {undecided} more once those are known" if undecided else ""
    if tally.get("instances"):
        unknown = "instances not yet known"
        more = f"{more}, and {unknown}" if more else unknown
    if more:
        text = f"{text} ({more})"
    if written:
        text = f"{text}, {written}" if parts or more else written
    return f"Plan: {text}."


def counts(plan: PlannedSteps) -> Counter[str]:
    """How many steps of each kind."""
    tally: Counter[str] = Counter(map(kind, (step.action for step in plan.steps)))
    tally["move"] = len(plan.moves)
    tally["import"] = len(plan.imports)
    return tally


def kind(action: Action) -> Word:
    """The word for an action in counts and events."""
    match action:
        case Issue(old=None):
            return "issue"
        case Issue():
            return "reissue"
        case Reuse():
            return "replay"
        case Update():
            return "update"
        case Remove():
            return "remove"
        case Read():
            return "read"
        case Await():
            return "undecided"
        case Instances():
            return "instances"
        case Keep() | Absent():
            return "unchanged"


def shown(step: Step, secrets: Secrets) -> Shown:
    """A step's symbol and header."""
    match step.action:
        case Issue(old=None, reason="new"):
            return NEW
        case Issue(reason=reason):
            return Shown("-/+", "will be issued again", secrets.text(reason))
        case Reuse() as reuse:
            return _reused(reuse)
        case Update(metadata=True):
            return Shown("~", "will be updated in place, without a new answer")
        case Update():
            return Shown("~", "will be recorded anew, without a request")
        case Remove(reason="destroy"):
            return Shown("-", "will be removed")
        case Remove(reason=reason, forget=forget):
            return Shown("-", "will be forgotten" if forget else "will be removed", reason)
        case Read(on=on):
            return Shown("<=", "will be read during apply", f"depends on {on}" if on else "")
        case Await(on=on, old=old):
            if old is not None:
                return Shown("?", f"will be issued again if its request changes with {on}")
            return Shown("?", f"will be issued once {on} is known")
        case Instances(on=on):
            return Shown("?", f"has instances known after {on}")
        case Keep() | Absent():
            return Shown(" ", "is unchanged")


def _reused(reuse: Reuse) -> Shown:
    symbol = "+" if reuse.old is None else "-/+"
    tail = ", and updated in place" if reuse.metadata else ""
    if reuse.origin is None:
        return Shown(symbol, f"will be taken from the cache, for free{tail}")
    return Shown(symbol, f"has the answer of {reuse.origin} (same request), for free{tail}")


class Asked(Struct, frozen=True):
    """What a step asks, and what its record says that was asked; sensitive values are masked on
    both sides. `old` is None where there is no record, or nothing about it changes. `absent` are
    the parameters that are written and came out null.
    """

    provider: str
    new: dict[str, Any]
    old: dict[str, Any] | None
    besides: tuple[Change, ...] = ()  # of the provider, and of triggers
    headers: tuple[str, ...] = ()  # the names of those that go out with it, beside the runner's own
    absent: tuple[str, ...] = ()


def asked(plan: PlannedSteps, step: Step, secrets: Secrets) -> Asked | None:
    """The request of a step; None where there is none, or it is not known."""
    match step.action:
        case Issue(old=old) | Reuse(old=old) | Update(old=old):
            pass
        case Await(old=old):
            return _asked_later(plan, step, old, secrets)
        case Remove() | Read() | Instances() | Keep() | Absent():
            return None
    if step.instance is None:
        return None
    try:
        request = plan.known.drafts.held(step.address) or request_of(step.instance, plan.known)
    except NotKnown:
        return None
    new = orjson.loads(request.recorded)
    headers = _headers(plan, request) if isinstance(step.action, Issue) else ()
    if old is None:
        absent = _came_out_null(step.instance, new)
        return Asked(request.provider, new, None, headers=headers, absent=absent)
    before = _loaded(old.triggers and secrets.body(old.triggers))
    besides = changes_of(before, _loaded(request.triggers), ("triggers",))
    moved = _moved(old, request.identity)
    recorded = table_of(secrets.body(old.request))
    return Asked(request.provider, new, recorded, (*moved, *besides), headers)


def _came_out_null(instance: Instance, body: Mapping[str, Any]) -> tuple[str, ...]:
    """What a block writes and its request does not have: null is the same as not writing it."""
    written = instance.declared.block.table
    return tuple(name for name in instance.declared.params if name in written and name not in body)


def _moved(old: Record, identity: str) -> Iterator[Change]:
    if old.identity != identity:
        yield Change(("provider",), old.identity, identity)


def _asked_later(
    plan: PlannedSteps, step: Step, old: Record | None, secrets: Secrets
) -> Asked | None:
    known = known_part(plan, step)
    if known is None or step.instance is None:
        return None
    provider, made = known
    headers = _named_once(provider, known_headers(step.instance))
    if old is None:
        absent = _came_out_null(step.instance, made.shown)
        return Asked(provider.name, made.shown, None, headers=headers, absent=absent)
    recorded = table_of(secrets.body(old.request))
    moved = tuple(_moved(old, provider.identity))
    return Asked(provider.name, as_before(recorded, made.shown), recorded, moved, headers)


def form_of_step(plan: PlannedSteps, step: Step) -> RequestForm | None:
    """The form of what is sent for a step, or of what is known of it."""
    if step.instance is None:
        return None
    match step.action:
        case Issue(old=old):
            request = plan.known.drafts.held(step.address) or request_of(step.instance, plan.known)
            is_alone = step.instance.key is None and old is None
            return request_form(request, outline_of(request), is_alone=is_alone)
        case Await():
            known = known_part(plan, step)
            return None if known is None else form_later(step, *known)
        case Reuse() | Update() | Remove() | Read() | Instances() | Keep() | Absent():
            return None


def form_later(step: Step, provider: Provider, known: Sketch) -> RequestForm:
    """The form of what is known of a request. A text that hangs on an answer may be another for
    each of those that no block repeats.
    """
    instance = step.instance
    found = {} if instance is None else known_headers(instance)
    headers = tuple((name, repr(value)) for name, value in found.items())
    is_alone = instance is not None and instance.key is None
    form = form_of(provider.name, headers, known.sent, is_alone=is_alone)
    messages = known.sent.get("messages")
    if is_alone and isinstance(messages, list) and UNKNOWN in str(messages[:-1]):
        return form._replace(before=step.address)
    return form


def known_part(plan: PlannedSteps, step: Step) -> tuple[Provider, Sketch] | None:
    """Who is asked, and what is known of a request that hangs on an answer; None if nothing is."""
    if step.instance is None:
        return None
    try:
        provider = provider_of(step.instance, plan.known)
        return provider, sketch(step.instance, provider, plan.known.records.get(step.address))
    except NotKnown:
        return None


def _headers(plan: PlannedSteps, request: Request) -> tuple[str, ...]:
    """No record holds them, so that none is compared; what they say is shown to nobody."""
    provider = plan.known.providers[request.provider]
    return _named_once(provider, (name for name, _ in request.headers))


def _named_once(provider: Provider, own: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*provider.header_names, *own)))


def request_changes(plan: PlannedSteps, step: Step, secrets: Secrets) -> list[Change]:
    """What differs between the recorded request and the new one, path by path; provider and
    triggers included.
    """
    made = asked(plan, step, secrets)
    if made is None or made.old is None:
        return []
    first = [change for change in made.besides if change.path == ("provider",)]
    last = [change for change in made.besides if change.path != ("provider",)]
    return [*first, *changes_of(made.old, made.new), *last]


def _loaded(data: bytes | None) -> Any:
    return ABSENT if data is None else value_of(data)
