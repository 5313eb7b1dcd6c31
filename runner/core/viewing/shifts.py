"""Checks that an answer meets and did not, or no longer meets."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from runner.core.address import selects
from runner.core.checks.changes import CheckChange


class CheckShift(Struct, frozen=True):
    """What a check says of an answer, and did not say before."""

    check: str
    address: str
    holds: bool


def shifts_of(changed: Sequence[CheckChange], patterns: Sequence[str]) -> tuple[CheckShift, ...]:
    """Those of all answers, or of those that patterns name: what fails now first."""
    return tuple(
        one
        for one in (*_shifts(changed, holds=False), *_shifts(changed, holds=True))
        if not patterns or any(selects(pattern, one.address) for pattern in patterns)
    )


def _shifts(changed: Sequence[CheckChange], *, holds: bool) -> Iterator[CheckShift]:
    for each in changed:
        answers = each.newly_holding if holds else each.newly_failing
        yield from (CheckShift(each.after.address, one.address, holds) for one in answers)
