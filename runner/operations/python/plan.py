"""A plan in Python: what will happen, and why; to be read, or carried out by its project."""

from collections.abc import Iterator
from functools import cached_property

import orjson
from msgspec import Struct

from runner.core.plan.diff import Change
from runner.core.plan.estimate import Estimate
from runner.core.plan.words import Word, announced, request_changes
from runner.errors import error
from runner.operations.applying.ended import unfinished
from runner.operations.applying.events import plan_events
from runner.operations.planning.plan import Planned, unfinished_answers
from runner.operations.python.names import text_in_python, told
from runner.operations.reading.loaded import Loaded
from runner.operations.saved_plan.content import differences, made_from


class PlannedChange(Struct, frozen=True):
    """What will happen at one address, and why.

    `diffs` are the paths of the request whose value changes, sensitive values masked: `old` or
    `new` is ABSENT where there is none. There are none for what is new.
    """

    address: str
    action: Word
    reason: str
    diffs: tuple[Change, ...] = ()


class Plan:
    """What an apply would do now. `str` of it is a line for each change, and one for all.

    `warnings` are what is worth knowing before.
    """

    def __init__(self, project: Loaded, made: Planned) -> None:
        self._project, self._made = project, made
        self.options = project.options
        self._content = made_from(project, made, "")
        said = [*project.warnings, *unfinished(unfinished_answers(made.plan))]
        self.warnings = told(said, project.secrets)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do, and nothing to write."""
        return self._made.empty

    @property
    def estimate(self) -> Estimate:
        """What the requests that are certain may use and cost: `tokens_low` to `tokens_high`,
        `cost_low` to `cost_high` in USD; None where nothing bounds it. `unpriced` are the models
        whose price nobody knows.
        """
        return self._made.estimate

    @cached_property
    def changes(self) -> tuple[PlannedChange, ...]:
        """Each address where something happens, in order; then what moves, and what is imported."""
        return tuple(self._changes())

    @property
    def summary(self) -> str:
        """The plan in one line."""
        if self._made.plan.empty and not self._made.files:
            return "No changes." if self.empty else "No changes but of outputs."
        return self._made.summary

    def to_json(self) -> str:
        """What `runner plan --json` prints: an event a line, as schemas/events.schema.json says."""
        events = plan_events(self._made, self._project.secrets)
        return "".join(f"{orjson.dumps(event).decode()}\n" for event in events)

    def refuse_stale(self, project: Loaded, made: Planned) -> None:
        """RunnerError unless this is what is planned now, from the same configuration and state."""
        for stale in differences(self._content, project, made):
            raise error(
                "Plan is stale",
                f"{stale} since this plan was made, so it was not carried out. Make a new one.",
            )

    def __str__(self) -> str:
        lines = (f"{each.action:>9} {each.address} ({each.reason})" for each in self.changes)
        return "\n".join([*lines, self.summary])

    def _changes(self) -> Iterator[PlannedChange]:
        plan, secrets = self._made.plan, self._project.secrets
        for each in announced(plan, secrets):
            diffs = () if each.step is None else request_changes(plan, each.step, secrets)
            reason = text_in_python(each.reason)
            yield PlannedChange(each.address, each.word, reason, tuple(diffs))
