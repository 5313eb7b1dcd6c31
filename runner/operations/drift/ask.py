"""Asks again, by the road that every request takes; each answer is durable before it counts."""

from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from runner.core.state.cache_entry import to_entry
from runner.core.state.records import Record
from runner.errors import Problem, RunnerError, error
from runner.io.apply.ports import Doors, Outcome
from runner.operations.applying.apply import Listener, Sending, send
from runner.operations.applying.ended import Spent, problems_of, spent
from runner.operations.blocking import run_to_end
from runner.operations.checks.looking import admit_programs
from runner.operations.drift.plan import PlannedDrift, plain_checks
from runner.operations.observing import observed
from runner.operations.options import ApplyOptions
from runner.operations.reading.loaded import Loaded
from runner.operations.reading.trust import asked_by
from runner.operations.spending import Ledger


class AskedAgain(Struct, frozen=True):
    """The new answers, by their labels, with those that an earlier run brought; what was sent in
    this one, and what went wrong.
    """

    answers: dict[str, Record]
    sent: dict[str, Record]
    problems: tuple[Problem, ...] = ()
    spent: Spent = Spent()
    interrupted: bool = False

    @property
    def failed(self) -> bool:
        """Whether not all came."""
        return any(problem.severity == "error" for problem in self.problems)


def foresee_drift(project: Loaded, planned: PlannedDrift) -> None:
    """RunnerError for what makes it pointless to read the plan: no key, or nobody to ask whether a
    host is trusted.
    """
    from runner.operations.connecting.connections import foresee  # noqa: PLC0415  # aiohttp

    foresee(project, *asked_by(project, planned.plan))


def ask_again(project: Loaded, planned: PlannedDrift, listener: Listener) -> AskedAgain:
    """Send what the plan says. The state is not touched, and no record is; what came is kept for
    another run of the same seed, whatever becomes of this one.
    """
    from runner.operations.connecting.connections import prepare  # noqa: PLC0415  # aiohttp

    prepare(project, *asked_by(project, planned.plan))
    admit_programs(project, [*plain_checks(project)])
    plan = planned.plan
    ways = partial(_aside, planned)
    sending = Sending(plan, plan.walk, plan.known, listener.tell, ways=ways, any_answer=True)
    with observed(project, "runner drift"):
        outcome = run_to_end(send(project, sending, ApplyOptions(), listener))
    return _asked(project, planned, outcome)


def not_asked(planned: PlannedDrift) -> AskedAgain:
    """Where nothing has to be sent, or may be."""
    return AskedAgain({**planned.held}, {})


def _aside(planned: PlannedDrift, doors: Doors) -> Doors:
    """The ways out of a run that leaves state and records as they are."""
    draws = (draw for address in planned.sampled for draw in planned.draws(address))
    keys = {draw.label: draw.key(planned.seed) for draw in draws}

    async def nothing(_: object) -> None:
        """A state is not written, whatever happens."""

    return replace(
        doors,
        entry=lambda record, _: (keys[record.address], to_entry(record)),
        rescue=_not_kept,
        checkpoint=nothing,
        begin=lambda: None,
        lost=lambda: None,
    )


def _not_kept(records: list[Record]) -> str:
    many = "an answer" if len(records) == 1 else f"{len(records)} answers"
    raise error(
        "Answers are not kept",
        f"The cache did not take {many}: they count in this run, and another one asks again.",
    )


def _asked(project: Loaded, planned: PlannedDrift, outcome: Outcome) -> AskedAgain:
    go_on = f"`runner drift --seed {planned.seed}` goes on."
    problems = problems_of(outcome, project.store.push, go_on)
    if isinstance(outcome.unsaved, RunnerError):
        problems += outcome.unsaved.problems
    return AskedAgain(
        {**planned.held, **outcome.issued},
        outcome.issued,
        tuple(problems),
        spent(outcome, Ledger(project.prices)),
        outcome.interrupted,
    )
