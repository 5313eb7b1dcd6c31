"""The one decision: what has to happen to a completion, given what is known now.

The plan folds it over the graph with the answers at hand; an apply folds the same function as
answers arrive. It chooses; it never does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from runner.core.address import with_key
from runner.core.answer import recorded_answer
from runner.core.appraise import appraise
from runner.core.conditions import check_conditions
from runner.core.digest import canonical, digest
from runner.core.drafts import Drafts
from runner.core.entry import from_entry
from runner.core.expand import Instance, Session
from runner.core.graph import Vertex
from runner.core.provider import Provider
from runner.core.request import Request, build
from runner.core.samples import Samples
from runner.core.state import Record
from runner.core.stored import is_stored, relabelled
from runner.core.suggest import did_you_mean
from runner.core.template import Constant, Masked
from runner.core.values import NotKnown, TemplateError, plain
from runner.errors import Problem, RunnerError

Lookup = Callable[[str, int], bytes | None]  # (fingerprint, sample) -> a cached entry


@dataclass(frozen=True, slots=True)
class Keep:
    """The record answers this request."""

    record: Record


@dataclass(frozen=True, slots=True)
class Reuse:
    """An answer to this very request is at hand: `record` is it, under this address.

    `origin` is the address it was recorded at, None if it comes from the cache; `old` is the
    record that it replaces; `metadata` says that the server, which stored the completion, is told
    new metadata.
    """

    record: Record
    origin: str | None
    old: Record | None
    metadata: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """A request has to be sent. `old` is the record that its answer will replace."""

    fingerprint: str
    sample: int
    old: Record | None
    reason: str


@dataclass(frozen=True, slots=True)
class Update:
    """The same request; only what travels with it changed. `record` is as it will be; `metadata`
    says that the server is told, because it stored the completion.
    """

    record: Record
    old: Record
    metadata: bool


@dataclass(frozen=True, slots=True)
class Await:
    """What has to happen depends on the answer at `on`."""

    on: str
    old: Record | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """The completion is not enabled."""


@dataclass(frozen=True, slots=True)
class Read:
    """A data source has to be read. `arguments` is sent and `recorded` is the same with sensitive
    values masked; both are canonical JSON.

    `on` is the answer that has to come first; what is asked is not known before.
    """

    arguments: bytes
    recorded: bytes
    fingerprint: str
    on: str | None = None


Decision = Keep | Reuse | Issue | Update | Await | Absent | Read


@dataclass(frozen=True, slots=True)
class Known:
    """What a decision may look at besides the completion itself."""

    session: Session
    records: Mapping[str, Record]
    providers: Mapping[str, Provider]
    default_provider: str
    lookup: Lookup
    samples: Samples
    replace: Callable[[str], bool] = lambda _: False
    reads: Mapping[str, Record] | None = None  # data sources read in this run; None: offline
    drafts: Drafts = field(default_factory=Drafts)


@dataclass(frozen=True, slots=True)
class _Wants:
    """An answer that is no record of this address yet. Its request is among the drafts if there
    was room for it; a large batch is not all held at once.
    """

    fingerprint: str
    old: Record | None
    start: int
    reason: str


def decide(
    batch: Sequence[Vertex], known: Known
) -> Iterator[tuple[Vertex, Decision | RunnerError]]:
    """What has to happen to each completion and data source of a batch.

    Those that keep their answers are settled first, so that the others know which answers are
    free.
    """
    waiting: list[tuple[Vertex, _Wants]] = []
    for vertex in batch:
        instance = vertex.instance
        if instance is None:
            continue
        try:
            first = _first_look(instance, known, vertex.kind)
        except RunnerError as exc:
            yield vertex, exc
            continue
        if isinstance(first, _Wants):
            waiting.append((vertex, first))
        else:
            yield vertex, first
    for vertex, wants in waiting:
        assert vertex.instance is not None  # noqa: S101  # a group never gets here
        decision: Decision | RunnerError
        try:
            decision = _find(vertex.instance, wants, known)
        except NotKnown as exc:  # a postcondition looks at an answer that has not come
            decision = Await(exc.address, wants.old)
        except RunnerError as exc:
            decision = exc
        if not isinstance(decision, Issue):
            known.drafts.take(vertex.address)
        yield vertex, decision


def provider_of(instance: Instance, known: Known) -> Provider:
    """The provider that a completion names, or the project's own."""
    node = instance.declared.meta.get("provider")
    name: Any = known.default_provider
    if node is None and "provider" in instance.declared.params:
        node = instance.declared.params["provider"]
    if node is not None:
        try:
            name = node.render(instance.names())
        except TemplateError as exc:
            raise instance.fault(exc) from exc
    if isinstance(name, str) and name in known.providers:
        return known.providers[name]
    said = unknown_provider(str(name), known.providers)
    path = ("provider",) if node is not None else ()
    raise RunnerError(instance.declared.block.problem("Unknown provider", said, path))


