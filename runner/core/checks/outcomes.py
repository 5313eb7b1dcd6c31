"""What a check comes to: is it met, with which certainty, and what is missing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from runner.core.checks.statistics.intervals import Interval, mean_interval, share_interval
from runner.core.checks.verdicts import CheckVerdict, DoesNot, Holds, Unscored
from runner.core.modules.module import DeclaredCheck

Met = Literal["met", "not met", "unscored"]
_NEAR = 1e-9  # what sums of shares may lose


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """An answer, and what was found. Those of one `case` are repeats of one request."""

    address: str
    case: str
    verdict: CheckVerdict

    @property
    def value(self) -> float | None:
        """1 if it holds and 0 if not, or its score; None if it could not be told."""
        match self.verdict:
            case Holds(score):
                return 1.0 if score is None else score
            case DoesNot():
                return 0.0
            case Unscored():
                return None


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """A check on all its answers. `missing` are the addresses that have no answer that was
    accepted; `interval` is of the share that holds, or of the mean score; `settled` says whether it
    lies on one side of `at_least`.
    """

    check: DeclaredCheck
    answers: tuple[CheckedAnswer, ...]
    missing: tuple[str, ...]
    interval: Interval
    met: Met
    settled: bool

    @property
    def address(self) -> str:
        """The check's; of a judge with several rubrics, with that one's name."""
        return self.check.address

    @property
    def at_least(self) -> float:
        """What the share or the mean has to reach."""
        return least_of(self.check)

    @property
    def is_score(self) -> bool:
        """Whether answers have numbers, and not verdicts alone."""
        return self.check.is_score

    @property
    def has_to_hold_of_all(self) -> bool:
        """Whether each answer decides, and not a share or a mean of them."""
        return not self.is_score and self.at_least == 1.0

    @property
    def fails(self) -> bool:
        """Whether `runner check` says so with its exit status."""
        return self.met == "not met" and self.check.block.table.get("severity") != "warn"

    @property
    def unscored(self) -> tuple[CheckedAnswer, ...]:
        """Answers of which it could not be told."""
        return tuple(one for one in self.answers if isinstance(one.verdict, Unscored))

    @property
    def scored(self) -> tuple[CheckedAnswer, ...]:
        """All others."""
        return tuple(one for one in self.answers if not isinstance(one.verdict, Unscored))

    @property
    def failed(self) -> tuple[CheckedAnswer, ...]:
        """Answers that do not hold."""
        return tuple(one for one in self.answers if isinstance(one.verdict, DoesNot))


def least_of(check: DeclaredCheck) -> float:
    """What the share of a check, or its mean, has to reach."""
    return float(check.block.table.get("at_least", 1.0))


def outcome(
    check: DeclaredCheck, answers: Sequence[CheckedAnswer], missing: Iterable[str]
) -> CheckOutcome:
    """What verdicts on a check's answers come to, whoever gave them."""
    table, gone, least = check.block.table, tuple(missing), least_of(check)
    cases = cases_of(answers)
    interval = _interval(check, cases)
    reached = interval.low if table.get("gate") == "bound" else interval.value
    ignored = table.get("missing") == "ignore"
    unscored = sum(map(len, cases.values())) < len(answers)
    met: Met
    if (gone and not ignored) or (unscored and table.get("unscored") == "error"):
        met = "not met"
    elif not cases:
        met = _of_nothing(table.get("unscored")) if unscored else "met" if ignored else "not met"
    else:
        met = "met" if reached >= least - _NEAR else "not met"
    # That all hold is asked of these answers, and not of all that might have come.
    one_side = interval.low >= least or interval.high < least
    settled = least == 1.0 or bool(cases and one_side)
    return CheckOutcome(check, tuple(answers), gone, interval, met, settled)


def _of_nothing(unscored: str | None) -> Met:
    """Where nothing could be told of any answer, as of a program that does not start: else a check
    that never works is green for ever.
    """
    return "unscored" if unscored == "ignore" else "not met"


def cases_of(answers: Iterable[CheckedAnswer]) -> dict[str, list[float]]:
    """The values of each case, without those that could not be told."""
    cases: dict[str, list[float]] = {}
    for one in answers:
        if one.value is not None:
            cases.setdefault(one.case, []).append(one.value)
    return cases


def _interval(check: DeclaredCheck, cases: Mapping[str, list[float]]) -> Interval:
    if check.is_score:
        return mean_interval(list(cases.values()))
    return share_interval([[value == 1.0 for value in case] for case in cases.values()])
