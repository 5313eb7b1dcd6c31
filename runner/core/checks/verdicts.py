"""Holds, does not hold, or could not be told: three outcomes, also where several are combined."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

FailOn = Literal["not-met", "regression", "never"]
"""What of the checks is a failure: one that is not met; one that is not met, and of which something
that held does not hold any more; nothing.
"""


class Mismatch(Struct, frozen=True):
    """What an answer was expected to be, and what it is."""

    expected: str
    got: str


class Holds(Struct, frozen=True):
    """An answer is as it was expected. `score` is a number from 0 to 1, where one was asked for."""

    score: float | None = None


class DoesNot(Struct, frozen=True):
    """An answer is not as it was expected. `either_way`: nor would the opposite hold, because the
    answer has nothing that could be looked at.
    """

    faults: tuple[Mismatch, ...]
    either_way: bool = False

    @property
    def why(self) -> str:
        """What was expected, and what was there instead."""
        return "; ".join(f"expected {one.expected}, got {one.got}" for one in self.faults)


class Unscored(Struct, frozen=True):
    """It could not be told: neither a pass nor a fail, nor is its opposite."""

    why: str


CheckVerdict = Holds | DoesNot | Unscored
OutcomeWord = Literal["holds", "does not hold", "unscored"]


class Standing(Struct, frozen=True):
    """By so many of today's checks it was told whether an answer holds, and by `held` it does."""

    held: int = 0
    told: int = 0

    def plus(self, verdict: CheckVerdict) -> "Standing":
        """With one more verdict; a score is not one of these."""
        match verdict:
            case Holds(score):
                return self if score is not None else Standing(self.held + 1, self.told + 1)
            case DoesNot():
                return Standing(self.held, self.told + 1)
            case Unscored():
                return self


def outcome_of(verdict: CheckVerdict) -> OutcomeWord:
    """A verdict in a word."""
    match verdict:
        case Holds():
            return "holds"
        case DoesNot():
            return "does not hold"
        case Unscored():
            return "unscored"


def every(verdicts: Sequence[CheckVerdict]) -> CheckVerdict:
    """Whether all hold, with all faults of those that do not."""
    failed = [verdict for verdict in verdicts if isinstance(verdict, DoesNot)]
    if failed:
        faults = tuple(fault for verdict in failed for fault in verdict.faults)
        return DoesNot(faults, any(verdict.either_way for verdict in failed))
    return next((verdict for verdict in verdicts if isinstance(verdict, Unscored)), Holds())


def some(verdicts: Sequence[CheckVerdict]) -> CheckVerdict:
    """Whether any holds."""
    if any(isinstance(verdict, Holds) for verdict in verdicts):
        return Holds()
    unscored = next((verdict for verdict in verdicts if isinstance(verdict, Unscored)), None)
    return unscored or every(verdicts)


def opposite(verdict: CheckVerdict, fault: Mismatch) -> CheckVerdict:
    """Whether it does not hold; `fault` is told where it does."""
    match verdict:
        case Holds():
            return DoesNot((fault,))
        case DoesNot(either_way=True) | Unscored():
            return verdict
        case DoesNot():
            return Holds()
