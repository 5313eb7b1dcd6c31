"""A plan in Terraform's layout: the reason in the header, what changed below, one line at the
end.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from runner.cli.streams import harmless, on_one_line
from runner.cli.views.problems import json_without_secrets, without_secrets
from runner.cli.views.style import Style
from runner.core.canonical import digest
from runner.core.expansion.outputs import FileChange
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
from runner.core.plan.diff import ABSENT, Change, changes, leaves, line_diff, lines_of
from runner.core.plan.estimate import Estimate
from runner.core.plan.known import request_of
from runner.core.plan.plan import Plan
from runner.core.received import table_of, value_of
from runner.core.request.build import Request
from runner.core.values import NotKnown

_SHOWN_PER_BLOCK = 20
_LINE = 100
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{200,}")
_KEY = re.compile(r"\[[^\[\]]*\]$")
_COLOURS = {"+": "green", "-/+": "yellow", "~": "yellow", "-": "red", "<=": "cyan", "?": "grey"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reader sees of one step: symbol, header, and why."""

    symbol: str
    header: str
    because: str = ""


def plan_text(
    plan: Plan,
    estimate: Estimate,
    outputs: Mapping[str, tuple[Any, Any]],
    style: Style,
    *,
    files: Sequence[FileChange] = (),
    full: bool = False,
) -> str:
    """The whole plan. `outputs` are the changed outputs, old and new; `files` those of outputs."""
    lines = list(_steps(plan, style, full=full))
    lines += [*_moves(plan), *_imports(plan)]
    if outputs:
        lines += ["Changes to Outputs:", *_outputs(outputs, style), ""]
    if files:
        lines += ["Changes to Files:", *_files(files, style), ""]
    if not plan.empty:
        lines += [style(summary(plan, estimate), "bold")]
    elif not outputs and not files:
        lines += [_nothing(plan, style)]
    return harmless("\n".join(lines) + "\n")


def summary(plan: Plan, estimate: Estimate) -> str:
    """The plan in one line."""
    tally = counts(plan)
    spends = tally["issue"] or tally["reissue"] or tally["undecided"] or tally["instances"]
    return _tallied(tally) + (f" Estimated: {estimate.text()}." if spends else "")


def _tallied(tally: Mapping[str, int]) -> str:
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
    text = ", ".join(parts) or "nothing certain"
    undecided = tally.get("undecided")
    more = f"up to {undecided} more once those are known" if undecided else ""
    if tally.get("instances"):
        unknown = "instances not yet known"
        more = f"{more}, and {unknown}" if more else unknown
    tail = f" ({more})" if more else ""
    return f"Plan: {text}{tail}."


def acts_text(acts: Iterable[tuple[str, str]], style: Style) -> str:
    """Each address and the word for what has to happen there, where no more is known."""
    tally: Counter[str] = Counter()
    lines: list[str] = []
    for address, word in acts:
        tally[word] += 1
        symbol, said = _ACTS.get(word, ("?", f"has an action that is not known here: {word}"))
        place = on_one_line(address)
        lines.append(style(f"  # {place} {on_one_line(said)}", "bold"))
        lines.append(f"{style(f'{symbol:>3}', _COLOURS.get(symbol, 'grey'))} {place}\n")
    lines.append(style(_tallied(tally), "bold") if tally else style("No changes.", "green"))
    return harmless("\n".join(lines) + "\n")


_ACTS = {
    "issue": ("+", "will be issued"),
    "reissue": ("-/+", "will be issued again"),
    "replay": ("+", "will be taken from the cache, for free"),
    "update": ("~", "will be updated in place, without a new answer"),
    "remove": ("-", "will be removed"),
    "read": ("<=", "will be read during apply"),
    "undecided": ("?", "will be issued if its request is new once it is known"),
    "instances": ("?", "has instances known after an answer"),
    "move": ("", "has another address until now"),
    "import": ("", "will be imported"),
}


def counts(plan: Plan) -> Counter[str]:
    """How many steps of each kind."""
    tally: Counter[str] = Counter(kind(step.action) for step in plan.steps)
    tally["move"] = len(plan.moves)
    tally["import"] = len(plan.imports)
    return tally


def kind(action: Action) -> str:
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


def shown(step: Step) -> Shown:
    """A step's symbol and header."""
    match step.action:
        case Issue(old=None, reason="new"):
            return Shown("+", "will be issued")
        case Issue(reason=reason):
            return Shown("-/+", "will be issued again", without_secrets(reason))
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
            return Shown("?", f"has instances known after {on.rstrip('#')}")
        case Keep() | Absent():
            return Shown(" ", "is unchanged")


def _reused(reuse: Reuse) -> Shown:
    symbol = "+" if reuse.old is None else "-/+"
    tail = ", and updated in place" if reuse.metadata else ""
    if reuse.origin is None:
        return Shown(symbol, f"will be taken from the cache, for free{tail}")
    return Shown(symbol, f"has the answer of {reuse.origin} (same request), for free{tail}")


def request_changes(plan: Plan, step: Step) -> tuple[list[Change], Request | None]:
    """What differs between the recorded request and the new one, provider and triggers
    included; sensitive values masked on both sides.
    """
    match step.action:
        case Issue(old=old) | Reuse(old=old) | Update(old=old):
            pass
        case Remove() | Read() | Await() | Instances() | Keep() | Absent():
            return [], None
    if step.instance is None:
        return [], None
    try:
        request = request_of(step.instance, plan.known)
    except NotKnown:
        return [], None
    if old is None:
        return [], request
    new_body = orjson.loads(request.recorded)
    found = list(changes(table_of(json_without_secrets(old.request)), new_body))
    if old.identity != request.identity:
        found.insert(0, Change(("provider",), old.identity, request.identity))
    found += changes(
        _loaded(old.triggers and json_without_secrets(old.triggers)),
        _loaded(request.triggers),
        ("triggers",),
    )
    return found, request


