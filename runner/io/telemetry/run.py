"""One run as spans and numbers: what an apply tells, and what checks say of its answers."""

from collections.abc import Callable, Mapping
from time import time_ns

from opentelemetry.sdk.trace import TracerProvider

from runner.core.api.exchange import Failure
from runner.core.checks.outcomes import CheckedAnswer, CheckOutcome
from runner.core.checks.verdicts import DoesNot, Holds, Unscored
from runner.core.plan.actions import Issue
from runner.core.plan.events import CutOff, Done, Event, Failed, Skipped, Started, Written
from runner.core.plan.walk import Vertex
from runner.core.received import table_of
from runner.core.request.build import Request
from runner.core.state.records import Record
from runner.io.telemetry import conventions as names
from runner.io.telemetry.attributes import Attributes
from runner.io.telemetry.exporting import Exporting
from runner.io.telemetry.metrics import Measured
from runner.io.telemetry.request import WatchedRequest
from runner.io.telemetry.scene import Observed, Scene
from runner.io.telemetry.spans import OpenSpan, first_span


class Telemetry:
    """Of one run, until its `end`. All of it is called by the thread that the run is in."""

    def __init__(self, run: Observed) -> None:
        called = names.NEWEST_METRICS if run.newest else names.USUAL_METRICS
        self._measured = Measured(called)
        self._exporting = Exporting(run.signals, self._measured)
        sampler = TracerProvider(shutdown_on_exit=False).sampler  # the environment's
        self._root = first_span(run.command, run.parent, sampler, self._exporting.spans.add)
        self._scene = Scene(run, self._measured, self._root)
        self._issued: dict[str, WatchedRequest] = {}
        self._unchecked: dict[str, tuple[OpenSpan, int]] = {}  # and when they were answered
        self._failed = False

    def watch(self, vertex: Vertex, made: Issue, request: Request) -> WatchedRequest:
        """A request is on its way."""
        issued = self._issued[vertex.address] = WatchedRequest(self._scene, vertex, made, request)
        return issued

    def beside(self, tell: Callable[[Event], None]) -> Callable[[Event], None]:
        """Whoever is told otherwise is told first."""

        def both(event: Event) -> None:
            tell(event)
            self.tell(event)

        return both

    def tell(self, event: Event) -> None:
        """Something happened."""
        match event:
            case Done(address, "issued", record):
                self._ended(address, record, None)
            case Done(address, how):
                self._measured.completed(how, "done")
                if how == "reused":
                    self._measured.at_hand()
                    told = self._scene.hidden({names.RUNNER_ADDRESS: address})
                    self._root.event("runner.answer.reused", told)
            case Failed(address, failure, record):
                self._failed = True
                self._ended(address, record, failure)
            case Skipped(address):
                issued = self._issued.get(address)
                if issued is not None and issued.attempts:  # the run ended before there was one
                    self._ended(address, None, Failure("", type="interrupted"))
                    return
                self._issued.pop(address, None)
                self._measured.completed("none", "skipped")
            case Started() | Written() | CutOff():
                pass

    def checked(self, outcome: CheckOutcome, began: int, records: Mapping[str, Record]) -> None:
        """A check was evaluated, since a moment in nanoseconds, on these answers. What it says of
        an answer of this run is told on the span of that; of any other, on the check's.
        """
        about: Attributes = {
            "runner.check.met": outcome.met,
            "runner.check.held": len(outcome.scored) - len(outcome.failed),
            "runner.check.failed": len(outcome.failed),
            "runner.check.unscored": len(outcome.unscored),
            "runner.check.missing": len(outcome.missing),
        }
        root = self._root
        own = OpenSpan(root.trace, outcome.address, root.id, about=about, began=began)
        for each in outcome.answers:
            span, _ = self._unchecked.get(each.address, (own, 0))
            told = self._evaluated(outcome.address, each, records.get(each.address))
            span.event(names.EVALUATION, told)
        own.end()

    def end(self, *, failed: bool = False) -> str | None:
        """The run is over; what was not taken by whom, in a sentence."""
        for address in [*self._issued]:
            self._ended(address, None, Failure("", type="abandoned"))
        for span, at in self._unchecked.values():
            span.end(at)
        self._root.is_error = failed or self._failed
        self._root.end()
        return self._exporting.end()

    def _ended(self, address: str, record: Record | None, failure: Failure | None) -> None:
        issued = self._issued.pop(address, None)
        if issued is None:  # it failed before there was a request
            self._measured.completed("none", "failed")
            return
        outcome = "answered" if failure is None else "failed" if record is None else "rejected"
        self._measured.completed(issued.decision, outcome)
        now = time_ns()
        span = issued.over(now, record, failure)
        if failure is None and self._scene.run.later(address):
            self._unchecked[address] = span, now
        else:
            span.end(now)

    def _evaluated(self, check: str, one: CheckedAnswer, record: Record | None) -> Attributes:
        told: Attributes = {names.EVALUATION_NAME: check, names.RUNNER_ADDRESS: one.address}
        if one.value is not None:
            told[names.SCORE] = one.value
        match one.verdict:
            case Holds():
                told[names.SCORE_LABEL], why = "pass", ""
            case DoesNot() as verdict:
                told[names.SCORE_LABEL], why = "fail", verdict.why
            case Unscored(why):
                told[names.SCORE_LABEL] = "unscored"
        if why and self._scene.run.content:
            told[names.EXPLANATION] = why
        identity = None if record is None else table_of(record.response).get("id")
        if isinstance(identity, str):
            told[names.RESPONSE_ID] = identity
        return self._scene.hidden(told)
