"""What comes of each completion of one run: noted, told, and settled in the graph."""

from msgspec import Struct
from msgspec.structs import replace

from runner.core.api.exchange import Failure
from runner.core.plan.actions import Remove
from runner.core.plan.events import Failed, How, Skipped
from runner.core.plan.known import Known, answer_seen
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.walk import Vertex, VertexKey, Walk, cycle_error
from runner.core.secrets.redact import redact_text
from runner.core.state.records import Record
from runner.errors import RunnerError
from runner.io.apply.ports import AnyClient, Doors, Limits, Outcome, Way


class Run(Struct):
    """What an apply works on. `clients` are the providers opened so far; `failed`, whose dependents
    are skipped; `lost`, the answers that the cache did not take. While it is `held_back`, nothing
    is started: something in flight has to end first. `pointless` are the providers and models that
    a request showed to answer nobody, and its address.
    """

    plan: PlannedSteps
    walk: Walk
    known: Known
    doors: Doors
    limits: Limits
    outcome: Outcome
    clients: dict[Way, AnyClient] = {}
    failed: set[VertexKey] = set()
    lost: list[Record] = []
    held_back: bool = False
    pointless: dict[tuple[str, str], str] = {}

    def finish(
        self,
        vertex: Vertex,
        how: How,
        record: Record,
        said: str | None = None,
        maybe_billed: int = 0,
    ) -> None:
        """The record is the completion's."""
        self.outcome.records[vertex.address] = record
        self.outcome.finish(self.doors.tell, vertex.address, how, record, said, maybe_billed)
        self.settle(vertex, record)

    def settle(self, vertex: Vertex, record: Record | None) -> None:
        """What waits for this answer may go on; without a record, it is that there is none."""
        address, answers = vertex.address, self.walk.session.answers
        answer = None if record is None else answer_seen(record, vertex.instance, self.known)
        if self.walk.dependents(address):
            answers[address] = answer
        else:
            answers.setdefault(address, answer)
        self.walk.settle(vertex)

    def fail(self, vertex: Vertex, failure: Failure, record: Record | None = None) -> None:
        """There is no answer, or the `record` of one that is not accepted; it may end the run."""
        address = vertex.address
        message = redact_text(failure.message, self.limits.secrets(()))
        failure = replace(failure, message=message)
        self.outcome.failed[address] = failure
        self.failed.update((vertex.key, address))
        self.doors.tell(Failed(address, failure, record))
        if failure.fatal:
            self.stop(failure.message)
        elif self.limits.fail_fast:
            self.stop(f"{address} failed, and --fail-fast was given")
        self.walk.settle(vertex)

    def skip(self, vertex: Vertex, because: str) -> None:
        """Not started; `because` is the address that failed, or why the run ended."""
        self.failed.add(vertex.key)
        if vertex.instance is not None and self.plan.chosen(vertex.address):
            self.outcome.skipped[vertex.address] = because
            self.doors.tell(Skipped(vertex.address, because))
        self.walk.settle(vertex)

    def stop(self, why: str, *, halt: bool = True) -> None:
        """Start nothing new; with `halt`, what waits to be sent again is not waited for."""
        if self.outcome.stopped is None:
            self.outcome.stopped = why
        if halt:
            for client in self.clients.values():
                client.halt()

    def fail_stuck(self) -> None:
        """A cycle that showed only when an answer named the instances of a block."""
        stuck = [vertex for vertex in self.walk.stuck() if vertex.instance is not None]
        if self.outcome.stopped is None and stuck:
            failure = Failure(str(cycle_error(self.walk)))
            for vertex in stuck:
                self.outcome.failed[vertex.address] = failure
                self.doors.tell(Failed(vertex.address, failure))

    def skip_rest(self) -> None:
        """What the plan would have done and the stop prevented."""
        if self.outcome.stopped is None:
            return
        seen = {*self.outcome.done, *self.outcome.failed, *self.outcome.skipped}
        for step in self.plan.steps:
            if step.address not in seen and not isinstance(step.action, Remove):
                self.outcome.skipped[step.address] = "the run stopped"

    def rescue(self) -> None:
        """What the cache did not take is written elsewhere."""
        if self.lost:
            try:
                self.outcome.rescued = self.doors.rescue(self.lost)
            except RunnerError as exc:  # the state, written next, may have room yet
                self.outcome.unsaved = exc
