"""Carries a plan out: folds the plan's own decision over the graph as answers arrive.

A completion starts the moment its inputs have settled. Its answer is in the cache, committed,
before it counts, before a dependent starts and before its place in flight is free again: what a
crash can lose is what was in flight, and no more.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial

import orjson

from runner.core.address import around
from runner.core.answer import warning
from runner.core.appraise import Appraisal, appraise
from runner.core.decide import decide
from runner.core.decisions import Absent, Await, Decision, Issue, Keep, Read, Reuse, Update, resolve
from runner.core.entry import cache_key, to_entry
from runner.core.events import Failed, Skipped, Started
from runner.core.exchange import Answer, Failure, Outgoing
from runner.core.graph import Vertex, Walk, cycle_error
from runner.core.known import Known, provider_of, request_of
from runner.core.plan import Plan
from runner.core.redact import redact, redact_text
from runner.core.removals import protected
from runner.core.request import Request, streaming
from runner.core.sources import data_record, unless_same
from runner.core.state import Record
from runner.core.steps import Remove
from runner.core.stored import stored_id
from runner.core.values import NotKnown
from runner.errors import RunnerError
from runner.shell.doors import Client, Doors, Limits, Outcome
from runner.shell.removal import Removal


class Apply:
    """One run. Drive it with `run`; `stop` ends it after what is in flight, `abandon` at once."""

    def __init__(self, plan: Plan, walk: Walk, known: Known, doors: Doors, limits: Limits) -> None:
        self.outcome = Outcome(dict(known.records), walk.session)
        self.in_flight = 0
        self._plan, self._walk, self._known = plan, walk, known
        known.samples.is_declared = walk.is_declared  # this walk learns more than the plan's
        self._doors, self._limits = doors, limits
        self._queues: dict[str, deque[tuple[Vertex, Issue]]] = {}
        self._clients: dict[str, Client] = {}
        self._busy: dict[str, int] = {}
        self._held_back = False  # nothing is started before something in flight has ended
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: set[str] = set()
        self._lost: list[Record] = []
        self._vanished: dict[str, Record] = {}
        self._expanded: set[str] = set()
        self._idle = asyncio.Event()
        self._bug: BaseException | None = None
        self._undecided = {
            address for address, made in plan.decisions.items() if isinstance(made, Await)
        }

    async def run(self) -> Outcome:
        """Carry the plan out; returns when nothing is in flight any more."""
        for address, _ in self._plan.imports:
            self.outcome.finish(
                self._doors.tell, address, "imported", self.outcome.records[address]
            )
        for _, address in self._plan.moves:
            self.outcome.finish(self._doors.tell, address, "moved", self.outcome.records[address])
        self._pump()
        while not self._idle.is_set():
            try:
                await asyncio.wait_for(self._idle.wait(), self._limits.checkpoint_every)
            except TimeoutError:
                await self._checkpoint()
        if self._bug is not None:
            raise self._bug
        self._skip_rest()
        self._fail_stuck()
        if self.outcome.stopped is None:
            self._vanish_unnamed()
            await self._removal()
        if self._lost:
            try:
                self.outcome.rescued = self._doors.rescue(self._lost)
            except RunnerError as exc:  # the state, written next, may have room yet
                self.outcome.unsaved = exc
        return self.outcome

    def interrupt(self) -> None:
        """Somebody asked to end the run: as `stop`."""
        self.outcome.interrupted = True
        self.stop("interrupted")

    def stop(self, why: str, *, halt: bool = True) -> None:
        """Start nothing new; what is in flight is awaited and recorded. With `halt`, what waits
        to be sent again is not waited for.
        """
        if self.outcome.stopped is None:
            self.outcome.stopped = why
        if halt:
            for client in self._clients.values():
                client.halt()
        self._check_idle()

    def abandon(self) -> None:
        """Leave at once: what is in flight is given up, what was paid is already durable."""
        self.interrupt()
        for task in self._tasks:
            task.cancel()

    async def _checkpoint(self) -> None:
        try:
            await self._doors.checkpoint(self.outcome.records)
        except RunnerError as exc:
            # It will not be written at the end either: what is received until then goes where
            # that says.
            self.stop(str(exc))

    async def _removal(self) -> None:
        """As a task, so that it can be abandoned."""
        self.in_flight += 1
        task = asyncio.get_running_loop().create_task(
            Removal(self._plan, self.outcome, self._doors, self._vanished).run()
        )
        self._tasks.add(task)
        with suppress(asyncio.CancelledError):
            await task
        self.in_flight -= 1

    # -- the fold

    def _pump(self) -> None:
        """Decide what is ready, and start what may start."""
        while self._walk.ready and self.outcome.stopped is None:
            batch = [self._walk.ready.popleft() for _ in range(len(self._walk.ready))]
            self._advance(batch)
        self._start()
        self._check_idle()

    def _advance(self, batch: list[Vertex]) -> None:
        fresh: list[Vertex] = []
        for vertex in batch:
            broken = next((need for need in vertex.needs if need in self._failed), None)
            if broken is not None:
                self._skip(vertex, broken)
            elif vertex.kind == "expand" and self._plan.chosen(vertex.address):
                self._expand(vertex)
            elif vertex.instance is None or not self._plan.chosen(vertex.address):
                self._walk.settle(vertex.address)
            else:
                made = self._plan.decisions.get(vertex.address)
                if made is None or isinstance(made, Await | Read):
                    fresh.append(vertex)
                else:
                    self._carry(vertex, made)
        for vertex, decision in decide(fresh, self._known):
            error = decision if isinstance(decision, RunnerError) else _refused(vertex, decision)
            if error is not None:
                self._fail(vertex, Failure(str(error)))
            elif not isinstance(decision, RunnerError):
                self._carry(vertex, decision)

    def _carry(self, vertex: Vertex, decision: Decision) -> None:
        address = vertex.address
        match decision:
            case Keep(record):
                if address in self._undecided:
                    self.outcome.kept_back += 1
                self.outcome.records[address] = record
                self._settle(vertex, decision)
            case Reuse(record) if not decision.metadata:
                said = warning(record.response) if record.status == "incomplete" else None
                self.outcome.records[address] = record
                self.outcome.finish(self._doors.tell, address, "reused", record, said)
                self._settle(vertex, decision)
            case Update(record) if not decision.metadata:
                self.outcome.records[address] = record
                self.outcome.finish(self._doors.tell, address, "updated", record)
                self._settle(vertex, decision)
            case Update() | Reuse():
                self._spawn(vertex, self._update(vertex, decision))
            case Read(on=None):
                self._spawn(vertex, self._read(vertex, decision))
            case Issue():
                assert vertex.instance is not None  # noqa: S101  # only instances are decided
                provider = provider_of(vertex.instance, self._known).name
                self._queues.setdefault(provider, deque()).append((vertex, decision))
            case Absent():
                self._vanish(address)
                self._settle(vertex, decision)
            case Await() | Read():
                self._fail(vertex, Failure(f"{decision.on} has no answer"))

    def _settle(self, vertex: Vertex, decision: Decision) -> None:
        if vertex.instance is not None:
            answer = resolve(decision, vertex.address)
            if answer is not ... and self._walk.dependents(vertex.address):
                self._walk.session.answers[vertex.address] = answer
            elif answer is not ...:
                self._walk.session.answers.setdefault(vertex.address, answer)
        self._walk.settle(vertex.address)

    def _expand(self, vertex: Vertex) -> None:
        try:
            self._walk.expand(vertex)
        except (RunnerError, NotKnown) as exc:
            self._fail(vertex, Failure(str(exc)))
            return
        self._expanded.add(vertex.address.rstrip("#"))
        self._walk.settle(vertex.address)

    def _vanish_unnamed(self) -> None:
        """Instances that the answers of this run no longer name."""
        for address in self.outcome.records:
            known = self._walk.is_declared(address) or not self._plan.chosen(address)
            if not known and any(block in self._expanded for block in around(address)):
                self._vanish(address)

    def _vanish(self, address: str) -> None:
        """Removed with the plan's removals, once everything else went well."""
        record = self.outcome.records.get(address)
        if record is not None:
            self._vanished[address] = record

    # -- requests

    def _start(self) -> None:
        for provider, queue in self._queues.items():
            while queue and self.outcome.stopped is None and not self._held_back:
                client = self._clients.get(provider)
                limit = client.limit if client is not None else 1
                if self.in_flight >= self._limits.concurrency:
                    return
                if self._busy.get(provider, 0) >= limit:
                    break
                vertex, issue = queue.popleft()
                self._busy[provider] = self._busy.get(provider, 0) + 1
                self._spawn(vertex, self._issue(vertex, issue, provider))

    def _spawn(self, vertex: Vertex, work: Coroutine[None, None, None]) -> None:
        self.in_flight += 1
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, vertex))

    def _ended(self, vertex: Vertex, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.in_flight -= 1
        fault = None if task.cancelled() else task.exception()
        try:
            if isinstance(fault, RunnerError):
                # A provider that cannot be opened ends the run, not what others have in flight.
                self._fail(vertex, Failure(str(fault), fatal=True))
            elif fault is not None:
                self._crash(fault)
            self._pump()
        except Exception as exc:  # noqa: BLE001  # in a callback it would be lost, and run() wait on
            self._crash(exc)

    def _crash(self, bug: BaseException) -> None:
        """A bug ends the run as an interrupt does: what is in flight is recorded first."""
        self._bug = self._bug or bug
        self.stop("the runner has a bug")

    def _check_idle(self) -> None:
        waiting = self.outcome.stopped is None and any(self._queues.values())
        if self.in_flight == 0 and not waiting:
            self._idle.set()

    async def _issue(self, vertex: Vertex, issue: Issue, provider: str) -> None:
        try:
            await self._issue_one(vertex, issue, provider)
        finally:
            self._busy[provider] -= 1

    async def _issue_one(self, vertex: Vertex, issue: Issue, provider: str) -> None:
        instance = vertex.instance
        assert instance is not None  # noqa: S101  # only instances are issued
        request = self._draft(vertex.address) or request_of(instance, self._known)
        refusal = self._doors.may_start(request)
        if refusal is not None and refusal.passing and self.outcome.stopped is None:
            self._queues[provider].append((vertex, issue))
            self._held_back = True
            return
        if refusal is not None:
            self.stop(refusal.why, halt=False)
            self._skip(vertex, refusal.why)
            return
        if provider not in self._clients:
            self._clients[provider] = await self._doors.connect(provider)
            if self.outcome.stopped is not None:
                self._clients[provider].halt()
            self._start()
        self._doors.tell(Started(vertex.address))
        stream = self._limits.stream
        out = Outgoing(
            vertex.address,
            streaming(request.body) if stream else request.body,
            stream or request.stream,
            request.headers,
            self._secrets(request),
        )
        try:
            result = await self._clients[provider].complete(out)
        except asyncio.CancelledError:
            result = Failure("the run was left before an answer came", maybe_billed=1)
        if isinstance(result, Failure):
            self._settled(request, None, result.maybe_billed)
            self.outcome.maybe_billed += result.maybe_billed
            if result.halted:
                self._skip(vertex, "the run stopped")
            else:
                self._fail(vertex, result)
        else:
            await self._record(vertex, issue, request, result)

    def _settled(self, request: Request, record: Record | None, maybe_billed: int) -> None:
        self._doors.settled(request, record, maybe_billed)
        self._held_back = False

    def _secrets(self, request: Request) -> tuple[str, ...]:
        """What nothing that the server says may show: not even in part, where a part was sent."""
        return (*self._limits.secrets(), *request.secrets)

    def _draft(self, address: str) -> Request | None:
        return self._known.drafts.take(address) or self._plan.known.drafts.take(address)

    async def _record(self, vertex: Vertex, issue: Issue, request: Request, answer: Answer) -> None:
        record = self._made(vertex, issue, request, answer)
        self._settled(request, record, answer.maybe_billed)
        self.outcome.issued[vertex.address] = record
        self.outcome.maybe_billed += answer.maybe_billed
        try:
            await self._doors.save(cache_key(record.fingerprint, record.sample), to_entry(record))
        except RunnerError as exc:
            # Paid, and the cache does not take it: nothing new is started, and what is still
            # received is written elsewhere when the run ends.
            self._lost.append(record)
            self.stop(str(exc))
        except asyncio.CancelledError:
            # Left while the cache was at work: the state, written at the end, has it.
            self._accept(vertex, request, record, answer)
            raise
        self._accept(vertex, request, record, answer)

    def _made(self, vertex: Vertex, issue: Issue, request: Request, answer: Answer) -> Record:
        return Record(
            address=vertex.address,
            provider=request.provider,
            identity=request.identity,
            fingerprint=issue.fingerprint,
            sample=issue.sample,
            request=request.recorded,
            response=redact(answer.response, self._secrets(request)),
            issued_at=self._doors.now(),
            duration_ms=answer.duration_ms,
            attempts=answer.attempts,
            depends_on=tuple(need.rstrip("#") for need in vertex.needs),
            triggers=request.triggers,
            maybe_billed=answer.maybe_billed,
        )

    def _accept(self, vertex: Vertex, request: Request, record: Record, answer: Answer) -> None:
        instance = vertex.instance
        assert instance is not None  # noqa: S101  # only instances are issued
        try:
            found = appraise(instance, request.body, record.response)
        except NotKnown as exc:
            said = f"its postcondition looks at {exc.address}, which has no answer"
            found = Appraisal("failed_check", said)
        kept = record
        if found.status != record.status:
            kept = replace(record, status=found.status)
        self.outcome.records[vertex.address] = kept
        self.outcome.issued[vertex.address] = kept
        if found.fault is not None:
            said = f"The answer came, was kept, and is not accepted: {found.fault}"
            self._fail(vertex, Failure(said, attempts=answer.attempts), kept)
            return
        self.outcome.finish(
            self._doors.tell, vertex.address, "issued", kept, found.warning, answer.maybe_billed
        )
        self._settle(vertex, Keep(kept))

    async def _update(self, vertex: Vertex, update: Update | Reuse) -> None:
        assert vertex.instance is not None  # noqa: S101  # only instances are updated
        request = request_of(vertex.instance, self._known)
        body = orjson.loads(request.body)  # nothing masked
        metadata = orjson.dumps({"metadata": body.get("metadata")})
        result = await self._doors.update(request.provider, stored_id(update.record), metadata)
        if isinstance(result, Failure):
            self._fail(vertex, result)
            return
        self.outcome.records[vertex.address] = update.record
        self.outcome.finish(self._doors.tell, vertex.address, "updated", update.record)
        self._settle(vertex, update)

    async def _read(self, vertex: Vertex, read: Read) -> None:
        instance = vertex.instance
        assert instance is not None  # noqa: S101  # a data source is an instance
        provider = provider_of(instance, self._known)
        kind = instance.declared.name.split(".", 1)[0]
        fresh = any(need in self.outcome.issued for need in vertex.needs)
        result = await self._doors.read(provider.name, kind, read.arguments, fresh)
        if isinstance(result, Failure):
            self._fail(vertex, result)
            return
        record = data_record(instance, provider, read, result, self._limits.secrets())
        kept = unless_same(
            self._known.records.get(vertex.address),
            replace(record, issued_at=self._doors.now()),
        )
        self.outcome.records[vertex.address] = kept
        self.outcome.finish(self._doors.tell, vertex.address, "read", kept)
        self._settle(vertex, Keep(kept))

    # -- outcomes

    def _fail(self, vertex: Vertex, failure: Failure, record: Record | None = None) -> None:
        name = vertex.address.rstrip("#")
        message = redact_text(failure.message, self._limits.secrets())
        failure = replace(failure, message=message)
        self.outcome.failed[name] = failure
        self._failed.update((vertex.address, name))
        self._doors.tell(Failed(name, failure, record))
        if failure.fatal:
            self.stop(failure.message)
        elif self._limits.fail_fast:
            self.stop(f"{name} failed, and --fail-fast was given")
        self._walk.settle(vertex.address)

    def _skip(self, vertex: Vertex, because: str) -> None:
        self._failed.add(vertex.address)
        if vertex.instance is not None and self._plan.chosen(vertex.address):
            cause = because.rstrip("#")
            self.outcome.skipped[vertex.address] = cause
            self._doors.tell(Skipped(vertex.address, cause))
        self._walk.settle(vertex.address)

    def _fail_stuck(self) -> None:
        """A cycle that showed only when an answer named the instances of a block."""
        stuck = [vertex for vertex in self._walk.stuck() if vertex.instance is not None]
        if self.outcome.stopped is None and stuck:
            failure = Failure(str(cycle_error(self._walk)))
            for vertex in stuck:
                self.outcome.failed[vertex.address] = failure
                self._doors.tell(Failed(vertex.address, failure))

    def _skip_rest(self) -> None:
        """What the plan would have done and the stop prevented."""
        if self.outcome.stopped is None:
            return
        seen = {*self.outcome.done, *self.outcome.failed, *self.outcome.skipped}
        for step in self._plan.steps:
            if step.address not in seen and not isinstance(step.action, Remove):
                self.outcome.skipped[step.address] = "the run stopped"


def _refused(vertex: Vertex, decision: object) -> RunnerError | None:
    """Why an answer that must not be destroyed is not replaced by what became known."""
    if vertex.instance is None or not isinstance(decision, Issue | Reuse) or decision.old is None:
        return None
    problems = protected(vertex.instance.declared, vertex.address, "re-issue")
    return RunnerError(*problems) if problems else None