def unknown_provider(name: str, providers: Mapping[str, Provider]) -> str:
    """That there is no such provider, and which are near."""
    hint = did_you_mean(name, providers, f" There are {', '.join(providers)}.")
    return f'There is no provider "{name}".{hint} Declare it as [provider.{name}].'


def request_of(instance: Instance, known: Known) -> Request:
    """The request of a completion, filled."""
    record = known.records.get(instance.address)
    provider = provider_of(instance, known)
    return build(instance, provider, record)


def _first_look(instance: Instance, known: Known, kind: str) -> Decision | _Wants:
    record = known.records.get(instance.address)
    try:
        if not _enabled(instance):
            known.samples.leave(instance.address)
            return Absent()
        if kind == "data":
            return _data(instance, known, record)
        request = request_of(instance, known)
        if instance.declared.preconditions:
            _require(instance)
        return _compare(instance, request, record, known)
    except NotKnown as exc:
        if kind == "data":
            return Read(b"", b"", "", exc.address)
        return Await(exc.address, record)


def _compare(
    instance: Instance, request: Request, record: Record | None, known: Known
) -> Decision | _Wants:
    if record is None or record.fingerprint != request.fingerprint:
        return _wants(instance, request, known, 0, _why(record, request))
    again = _again(instance, request, record, known)
    if again:
        return _wants(instance, request, known, record.sample + 1, again)
    status = record.status
    if status in {"invalid", "failed_check"}:
        status = "complete"  # what was wrong with the answer is wrong no more
    known.samples.keep(record)
    if (record.request, record.triggers, record.status) == (
        request.recorded,
        request.triggers,
        status,
    ):
        return Keep(record)
    return _updated(request, record, status)


def _wants(instance: Instance, request: Request, known: Known, start: int, reason: str) -> _Wants:
    known.samples.leave(instance.address)
    known.drafts.keep(instance.address, request)
    return _Wants(request.fingerprint, known.records.get(instance.address), start, reason)


def _why(record: Record | None, request: Request) -> str:
    """Why it is issued, where what is shown of the two requests does not say it."""
    if record is None:
        return "new"
    before = record.identity, record.request, record.triggers
    if before == (request.identity, request.recorded, request.triggers):
        return "a sensitive value changed"
    return ""


def _again(instance: Instance, request: Request, record: Record, known: Known) -> str:
    """Why the same request is issued once more, if it is."""
    if known.replace(instance.address):
        return "as requested by --replace"
    if instance.declared.postconditions or record.status in {"invalid", "failed_check"}:
        found = appraise(instance, request.body, record.response)
        if found.fault is not None:
            return f"its answer was not accepted: {found.fault}"
    if is_stored(request) and not is_stored(record):
        return "store was turned on, and only a new request is stored"
    return ""


def _updated(request: Request, record: Record, status: str) -> Decision:
    same = _same(record.request, request.recorded) and _same(record.triggers, request.triggers)
    if same and record.status == status:
        return Keep(record)  # a reformatted state says it in other words
    changed = replace(
        record,
        provider=request.provider,
        request=request.recorded,
        triggers=request.triggers,
        status=status,
    )
    return Update(changed, record, metadata=relabelled(record, request))


