"""Recorded answers asked for once more: a plan that touches no record."""

from collections.abc import Sequence

from msgspec import Struct

from runner.core.expansion.session import Instance
from runner.core.plan.actions import Issue, Step
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.walk import Vertex, Walk
from runner.core.state.cache_entry import drift_key
from runner.core.state.records import Record


class Draw(Struct, frozen=True):
    """One more answer to the request of a record: which of how many."""

    instance: Instance
    record: Record
    number: int
    repeat: int

    @property
    def label(self) -> str:
        """What it is told by, in place of an address."""
        return f"{self.record.address} ({self.number} of {self.repeat})"

    def key(self, seed: str) -> str:
        """Where the cache keeps it."""
        return drift_key(self.record.fingerprint, self.record.sample, seed, self.number)


def plan_again(made: PlannedSteps, draws: Sequence[Draw]) -> PlannedSteps:
    """A plan that issues them, each by itself: whatever comes, nothing waits for it, and what each
    is asked is made of the answers that are recorded.
    """
    vertices = [Vertex(one.label, "completion", (), one.instance) for one in draws]
    issued = {
        one.label: Issue(one.record.fingerprint, one.record.sample, one.record, "asked again")
        for one in draws
    }
    steps = tuple(Step(one.label, issued[one.label], one.instance) for one in draws)
    walk = Walk(made.walk.session, vertices)
    return PlannedSteps(steps, issued, 0, made.known, walk, lambda _: True)