def _steps(plan: Plan, style: Style, *, full: bool) -> Iterator[str]:
    per_block: Counter[tuple[str, str]] = Counter()
    hidden: Counter[tuple[str, str]] = Counter()
    for step in plan.steps:
        block = (_KEY.sub("", step.address), kind(step.action))
        per_block[block] += 1
        if per_block[block] > _SHOWN_PER_BLOCK and not full:
            hidden[block] += 1
            continue
        yield from _step(plan, step, style, None if full else _LINE)
    for (name, what), number in hidden.items():
        yield style(
            f"  # {number} more of {name} ({what}) are not shown; --full shows them", "grey"
        )
        yield ""


def _step(plan: Plan, step: Step, style: Style, limit: int | None) -> Iterator[str]:
    seen = shown(step)
    yield style(f"  # {step.address} {seen.header}", "bold")
    if seen.because:
        yield style(f"  # ({on_one_line(seen.because)})", "grey")
    yield f"{style(f'{seen.symbol:>3}', _COLOURS.get(seen.symbol, 'grey'))} {step.address}"
    found, request = request_changes(plan, step)
    if request is not None and _is_new(step):
        yield from _new(request, limit)
    for change in found:
        yield from _change(change, style, limit)
    yield ""


def _is_new(step: Step) -> bool:
    match step.action:
        case Issue(old=None) | Reuse(old=None):
            return True
        case Issue() | Reuse() | Update() | Remove() | Read() | Await() | Instances():
            return False
        case Keep() | Absent():
            return False


def _new(request: Request, limit: int | None) -> Iterator[str]:
    yield f"      provider: {request.provider}"
    body = orjson.loads(request.recorded)
    messages = body.pop("messages", [])
    for path, value in leaves(body):
        yield from _value(Change(path, ABSENT, value).name, value, limit)
    for index, message in enumerate(messages):
        for path, value in leaves(message, ("messages", index)):
            yield from _value(Change(path, ABSENT, value).name, value, limit)


def _value(name: str, value: Any, limit: int | None) -> Iterator[str]:
    name = on_one_line(name)
    if isinstance(value, str) and "\n" in value:
        yield f"      {name}:"
        yield from (f"          {line}".rstrip(" ") for line in lines_of(value))
    else:
        yield f"      {name}: {short(value, limit)}"


def _change(change: Change, style: Style, limit: int | None) -> Iterator[str]:
    name, old, new = on_one_line(change.name), change.old, change.new
    if isinstance(old, str) and isinstance(new, str) and ("\n" in old + new or len(old + new) > 60):
        yield f"      {name}:"
        for whole in line_diff(old, new):
            line = _BASE64.sub(_abridged, whole)
            colour = {"- ": "red", "+ ": "green"}.get(line[:2])
            yield f"        {style(line, colour) if colour else line}".rstrip(" ")
    elif isinstance(old, str) and isinstance(new, str) and change.path[-1] == "content":
        yield f"      {name}:"
        yield f"        {style(f'- {old}', 'red')}"
        yield f"        {style(f'+ {new}', 'green')}"
    else:
        yield f"      {name}: {short(old, limit)} {style('->', 'yellow')} {short(new, limit)}"


def _abridged(data: re.Match[str]) -> str:
    """The content of a file as nobody reads it: its length and digest tell it from another."""
    return f"{data[0][:24]}.. ({len(data[0])} characters, sha256 {digest(data[0].encode())[:12]})"


def short(value: Any, limit: int | None = _LINE) -> str:
    """A value on one line, cut where it is longer than the limit, if there is one."""
    if value is ABSENT:
        return "(absent)"
    if isinstance(value, dict | list):
        text = orjson.dumps(value).decode()
    else:
        plain = isinstance(value, str) and "\n" not in value
        text = f'"{value}"' if plain else orjson.dumps(value).decode()
    return text if limit is None or len(text) <= limit else f"{text[: limit - 2]}.."


def _moves(plan: Plan) -> Iterator[str]:
    for source, target in plan.moves:
        yield f"  # {source} has moved to {target}"
    if plan.moves:
        yield ""


def _imports(plan: Plan) -> Iterator[str]:
    for address, identifier in plan.imports:
        yield f"  # {address} will be imported: {on_one_line(identifier)}"
    if plan.imports:
        yield ""


def _outputs(outputs: Mapping[str, tuple[Any, Any]], style: Style) -> Iterator[str]:
    for name, (old, new) in outputs.items():
        if old is ABSENT:
            yield f"{style('  +', 'green')} {name} = {short(new)}"
        elif new is ABSENT:
            yield f"{style('  -', 'red')} {name} = {short(old)}"
        else:
            yield f"{style('  ~', 'yellow')} {name} = {short(old)} -> {short(new)}"


def _files(files: Sequence[FileChange], style: Style) -> Iterator[str]:
    for file in files:
        symbol, tail = _FILES[file.action]
        shown = style(f"{symbol:>3}", _COLOURS[symbol])
        yield f"{shown} {on_one_line(file.path)} (output.{file.output}{tail})"


_FILES = {
    "create": ("+", ""),
    "change": ("~", ""),
    "undecided": ("?", ", once its answer is known"),
}


def _nothing(plan: Plan, style: Style) -> str:
    number = plan.unchanged
    word = "answer is" if number == 1 else "answers are"
    return (
        f"{style('No changes.', 'green')} The configuration and the recorded answers match.\n\n"
        f"{number} {word} up to date; nothing would be sent."
    )


def _loaded(data: bytes | None) -> Any:
    return ABSENT if data is None else value_of(data)
