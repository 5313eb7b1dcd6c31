"""Carries out one decision at its provider: a completion issued or updated, a data source read."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson
from msgspec import Struct

from runner.core.api.exchange import Answered, Failure, Outgoing, Watch
from runner.core.plan.actions import Issue, Read, Reuse, Update
from runner.core.plan.appraise import Appraisal, appraise
from runner.core.plan.data_sources import data_record, unless_same
from runner.core.plan.events import Started
from runner.core.plan.known import provider_of, request_of
from runner.core.plan.walk import Vertex, address_of
from runner.core.received import table_of
from runner.core.request.build import Request, streaming
from runner.core.request.server_store import stored_id
from runner.core.secrets.redact import redact
from runner.core.state.cache_entry import cache_key
from runner.core.state.records import Record
from runner.core.values import NotKnown
from runner.errors import RunnerError
from runner.io.apply.ports import Way
from runner.io.apply.run import Run

_UNANSWERED = Answered(b"{}", 0, 0)


def outgoing(run: Run, vertex: Vertex, made: Issue, request: Request) -> Outgoing:
    """What goes to a client: the request is on its way."""
    watch = begun(run, vertex, made, request)
    told = run.limits.stream in (True, vertex.address)
    body = streaming(request.body) if told else request.body
    return Outgoing(
        vertex.address,
        body,
        body is not request.body or request.stream,
        request.headers,
        _secrets(run, request),
        watch,
    )


def begun(run: Run, vertex: Vertex, made: Issue, request: Request) -> Watch | None:
    """A request is on its way: it is told, and so is whoever looks on."""
    run.doors.tell(Started(vertex.address))
    return None if run.doors.watch is None else run.doors.watch(vertex, made, request)


class Left(Struct, frozen=True):
    """A request that was left with a client elsewhere; `took` is told what came of it."""

    run: Run
    vertex: Vertex
    made: Issue
    request: Request
    way: Way
    took: "Callable[[Left, Answered | Failure | Exception], Awaitable[object] | None]"

    @property
    def body(self) -> bytes:
        """The JSON body, byte for byte."""
        return self.request.body

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may show."""
        return _secrets(self.run, self.request)

    @property
    def key(self) -> str:
        """The key of its answer."""
        return cache_key(self.made.fingerprint, self.made.sample)

    def draft(self) -> Record:
        """The record that it will have, still without its answer."""
        return _recorded(self.run, self.vertex, self.made, self.request, _UNANSWERED)

    def take(self, result: Answered | Failure | Exception) -> Awaitable[object] | None:
        """What came of it."""
        return self.took(self, result)


async def keep_answer(
    run: Run, vertex: Vertex, made: Issue, request: Request, answer: Answered
) -> None:
    """An answer came: it is in the cache before it counts."""
    run.outcome.maybe_billed += answer.maybe_billed
    record = _recorded(run, vertex, made, request, answer)
    _settled(run, request, record, answer.maybe_billed)
    run.outcome.issued[vertex.address] = record
    is_verbatim = record.response is answer.response  # nothing was taken out of it
    try:
        await run.doors.save(*run.doors.entry(record, run.known.owner))
    except RunnerError as exc:
        # Paid, and the cache does not take it: nothing new is started, and what is still
        # received is written elsewhere when the run ends.
        run.lost.append(record)
        run.stop(str(exc))
    finally:  # also where it is left while the cache is at work: the state has it, written last
        _accept(run, vertex, request, record, answer.value if is_verbatim else None)


def refuse(run: Run, vertex: Vertex, request: Request, failure: Failure) -> None:
    """No answer came, or none yet."""
    run.outcome.maybe_billed += failure.maybe_billed
    _settled(run, request, None, failure.maybe_billed)
    if failure.halted:
        if failure.under_way is not None:
            run.outcome.under_way[vertex.address] = failure.under_way
        run.skip(vertex, failure.message)
        return
    if failure.pointless:
        run.pointless.setdefault(asked_of(request), vertex.address)
    run.fail(vertex, failure)


def asked_of(request: Request) -> tuple[str, str]:
    """The provider and the model that a request is for."""
    return request.provider, str(table_of(request.body).get("model"))


def _settled(run: Run, request: Request, record: Record | None, maybe_billed: int) -> None:
    run.doors.settled(request, record, maybe_billed)
    run.held_back = False


def _secrets(run: Run, request: Request) -> tuple[str, ...]:
    """What nothing that the server says may show: not even in part, where a part was sent."""
    return run.limits.secrets(request.secrets)


def _recorded(run: Run, vertex: Vertex, made: Issue, request: Request, answer: Answered) -> Record:
    return Record(
        address=vertex.address,
        provider=request.provider,
        identity=request.identity,
        fingerprint=made.fingerprint,
        sample=made.sample,
        request=request.recorded,
        response=redact(answer.response, _secrets(run, request)),
        issued_at=run.doors.now(),
        duration_ms=answer.duration_ms,
        attempts=answer.attempts,
        depends_on=tuple(map(address_of, vertex.needs)),
        triggers=request.triggers,
        maybe_billed=answer.maybe_billed,
        mended=answer.mended,
        first_ms=answer.first_ms,
        batch=answer.batch,
    )


def _accept(run: Run, vertex: Vertex, request: Request, record: Record, value: Any) -> None:
    instance = vertex.instance
    assert instance is not None  # noqa: S101  # only instances are issued
    try:
        found = appraise(instance, request.body, record.response, mended=record.mended, value=value)
    except NotKnown as exc:
        said = f"its postcondition looks at {exc.address}, which has no answer"
        found = Appraisal("failed_check", said)
    kept = record
    if found.status != record.status:
        kept = replace(record, status=found.status)
    run.outcome.records[vertex.address] = kept
    run.outcome.issued[vertex.address] = kept
    if found.fault is not None and not run.limits.any_answer:
        said = f"The answer came, was kept, and is not accepted: {found.fault}"
        run.fail(vertex, Failure(said, attempts=record.attempts), kept)
        return
    run.finish(vertex, "issued", kept, found.warning, record.maybe_billed)


async def update(run: Run, vertex: Vertex, made: Update | Reuse) -> None:
    """Tell the server that keeps the completion its new metadata."""
    assert vertex.instance is not None  # noqa: S101  # only instances are updated
    request = request_of(vertex.instance, run.known)
    body = orjson.loads(request.body)  # nothing masked
    metadata = orjson.dumps({"metadata": body.get("metadata")})
    result = await run.doors.update(request.provider, stored_id(made.record), metadata)
    if isinstance(result, Failure):
        run.fail(vertex, result)
        return
    run.finish(vertex, "updated", made.record)


async def read(run: Run, vertex: Vertex, made: Read) -> None:
    """Ask the server for a data source; what it is already known to say stays as it is."""
    instance = vertex.instance
    assert instance is not None  # noqa: S101  # a data source is an instance
    provider = provider_of(instance, run.known)
    kind = instance.declared.name.split(".", 1)[0]
    fresh = any(need in run.outcome.issued for need in run.walk.steps_at(vertex.needs))
    result = await run.doors.read(provider.name, kind, made.arguments, fresh)
    if isinstance(result, Failure):
        run.fail(vertex, result)
        return
    record = data_record(instance, provider, made, result, run.limits.secrets(()))
    kept = unless_same(
        run.known.records.get(vertex.address), replace(record, issued_at=run.doors.now())
    )
    run.finish(vertex, "read", kept)
