"""How an answer and its request differ, in lines that begin as those of a unified diff do."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from runner.cli.views.values import short
from runner.core.plan.diff import ABSENT, Change, lines_of
from runner.core.state.records import Record
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
)
from runner.core.viewing.words import DiffLine, DiffSpan, text_diff
from runner.errors import counted

_AROUND = 2  # unchanged lines beside one that changed
_SAME, _NEAR = 160, 60  # characters of what is unchanged within a line, and of its ends
_LONGEST = 400  # characters of a line


def unified_lines(change: AnswerChange) -> Iterator[str]:
    """What is asked and what is answered otherwise; of an answer that is on one side alone, what it
    says.
    """
    match change:
        case AnswerAdded(after=record):
            yield from (_line("+", line) for line in lines_of(answer_text_of(record)))
        case AnswerRemoved(before=record):
            yield from (_line("-", line) for line in lines_of(answer_text_of(record)))
        case AskedDifferently() | AnsweredDifferently() | AnswerMoved():
            for changed in recorded_changes(change.before, change.after):
                yield from _of_path(changed)
            yield from _of_answers(change.before, change.after)


def _of_answers(before: Record, after: Record) -> Iterator[str]:
    match answer_diff(before, after):
        case TextDiff(()) | PathDiff(()):
            return
        case TextDiff(lines):
            yield "@@ answer @@"
            yield from _unified(lines)
        case PathDiff(paths):
            for changed in paths:
                yield from _of_path(changed, "answer ")


def _of_path(changed: Change, of: str = "") -> Iterator[str]:
    yield _line("@@", f"{of}{changed.name} @@")
    if isinstance(changed.old, str) and isinstance(changed.new, str):
        yield from _unified(text_diff(changed.old, changed.new))
        return
    for mark, value in (("-", changed.old), ("+", changed.new)):
        if isinstance(value, str):
            yield from (_line(mark, line) for line in lines_of(value) or [""])
        elif value is not ABSENT:
            yield _line(mark, short(value, None))


def _unified(lines: Sequence[DiffLine]) -> Iterator[str]:
    """Lines that changed with a few around them; of the others, how many."""
    changed = [at for at, line in enumerate(lines) if line.kind != "same"]
    near = {at + by for at in changed for by in range(-_AROUND, _AROUND + 1)}

    def kind(at: int) -> str:
        return "hidden" if at not in near else "same" if lines[at].kind == "same" else "changed"

    for of, group in groupby(range(len(lines)), kind):
        held = [lines[at] for at in group]
        match of:
            case "hidden":
                yield f"  # ({counted(len(held), 'unchanged line')} hidden)"
            case "same":
                yield from (_line(" ", _text(line.spans, "same")) for line in held)
            case _:
                yield from (
                    _side("-", line, "gone", "came") for line in held if line.kind != "came"
                )
                yield from (
                    _side("+", line, "came", "gone") for line in held if line.kind != "gone"
                )


def _side(mark: str, line: DiffLine, own: str, other: str) -> str:
    spans = [span for span in line.spans if span.kind != other]
    return _line(mark, "".join(_near_changes(spans)) if len(spans) > 1 else _text(spans, own))


def _near_changes(spans: Sequence[DiffSpan]) -> Iterator[str]:
    """A line's parts, less what is far from any change."""
    for at, span in enumerate(spans):
        text = span.text
        if span.kind == "same" and len(text) > _SAME:
            head = "" if at == 0 else text[:_NEAR]
            tail = "" if at == len(spans) - 1 else text[-_NEAR:]
            text = f"{head} .. {tail}"
        yield text


def _text(spans: Sequence[DiffSpan], kind: str) -> str:
    return "".join(span.text for span in spans if span.kind in ("same", kind))


def _line(mark: str, text: str) -> str:
    cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]}.."
    return f"{mark} {cut}".rstrip(" ")
