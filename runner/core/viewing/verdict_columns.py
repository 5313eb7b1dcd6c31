"""What checks say of answers, as columns beside those of the answers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from runner.core.checks.outcomes import CheckedAnswer, CheckOutcome
from runner.core.checks.verdicts import DoesNot, Holds, Unscored

VerdictMark = Literal["", "+", "-", "?"]
"""Not looked at, holds, does not hold, could not be told."""


class VerdictColumn(Struct):
    """One check: `marks` has a VerdictMark for each row, `scores` numbers from 0 to 1 where the
    check gives any.
    """

    address: str
    met: str
    marks: list[VerdictMark]
    scores: list[float | None] | None = None


class ShownVerdict(Struct):
    """What one check says of one answer: expected and got of all that does not hold, or why it
    could not be told.
    """

    check: str
    mark: VerdictMark
    score: float | None
    faults: list[tuple[str, str]]
    why: str = ""


def verdict_columns(
    outcomes: Iterable[CheckOutcome], rows: Mapping[str, int], number: int
) -> list[VerdictColumn]:
    """A column of so many rows for each check; `rows` are those of the answers by their
    addresses.
    """
    return [_column(each, rows, number) for each in outcomes]


def verdicts_on(address: str, outcomes: Iterable[CheckOutcome]) -> Iterator[ShownVerdict]:
    """What all checks say of one answer."""
    for each in outcomes:
        for one in each.answers:
            if one.address == address:
                yield _shown(each.check.address, one)


def verdicts_by_address(outcomes: Iterable[CheckOutcome]) -> dict[str, list[ShownVerdict]]:
    """The same of all answers."""
    found: dict[str, list[ShownVerdict]] = {}
    for each in outcomes:
        for one in each.answers:
            found.setdefault(one.address, []).append(_shown(each.check.address, one))
    return found


def _column(of: CheckOutcome, rows: Mapping[str, int], number: int) -> VerdictColumn:
    marks: list[VerdictMark] = [""] * number
    scores: list[float | None] = [None] * number
    for one in of.answers:
        row = rows.get(one.address)
        if row is not None:
            marks[row], scores[row] = _mark(one), one.value
    return VerdictColumn(of.check.address, of.met, marks, scores if of.is_score else None)


def _mark(one: CheckedAnswer) -> VerdictMark:
    match one.verdict:
        case Holds():
            return "+"
        case DoesNot():
            return "-"
        case Unscored():
            return "?"


def _shown(check: str, one: CheckedAnswer) -> ShownVerdict:
    match one.verdict:
        case Holds(score):
            return ShownVerdict(check, "+", score, [])
        case DoesNot(faults):
            return ShownVerdict(check, "-", None, [(each.expected, each.got) for each in faults])
        case Unscored(why):
            return ShownVerdict(check, "?", None, [], why)