def _same(one: bytes | None, other: bytes | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or orjson.loads(one) == orjson.loads(other)


def _find(instance: Instance, wants: _Wants, known: Known) -> Decision:
    """An answer to this request that nobody else holds; else a request has to be issued."""
    start = wants.start
    while True:
        sample = known.samples.take(instance.address, wants.fingerprint, start)
        found = _at_hand(instance.address, wants.fingerprint, sample, known)
        if found is None:
            return Issue(wants.fingerprint, sample, wants.old, wants.reason)
        request = known.drafts.held(instance.address) or request_of(instance, known)
        reused = _reused(instance, request, found, wants.old)
        if reused is not None:
            return reused
        start = sample + 1  # paid for, and not what is wanted: it stays in the cache, unused


def _reused(
    instance: Instance, request: Request, found: tuple[Record, str | None], old: Record | None
) -> Reuse | None:
    record, origin = found
    fault = appraise(instance, request.body, record.response)
    if fault.fault is not None or (is_stored(request) and not is_stored(record)):
        return None
    kept = replace(
        record,
        address=instance.address,
        provider=request.provider,
        request=request.recorded,
        triggers=request.triggers,
        status=fault.status,
        line=None,
    )
    return Reuse(kept, origin, old, relabelled(record, request))


def _at_hand(
    address: str, fingerprint: str, sample: int, known: Known
) -> tuple[Record, str | None] | None:
    origin = known.samples.index.get((fingerprint, sample))
    if origin is not None and origin != address:
        return known.records[origin], origin
    data = known.lookup(fingerprint, sample)
    if data is None:
        return None
    record = from_entry(data, address, fingerprint, sample)
    return None if record is None else (record, None)


def _enabled(instance: Instance) -> bool:
    node = instance.declared.meta.get("enabled")
    if node is None:
        return True
    try:
        value = node.render(instance.names())
        if not isinstance(value, bool):
            raise TemplateError("enabled wants true or false", ("enabled",))
    except TemplateError as exc:
        raise instance.fault(exc) from exc
    return value


def _require(instance: Instance) -> None:
    problems = []
    names, masks = instance.names(), instance.scope.masks
    for path, message, _ in check_conditions(instance.declared.preconditions, names, masks):
        detail = f"{instance.address} is not issued: {message}"
        problems.append(instance.declared.block.problem("Precondition failed", detail, path))
    if problems:
        raise RunnerError(*problems)


def _data(instance: Instance, known: Known, record: Record | None) -> Decision:
    _require_answers(instance)
    provider = provider_of(instance, known)
    if provider.type == "embedded":
        raise RunnerError(_no_store(instance, provider))
    try:
        asked = _asked(instance)
        recorded = canonical(_asked(instance, instance.scope.masks))
    except TemplateError as exc:
        raise instance.fault(exc) from exc
    _check_asked(instance, asked)
    arguments = canonical(asked)
    asks = digest(b"data/1 %b %b" % (provider.identity_json, arguments))
    if known.reads is None and record is not None and record.fingerprint == asks:
        return Keep(record)  # offline: what was read last
    if known.reads is not None:
        read = known.reads.get(instance.address)
        if read is not None and read.fingerprint == asks:
            return Keep(read)
    return Read(arguments, recorded, asks)


def _asked(instance: Instance, masked: Masked | None = None) -> dict[str, Any]:
    """What a data source asks for."""
    names = instance.names()
    return {
        name: plain(node.render(names, masked))
        for name, node in instance.declared.params.items()
        if name != "provider"
    }


def _check_asked(instance: Instance, asked: dict[str, Any]) -> None:
    """What expressions yielded has the type and the bounds that a written value must have."""
    block = instance.declared.block
    if all(isinstance(node, Constant) for node in instance.declared.params.values()):
        return
    from runner.core.checks import check_source  # noqa: PLC0415  # pydantic, 50 ms

    problems = [
        block.problem(found.summary, f"In {instance.address}: {found.detail}", found.path)
        for found in check_source(instance.declared.name.split(".", 1)[0], asked)
    ]
    if problems:
        raise RunnerError(*problems)


def _no_store(instance: Instance, provider: Provider) -> Problem:
    said = (
        f"{instance.address} would be read from the provider {provider.name}, and the model in "
        "this process stores no completions. Name one that does: provider = .. in this block."
    )
    return instance.declared.block.problem("No store", said, ("provider",))


def _require_answers(instance: Instance) -> None:
    """NotKnown while what depends_on names has yet to happen: it may change what is read."""
    session = instance.scope.session
    for address in instance.scope.order(instance.declared):
        keys = session.keys.get(address)
        for one in [address] if keys is None else [with_key(address, key) for key in keys]:
            if one in session.changing:
                raise NotKnown(one)
            session.answer(one)


def resolve(decision: Decision, address: str) -> Any:
    """The answer that a decision makes known; NotKnown's sentinel `...` while there is none."""
    match decision:
        case Keep(record) | Reuse(record) | Update(record):
            return recorded_answer(address, record.response)
        case Absent():
            return None
    return ...
