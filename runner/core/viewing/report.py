"""What a project's answers are worth, and what changed since another revision: one value, whatever
form it is shown in.
"""

from collections.abc import Iterable

from msgspec import Struct

from runner.core.address import is_verdict
from runner.core.checks.changes import Checked
from runner.core.state.records import Record
from runner.core.viewing.answers import answer_text_of
from runner.core.viewing.changes import (
    AnswerAdded,
    AnswerChange,
    AnsweredDifferently,
    AnswerMoved,
    AnswerRemoved,
    AnswerTotals,
    AskedDifferently,
    Priced,
    answers_of_changes,
    totals,
)


class NextApply(Struct, frozen=True):
    """What an apply would do now, in a line; whether that is anything."""

    summary: str
    changes: bool


class Since(Struct, frozen=True):
    """A state of another time, and the commit that it is of, if it is of one: what its answers
    amount to, what changed since, most important first, and what the answers took that came since;
    so many `verdicts` of judges changed beside them.
    """

    name: str
    commit: str | None
    before: AnswerTotals
    changes: tuple[AnswerChange, ...]
    spent: AnswerTotals
    verdicts: int = 0


class Report(Struct, frozen=True):
    """`name` is that of the project and its workspace, one for each report of a repository."""

    name: str
    after: AnswerTotals
    checked: Checked
    next: NextApply
    since: Since | None = None


def most_important_first(
    changes: Iterable[AnswerChange], checked: Checked
) -> tuple[AnswerChange, ...]:
    """What stopped holding, then what nobody asked for, then the rest; the largest change of each
    first.
    """
    broken = {
        one.address
        for each in (checked.since.checks if checked.since else ())
        for one in each.newly_failing
    }
    return tuple(sorted(changes, key=lambda change: _rank(change, broken)))


def spent_on(changes: Iterable[AnswerChange], price: Priced) -> AnswerTotals:
    """What the answers took that changes brought."""
    return totals(answers_of_changes(changes), price)


def answer_totals(records: Iterable[Record], price: Priced) -> AnswerTotals:
    """What the answers of a state amount to, without the verdicts on them."""
    return totals((one for one in records if not is_verdict(one.address)), price)


def _rank(change: AnswerChange, broken: set[str]) -> tuple[int, int]:
    size = -_size(change)
    if change.address in broken:
        return 0, size
    match change:
        case AnsweredDifferently():
            return 1, size
        case AskedDifferently():
            return 2, size
        case AnswerAdded():
            return 3, size
        case AnswerRemoved():
            return 4, size
        case AnswerMoved():
            return 5, size


def _size(change: AnswerChange) -> int:
    """How many characters of what is said are not alike at the beginning or the end."""
    match change:
        case AnswerAdded(after=one) | AnswerRemoved(before=one):
            return len(answer_text_of(one))
        case AnsweredDifferently() | AskedDifferently() | AnswerMoved():
            old, new = answer_text_of(change.before), answer_text_of(change.after)
            head = _alike(old, new)
            tail = _alike(old[head:][::-1], new[head:][::-1])
            return len(old) + len(new) - 2 * (head + tail)


def _alike(one: str, other: str) -> int:
    """How many characters two begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[:middle]):
            low = middle
        else:
            high = middle - 1
    return low
