"""What an apply would do now."""

from collections.abc import Mapping

from msgspec import Struct

from runner.core.plan.words import counts
from runner.core.secrets.trust import Door, in_words
from runner.core.viewing.plan_page import (
    PlannedGroups,
    PlannedValue,
    StepChoice,
    planned_groups,
    planned_value,
)
from runner.operations.applying.ended import unfinished
from runner.operations.planning.plan import Planned, unfinished_answers
from runner.operations.reading.trust import asked_by, untrusted, ways
from runner.operations.viewing.project_view import ProjectView
from runner.operations.viewing.shown_problems import ShownProblem, shown_problems


class PlannedCost(Struct, frozen=True):
    """Bounds of what it takes; None where nobody knows. `text` says all of it in words."""

    requests: int
    tokens: tuple[int, int | None]
    cost: tuple[float, float | None] | None
    text: str


class PlannedFile(Struct, frozen=True):
    """A file of an output that is written."""

    path: str
    output: str
    action: str


class ShownPlan(Struct, frozen=True):
    """`changes` are steps by their word; `untrusted` is what apply asks a person for first, and
    `ways` how to say so.
    """

    summary: str
    is_empty: bool
    changes: dict[str, int]
    unchanged: int
    verdicts: str
    estimate: PlannedCost
    steps: PlannedGroups
    outputs: tuple[PlannedValue, ...]
    files: tuple[PlannedFile, ...]
    moves: tuple[tuple[str, str], ...]
    imports: tuple[tuple[str, str], ...]
    untrusted: tuple[str, ...]
    ways: str
    problems: tuple[ShownProblem, ...]


def plan(view: ProjectView, query: Mapping[str, str]) -> ShownPlan:
    """The plan, its steps of the `word`, with the text `q` in their address, from the group
    `start` on; or the one at the address `a`.
    """
    made, project = view.planned, view.project
    start = query.get("start", "")
    choice = StepChoice(
        query.get("word", ""),
        query.get("q", ""),
        query.get("a", ""),
        int(start) if start.isdecimal() and len(start) < 10 else 0,
    )
    closed = _closed(view)
    warnings = [*project.warnings, *unfinished(unfinished_answers(made.plan))]
    return ShownPlan(
        summary=made.summary,
        is_empty=made.empty,
        changes={word: number for word, number in counts(made.plan).items() if number},
        unchanged=made.plan.unchanged,
        verdicts=made.verdicts.text,
        estimate=_cost(made),
        steps=planned_groups(made.plan, view.secrets, choice),
        outputs=tuple(planned_value(name, *both) for name, both in made.outputs.items()),
        files=tuple(PlannedFile(each.path, each.output, each.action) for each in made.files),
        moves=tuple(made.plan.moves),
        imports=tuple(made.plan.imports),
        untrusted=tuple(map(in_words, closed)),
        ways=ways(project, closed) if closed else "",
        problems=shown_problems(warnings, view.secrets),
    )


def _closed(view: ProjectView) -> tuple[Door, ...]:
    known, perhaps = asked_by(view.project, view.planned.plan)
    return untrusted(view.project, known | perhaps)


def _cost(made: Planned) -> PlannedCost:
    estimate = made.estimate
    cost = None if estimate.unpriced else (estimate.cost_low, estimate.cost_high)
    tokens = estimate.tokens_low, estimate.tokens_high
    return PlannedCost(estimate.requests, tokens, cost, estimate.text())
