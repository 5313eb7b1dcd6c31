"""What checks come to, and what comparisons show, as a page has it: what fails first."""

import math
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from runner.core.checks.changes import Checked
from runner.core.checks.comparison import (
    Against,
    Comparison,
    Difference,
    MeasureKind,
    ShownDifference,
)
from runner.core.checks.outcomes import CheckedAnswer, CheckOutcome, Met, outcome
from runner.core.checks.statistics.intervals import Interval
from runner.core.checks.verdicts import DoesNot
from runner.core.modules.module import DeclaredCheck

_FIRST = 5  # answers that are named


class FailedAnswer(Struct, frozen=True):
    """An answer that does not hold, and why."""

    address: str
    expected: str
    got: str


class CheckLine(Struct, frozen=True):
    """One check: the share of answers that hold or their mean score, with its interval; None where
    nothing could be told. `settled`: whether the interval is on one side of `at_least`.
    """

    address: str
    description: str
    is_score: bool
    met: Met
    settled: bool
    warns: bool
    at_least: float
    interval: Interval | None
    holds: int
    scored: int
    unscored: int
    missing: int
    failed: tuple[FailedAnswer, ...]


class DifferenceLine(Struct, frozen=True):
    """One measure of two values. No interval where nothing says how far it goes."""

    measure: str
    kind: MeasureKind
    shown: ShownDifference
    pairs: int
    first: float
    second: float
    interval: Interval | None
    p: float
    visible: float | None


class AgainstLine(Struct, frozen=True):
    """One value of an axis against another."""

    variant: str
    baseline: str
    pairs: int
    alone: int
    differences: tuple[DifferenceLine, ...]


class ComparisonLine(Struct, frozen=True):
    """One comparison of the values of an axis."""

    address: str
    description: str
    by: str
    met: Literal["met", "not met"]
    missing: int
    against: tuple[AgainstLine, ...]


class CheckPage(Struct, frozen=True):
    """All of them; `notes` say why one is not there."""

    checks: tuple[CheckLine, ...]
    comparisons: tuple[ComparisonLine, ...]
    notes: tuple[str, ...] = ()


class TrendPoint(Struct, frozen=True):
    """What a check came to on the answers of a commit, the empty one being those of now."""

    commit: str
    date: str
    subject: str
    interval: Interval
    scored: int


class CheckTrend(Struct, frozen=True):
    """A check on the answers of one commit after the other, the oldest first."""

    address: str
    is_score: bool
    at_least: float
    points: tuple[TrendPoint, ...]


def check_page(checked: Checked, notes: Iterable[str] = ()) -> CheckPage:
    """Those that are not met first, then by what they lack, or have to spare."""
    lines = [_line(each) for each in checked.checks]
    return CheckPage(
        tuple(sorted(lines, key=_rank)),
        tuple(map(_comparison, checked.comparisons)),
        tuple(notes),
    )


def trend_point(
    about: tuple[str, str, str], check: DeclaredCheck, answers: list[CheckedAnswer]
) -> TrendPoint:
    """What verdicts on the answers of a commit come to; `about` are its id, date and subject."""
    found = outcome(check, answers, ())
    return TrendPoint(*about, found.interval, len(found.scored))


def _rank(line: CheckLine) -> tuple[int, float]:
    spare = -1.0 if line.interval is None else line.interval.value - line.at_least
    return ("not met", "unscored", "met").index(line.met), spare


def _line(each: CheckOutcome) -> CheckLine:
    table = each.check.block.table
    return CheckLine(
        address=each.address,
        description=str(table.get("description") or ""),
        is_score=each.is_score,
        met=each.met,
        settled=each.settled,
        warns=table.get("severity") == "warn",
        at_least=each.at_least,
        interval=each.interval if each.scored else None,
        holds=len(each.scored) - len(each.failed),
        scored=len(each.scored),
        unscored=len(each.unscored),
        missing=len(each.missing),
        failed=tuple(map(_failed, each.failed[:_FIRST])),
    )


def _failed(one: CheckedAnswer) -> FailedAnswer:
    faults = one.verdict.faults if isinstance(one.verdict, DoesNot) else ()
    return FailedAnswer(
        one.address,
        "; ".join(fault.expected for fault in faults),
        "; ".join(fault.got for fault in faults),
    )


def _comparison(each: Comparison) -> ComparisonLine:
    table = each.block.table
    return ComparisonLine(
        each.address,
        str(table.get("description") or ""),
        str(table["by"]),
        each.met,
        each.missing,
        tuple(map(_against, each.against)),
    )


def _against(one: Against) -> AgainstLine:
    return AgainstLine(
        one.variant, one.baseline, one.pairs, one.alone, tuple(map(_difference, one.differences))
    )


def _difference(one: Difference) -> DifferenceLine:
    return DifferenceLine(
        one.measure,
        one.kind,
        one.shown,
        one.pairs,
        one.first,
        one.second,
        None if math.isinf(one.interval.high) else one.interval,
        one.adjusted,
        one.visible,
    )
