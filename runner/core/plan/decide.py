"""The one decision: what has to happen to a completion, given what is known now.

The plan folds it over the graph with the answers at hand; an apply folds the same function as
answers arrive. It chooses; it never does.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from runner.core.expansion.session import Instance
from runner.core.modules.conditions import check_conditions
from runner.core.plan.actions import Absent, Await, Decision, Issue, Keep, Read, Reuse, Update
from runner.core.plan.appraise import appraise
from runner.core.plan.data_sources import decide_data
from runner.core.plan.known import Known, request_of
from runner.core.plan.reasons import reason as why
from runner.core.plan.reuse import Wants, find_answer, find_from
from runner.core.plan.walk import Kind, Vertex
from runner.core.received import value_of
from runner.core.request.build import Request
from runner.core.request.server_store import is_stored, relabelled
from runner.core.state.line import answers
from runner.core.state.records import Record, Status
from runner.core.values import NotKnown, TemplateError
from runner.errors import RunnerError

_Find = Callable[[Instance, Wants, Known], Reuse | Issue]


def decide(
    batch: Sequence[Vertex], known: Known
) -> Iterator[tuple[Vertex, Decision | RunnerError]]:
    """What has to happen to each completion and data source of a batch.

    Those that keep their answers are settled first, so that the others know which answers are
    free.
    """
    waiting: list[tuple[Vertex, Wants]] = []
    for vertex in batch:
        instance = vertex.instance
        if instance is None:
            continue
        try:
            first = _first_look(instance, known, vertex.kind)
        except RunnerError as exc:
            yield vertex, exc
            continue
        if isinstance(first, Wants):
            waiting.append((vertex, first))
        else:
            yield vertex, first
    for vertex, wants in waiting:
        yield vertex, _found(vertex, wants, known, find_answer)


def decide_again(vertex: Vertex, made: Issue, known: Known) -> Decision | RunnerError:
    """What has to happen to a completion that was about to be issued, if an answer to that very
    request is at hand by now; else what had to.
    """
    wants = Wants(made.fingerprint, made.old, made.sample, made.reason)
    return _found(vertex, wants, known, partial(find_from, made.sample))


def _found(vertex: Vertex, wants: Wants, known: Known, find: _Find) -> Decision | RunnerError:
    assert vertex.instance is not None  # noqa: S101  # a group never gets here
    decision: Decision | RunnerError
    try:
        decision = find(vertex.instance, wants, known)
    except NotKnown as exc:  # a postcondition looks at an answer that has not come
        decision = Await(exc.address, wants.old)
    except RunnerError as exc:
        decision = exc
    if not isinstance(decision, Issue):
        known.drafts.take(vertex.address)
    return decision


def _first_look(instance: Instance, known: Known, kind: Kind) -> Decision | Wants:
    record = known.records.get(instance.address)
    try:
        if not is_enabled(instance):
            if record is not None:
                known.samples.leave(instance.address)
            return Absent()
        if kind == "data":
            return decide_data(instance, known)
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
) -> Decision | Wants:
    if record is not None and _stays(instance, request, record, known):
        known.samples.keep(record)
        return Keep(record)
    if record is None or record.fingerprint != request.fingerprint:
        return _wants(instance, request, record, known, why(record, request))
    again = _again(instance, request, record, known)
    if again:
        return _wants(instance, request, record, known, again, record.sample + 1)
    status = record.status
    if record.rejected:
        status = "complete"  # what was wrong with the answer is wrong no more
    known.samples.keep(record)
    return _updated(request, record, status)


def _stays(instance: Instance, request: Request, record: Record, known: Known) -> bool:
    """Whether nothing about an answer is new, as of most: that is told without reading it."""
    if request.triggers is not None or instance.declared.postconditions:
        return False
    if not answers(record, request.fingerprint, request.recorded):
        return False
    return not (is_stored(request) or known.replace(instance.address))


def _wants(
    instance: Instance,
    request: Request,
    record: Record | None,
    known: Known,
    reason: str,
    start: int = 0,
) -> Wants:
    if record is not None:
        known.samples.leave(instance.address)
    known.drafts.keep(instance.address, request)
    return Wants(request.fingerprint, record, start, reason)


def _again(instance: Instance, request: Request, record: Record, known: Known) -> str:
    """Why the same request is issued once more, if it is."""
    if known.replace(instance.address):
        return "as requested by --replace"
    if instance.declared.postconditions or record.rejected:
        found = appraise(instance, request.body, record.response, mended=record.mended)
        if found.fault is not None:
            return f"its answer was not accepted: {found.fault}"
    if is_stored(request) and not is_stored(record):
        return "its answer is not stored, and store = true stores only a new one"
    return ""


def _updated(request: Request, record: Record, status: Status) -> Decision:
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
    return one == other or value_of(one) == value_of(other)


def is_enabled(instance: Instance) -> bool:
    """Whether it is asked for at all; NotKnown while that hangs on an answer."""
    if instance.judged is not None:
        return _is_there(instance.judged)
    node = instance.declared.meta.get("enabled")
    if node is None:
        return True
    try:
        value = node.render(instance.names())
        value = True if value is None else value  # as if it were not written
        if not isinstance(value, bool):
            raise TemplateError("enabled wants true or false", ("enabled",))
    except TemplateError as exc:
        raise instance.fault(exc) from exc
    if value:
        instance.scope.session.enabled.add(instance.address)
    return value


def _is_there(judged: Instance) -> bool:
    """Whether there is, or will be, an answer to judge."""
    answers = judged.scope.session.answers
    return judged.address not in answers or answers[judged.address] is not None


def _require(instance: Instance) -> None:
    problems = []
    names, masks = instance.names(), instance.scope.masks
    for path, message, _ in check_conditions(instance.declared.preconditions, names, masks):
        detail = f"{instance.address} is not issued: {message}"
        problems.append(instance.declared.block.problem("Precondition failed", detail, path))
    if problems:
        raise RunnerError(*problems)
