"""Carries a plan out: folds the plan's own decision over the graph as answers arrive.

A completion starts the moment its inputs have settled. Its answer is in the cache, committed,
before it counts, before a dependent starts and before its place in flight is free again: what a
crash can lose is what was in flight, and no more.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from functools import partial

from runner.core.address import around
from runner.core.api.answer import warning
from runner.core.api.exchange import Answered, Failure, spared
from runner.core.plan.actions import Absent, Await, Decision, Issue, Keep, Read, Reuse, Update
from runner.core.plan.decide import decide, decide_again
from runner.core.plan.known import Known, provider_of, request_of
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.removals import irreplaceable
from runner.core.plan.walk import Vertex, Walk, address_of
from runner.core.request.build import Request
from runner.core.request.server_store import is_stored
from runner.core.state.records import Record
from runner.core.values import NotKnown
from runner.errors import RunnerError
from runner.io.apply.ports import (
    AnyClient,
    Client,
    ClientElsewhere,
    Doors,
    Fetch,
    Limits,
    Outcome,
    Way,
)
from runner.io.apply.removal import Removal
from runner.io.apply.requests import (
    Left,
    asked_of,
    begun,
    keep_answer,
    outgoing,
    read,
    refuse,
    update,
)
from runner.io.apply.run import Run


class Apply:
    """One run. Drive it with `run`; `stop` ends it after what is in flight, `abandon` at once."""

    def __init__(
        self, plan: PlannedSteps, walk: Walk, known: Known, doors: Doors, limits: Limits
    ) -> None:
        self.outcome = Outcome(dict(known.records), walk.session)
        self.in_flight = 0
        self.elsewhere = 0  # so many of them wait at a server, and are left there when a run ends
        self._aside = 0  # so many of them are not in flight to a provider
        known.samples.is_declared = walk.is_declared  # this walk learns more than the plan's
        self._plan, self._walk = plan, walk
        self._run = Run(plan, walk, known, doors, limits, self.outcome)
        self._queues: dict[Way, deque[tuple[Vertex, Issue]]] = {}
        self._busy = Counter[Way]()
        self._tasks: set[asyncio.Task[None]] = set()
        self._vanished: dict[str, Record] = {}
        self._expanded: set[str] = set()
        self._idle = asyncio.Event()
        self._woken = False
        self._bug: BaseException | None = None
        self._undecided = {
            address for address, made in plan.decisions.items() if isinstance(made, Await)
        }

    async def run(self) -> Outcome:
        """Carry the plan out; returns when nothing is in flight any more."""
        for address, _ in self._plan.imports:
            self.outcome.finish(
                self._run.doors.tell, address, "imported", self.outcome.records[address]
            )
        for _, address in self._plan.moves:
            self.outcome.finish(
                self._run.doors.tell, address, "moved", self.outcome.records[address]
            )
        self._pump()
        kept = 0
        while not self._idle.is_set():
            try:
                await asyncio.wait_for(self._idle.wait(), self._run.limits.checkpoint_every)
            except TimeoutError:
                self._heed_lock()
                if len(self._run.lost) > kept:  # the cache has all others, as durable
                    kept = len(self._run.lost)
                    await self._checkpoint()
        if self._bug is not None:
            raise self._bug
        self._heed_lock()
        self._run.skip_rest()
        self._run.fail_stuck()
        if self.outcome.stopped is None:
            self._vanish_unnamed()
            await self._removal()
        self._run.rescue()
        return self.outcome

    def interrupt(self) -> None:
        """Somebody asked to end the run: as `stop`."""
        self.outcome.interrupted = True
        self.stop("interrupted")

    def stop(self, why: str, *, halt: bool = True) -> None:
        """Start nothing new; what is in flight is awaited and recorded. With `halt`, what waits
        to be sent again is not waited for.
        """
        self._run.stop(why, halt=halt)
        self._check_idle()

    def abandon(self) -> None:
        """Leave at once: what is in flight is given up, what was paid is already durable."""
        self.interrupt()
        for task in self._tasks:
            task.cancel()

    def _heed_lock(self) -> None:
        why = self._run.doors.lost() if self.outcome.stopped is None else None
        if why is not None:
            self.stop(why)

    async def _checkpoint(self) -> None:
        try:
            await self._run.doors.checkpoint(self.outcome.records)
        except RunnerError as exc:
            # It will not be written at the end either: what is received until then goes where
            # that says.
            self.stop(str(exc))

    async def _removal(self) -> None:
        """As a task, so that it can be abandoned."""
        self.in_flight += 1
        task = asyncio.get_running_loop().create_task(
            Removal(self._plan, self.outcome, self._run.doors, self._vanished).run()
        )
        self._tasks.add(task)
        with suppress(asyncio.CancelledError):
            await task
        self.in_flight -= 1

    # -- the fold

    def _pump(self) -> None:
        """Decide what is ready, and start what may start."""
        self._heed_lock()
        while self._walk.ready and self.outcome.stopped is None:
            batch = [self._walk.ready.popleft() for _ in range(len(self._walk.ready))]
            self._advance(batch)
        self._start()
        self._check_idle()

    def _advance(self, batch: list[Vertex]) -> None:
        fresh: list[Vertex] = []
        for vertex in batch:
            broken = next((need for need in vertex.needs if need in self._run.failed), None)
            if broken is not None:
                self._run.skip(vertex, address_of(broken))
            elif vertex.kind == "expand" and self._plan.chosen(vertex.key):
                self._expand(vertex)
            elif vertex.instance is None or not self._plan.chosen(vertex.key):
                self._walk.settle(vertex)
            else:
                match self._plan.decisions.get(vertex.address):
                    case None | Await() | Read():
                        fresh.append(vertex)
                    case (Keep() | Reuse() | Issue() | Update() | Absent()) as made:
                        self._carry(vertex, made)
        for vertex, decision in decide(fresh, self._run.known):
            if isinstance(decision, Issue) and self._run.doors.fetch is not None:
                self._aside += 1
                self._spawn(vertex, self._look(vertex, decision, self._run.doors.fetch))
            else:
                self._decided(vertex, decision)

    def _decided(self, vertex: Vertex, decision: Decision | RunnerError) -> None:
        if isinstance(decision, RunnerError):
            self._run.fail(vertex, Failure(str(decision), attempts=0))
        elif problems := irreplaceable(vertex.instance, decision):
            self._run.fail(vertex, Failure(str(RunnerError(*problems)), attempts=0))
        else:
            self._carry(vertex, decision)

    async def _look(self, vertex: Vertex, made: Issue, fetch: Fetch) -> None:
        """What the plan could not look for yet is looked for farther away before it is asked."""
        decision: Decision | RunnerError = made
        try:
            while isinstance(decision, Issue) and await fetch(
                decision.fingerprint, decision.sample
            ):
                decision = decide_again(vertex, decision, self._run.known)
        finally:
            self._aside -= 1
        self._decided(vertex, decision)

    def _carry(self, vertex: Vertex, decision: Decision) -> None:
        address = vertex.address
        match decision:
            case Keep(record):
                if address in self._undecided:
                    self.outcome.kept_back += 1
                self.outcome.records[address] = record
                self._run.settle(vertex, record)
            case Reuse(record) if not decision.metadata:
                incomplete = record.status == "incomplete"
                said = warning(record.response, mended=record.mended) if incomplete else None
                self._run.finish(vertex, "reused", record, said)
            case Update(record) if not decision.metadata:
                self._run.finish(vertex, "updated", record)
            case Update() | Reuse():
                self._spawn(vertex, update(self._run, vertex, decision))
            case Read(on=None):
                self._spawn(vertex, read(self._run, vertex, decision))
            case Issue():
                assert vertex.instance is not None  # noqa: S101  # only instances are decided
                provider = provider_of(vertex.instance, self._run.known)
                way = provider.name, self._run.doors.lane(vertex.instance, decision, provider)
                self._queues.setdefault(way, deque()).append((vertex, decision))
            case Absent():
                self._vanish(address)
                self._run.settle(vertex, None)
            case Await() | Read():
                self._run.fail(vertex, Failure(f"{decision.on} has no answer", attempts=0))

    def _expand(self, vertex: Vertex) -> None:
        try:
            self._walk.expand(vertex)
        except (RunnerError, NotKnown) as exc:
            self._run.fail(vertex, Failure(str(exc), attempts=0))
            return
        self._expanded.add(vertex.address)
        self._walk.settle(vertex)

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
        for way, queue in self._queues.items():
            client = self._run.clients.get(way)
            elsewhere = client is not None and client.elsewhere
            for _ in range(min(len(queue), self._places(way, client))):
                vertex, made = queue.popleft()
                self._busy[way] += 1
                self._aside += elsewhere
                self._spawn(vertex, self._issue(vertex, made, way, elsewhere=elsewhere))

    def _places(self, way: Way, client: AnyClient | None) -> int:
        """How many more may go this way now."""
        if self.outcome.stopped is not None or self._run.held_back:
            return 0
        free = (1 if client is None else client.limit) - self._busy[way]
        if client is not None and client.elsewhere:
            return free
        asking = self.in_flight - self._aside - self.elsewhere
        return min(free, self._run.limits.concurrency - asking)

    def _spawn(self, vertex: Vertex, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        self.in_flight += 1
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, vertex))
        return task

    def _ended(self, vertex: Vertex, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.in_flight -= 1
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            self._faulted(vertex, fault)
        self._wake()

    def _faulted(self, vertex: Vertex, fault: BaseException) -> None:
        try:
            if isinstance(fault, RunnerError):
                # A provider that cannot be opened ends the run, not what others have in flight.
                self._run.fail(vertex, Failure(str(fault), fatal=True))
            else:
                self._crash(fault)
        except Exception as exc:  # noqa: BLE001  # in a callback it would be lost, and run() wait on
            self._crash(exc)

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        """Once for all that ended, or came to wait elsewhere, in one turn of the loop."""
        self._woken = False
        try:
            self._pump()
            self._rest()
        except Exception as exc:  # noqa: BLE001  # as above
            self._crash(exc)

    def _rest(self) -> None:
        """What waits here, or was answered, is awaited first: it takes seconds, and more may come
        of it.
        """
        if self.in_flight and self.in_flight == self.elsewhere:
            clients = [client for client in self._run.clients.values() if client.elsewhere]
            if all(client.has_told(self._wake) for client in clients):
                for client in clients:
                    client.rest()

    def _crash(self, bug: BaseException) -> None:
        """A bug ends the run as an interrupt does: what is in flight is recorded first."""
        self._bug = self._bug or bug
        self.stop("the runner has a bug")

    def _check_idle(self) -> None:
        waiting = self.outcome.stopped is None and any(self._queues.values())
        if self.in_flight == 0 and not waiting:
            self._idle.set()

    async def _issue(self, vertex: Vertex, made: Issue, way: Way, *, elsewhere: bool) -> None:
        try:
            request = self._request(vertex)
            if self._spared(vertex, request):
                return
            if is_stored(request):
                self._run.doors.begin()
            if self._admitted(vertex, made, request, way):
                client = self._run.clients.get(way) or await self._connect(way)
                if client.elsewhere:
                    self._leave(vertex, made, request, way, client)
                else:
                    await self._ask(vertex, made, request, client)
        finally:
            self._busy[way] -= 1
            self._aside -= elsewhere

    async def _ask(self, vertex: Vertex, made: Issue, request: Request, client: Client) -> None:
        try:
            result = await client.complete(outgoing(self._run, vertex, made, request))
        except asyncio.CancelledError:
            result = Failure("the run was left before an answer came", maybe_billed=1)
        if isinstance(result, Answered):
            await keep_answer(self._run, vertex, made, request, result)
        else:
            refuse(self._run, vertex, request, result)

    def _leave(
        self, vertex: Vertex, made: Issue, request: Request, way: Way, client: ClientElsewhere
    ) -> None:
        """No task waits for it: there may be very many."""
        begun(self._run, vertex, made, request)
        self.in_flight += 1
        self.elsewhere += 1
        self._busy[way] += 1
        client.leave(Left(self._run, vertex, made, request, way, self._took))

    def _took(self, left: Left, result: Answered | Failure | Exception) -> Awaitable[object] | None:
        """What came of a request elsewhere; what comes back is done when it is kept."""
        self.in_flight -= 1
        self.elsewhere -= 1
        self._busy[left.way] -= 1
        match result:
            case Answered():
                self._aside += 1
                return self._spawn(left.vertex, self._keep(left, result))
            case Failure():
                refuse(self._run, left.vertex, left.request, result)
            case Exception():
                self._faulted(left.vertex, result)
        self._wake()
        return None

    async def _keep(self, left: Left, answer: Answered) -> None:
        try:
            await keep_answer(self._run, left.vertex, left.made, left.request, answer)
        finally:
            self._aside -= 1

    def _request(self, vertex: Vertex) -> Request:
        assert vertex.instance is not None  # noqa: S101  # only instances are issued
        known, address = self._run.known, vertex.address
        draft = known.drafts.take(address) or self._plan.known.drafts.take(address)
        return draft or request_of(vertex.instance, known)

    def _spared(self, vertex: Vertex, request: Request) -> bool:
        """Whether it is not sent, since it would meet what another one has met."""
        known = self._run.pointless
        address = known.get(asked_of(request)) if known else None
        if address is not None:
            self._run.skip(vertex, spared(address))
        return address is not None

    def _admitted(self, vertex: Vertex, made: Issue, request: Request, way: Way) -> bool:
        """Whether it may be sent now; if not, it waits again or the run ends."""
        refusal = self._run.doors.may_start(request, way[1])
        if refusal is None:
            return True
        if refusal.passing and self.outcome.stopped is None:
            self._queues[way].append((vertex, made))
            self._run.held_back = True
        else:
            self.stop(refusal.why, halt=False)
            self._run.skip(vertex, refusal.why)
        return False

    async def _connect(self, way: Way) -> AnyClient:
        client = await self._run.doors.connect(*way)
        self._run.clients[way] = client
        if self.outcome.stopped is not None:
            client.halt()
        self._start()  # its limit is known now
        return client
