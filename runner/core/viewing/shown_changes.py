"""A change as a page shows it: what was asked otherwise, and how the answer differs."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from runner.core.plan.conversation import text_or_json
from runner.core.plan.diff import ABSENT, Change
from runner.core.viewing.answers import (
    PathDiff,
    TextDiff,
    answer_diff,
    answer_text_of,
    recorded_changes,
)
from runner.core.viewing.changes import (
    AnswerAdded,
    AnswerChange,
    AnsweredDifferently,
    AnswerMoved,
    AnswerRemoved,
    AskedDifferently,
    ChangeWord,
    kind_of_change,
)
from runner.core.viewing.versions import why_changed
from runner.core.viewing.words import DiffLine, text_diff


class ShownPath(Struct, frozen=True):
    """A value that differs, as text; None on a side on which there is none. Two texts are told by
    their `lines`.
    """

    path: str
    before: str | None
    after: str | None
    lines: tuple[DiffLine, ...] = ()


class ShownChange(Struct, frozen=True):
    """What of the request differs by its paths, and of the answer by its `lines`, or by its `paths`
    where that is JSON; `text` is all of an answer that came or went.
    """

    address: str
    kind: ChangeWord
    why: str
    request: tuple[ShownPath, ...] = ()
    lines: tuple[DiffLine, ...] = ()
    paths: tuple[ShownPath, ...] = ()
    text: str | None = None


def shown_change(change: AnswerChange) -> ShownChange:
    """One change with all that differs."""
    kind, why = kind_of_change(change), why_changed(change)
    match change:
        case AnswerAdded(address, record) | AnswerRemoved(address, record):
            return ShownChange(address, kind, why, text=answer_text_of(record))
        case AskedDifferently() | AnsweredDifferently() | AnswerMoved():
            asked = tuple(_paths(recorded_changes(change.before, change.after)))
            found = answer_diff(change.before, change.after)
            match found:
                case TextDiff(lines):
                    return ShownChange(change.address, kind, why, asked, lines)
                case PathDiff(changes):
                    paths = tuple(_paths(changes))
                    return ShownChange(change.address, kind, why, asked, paths=paths)


def _paths(changes: Iterable[Change]) -> Iterator[ShownPath]:
    for each in changes:
        if isinstance(each.old, str) and isinstance(each.new, str):
            yield ShownPath(each.name, None, None, text_diff(each.old, each.new))
        else:
            old, new = (
                None if side is ABSENT else text_or_json(side) for side in (each.old, each.new)
            )
            yield ShownPath(each.name, old, new)
