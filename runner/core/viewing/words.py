"""Two texts beside each other: which lines differ, and in them which words."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from runner.core.plan.diff import lines_of

SpanKind = Literal["same", "gone", "came"]

_SIGNS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # scripts without spaces
_WORD = rf"(?s)[^\W{_SIGNS}]+|[^\S\n]+|.|\n"
_MOST = 30_000_000  # pairs that are compared: a bit of memory each
_ALIKE = 0.25  # of the words: what has less in common is another text, and no change of one


class DiffSpan(Struct, frozen=True):
    """A part of a line that is on both sides, or on one alone."""

    kind: SpanKind
    text: str


class DiffLine(Struct, frozen=True):
    """A line of both texts at once. `kind` is `same` or `changed` for one that both have, `gone` or
    `came` for one that only one of them has.
    """

    kind: Literal["same", "changed", "gone", "came"]
    spans: tuple[DiffSpan, ...]


def text_diff(old: str, new: str) -> tuple[DiffLine, ...]:
    """The lines of two texts in their order, those that changed with their words. Lines in whose
    place others came that have little in common with them are told as gone and as come.
    """
    return tuple(_lines(lines_of(old), lines_of(new)))


def word_diff(old: str, new: str) -> tuple[DiffSpan, ...]:
    """What of two texts is the same, what went and what came; white space alone between two
    changes is a part of them.
    """
    before, after = re.findall(_WORD, old), re.findall(_WORD, new)
    return tuple(_joined(_merged(_spans(before, after))))


def in_common(spans: Sequence[DiffSpan]) -> float:
    """How much of two texts is the same, from 0 to 1; white space counts for nothing."""
    same, all_of_it = 0, 0
    for span in spans:
        size = sum(not character.isspace() for character in span.text)
        weight = 2 if span.kind == "same" else 1
        all_of_it += weight * size
        same += weight * size if span.kind == "same" else 0
    return same / all_of_it if all_of_it else 1.0


def _lines(before: Sequence[str], after: Sequence[str]) -> Iterator[DiffLine]:
    for gone, came, same in _blocks(before, after):
        if same:
            yield from (DiffLine("same", _whole("same", line)) for line in gone)
        elif not (gone and came):
            yield from _apart(gone, came)
        else:
            spans = word_diff("\n".join(gone), "\n".join(came))
            is_change = in_common(spans) >= _ALIKE
            yield from _split(spans) if is_change else _apart(gone, came)


def _apart(gone: Sequence[str], came: Sequence[str]) -> Iterator[DiffLine]:
    yield from (DiffLine("gone", _whole("gone", line)) for line in gone)
    yield from (DiffLine("came", _whole("came", line)) for line in came)


def _whole(kind: SpanKind, line: str) -> tuple[DiffSpan, ...]:
    return (DiffSpan(kind, line),) if line else ()


def _split(spans: Sequence[DiffSpan]) -> Iterator[DiffLine]:
    """Spans of several lines as lines. A line end that went or came alone ends a line too."""
    line: list[DiffSpan] = []
    for span in spans:
        first, *others = span.text.split("\n")
        line += _whole(span.kind, first)
        for text in others:
            yield _line(line)
            line = [*_whole(span.kind, text)]
    yield _line(line)


def _line(spans: Sequence[DiffSpan]) -> DiffLine:
    kinds = {span.kind for span in spans}
    kind = kinds.pop() if len(kinds) == 1 else "changed" if kinds else "same"
    return DiffLine(kind, tuple(spans))


def _spans(before: Sequence[str], after: Sequence[str]) -> Iterator[DiffSpan]:
    for gone, came, same in _blocks(before, after):
        if same:
            yield DiffSpan("same", "".join(gone))
        else:
            yield DiffSpan("gone", "".join(gone))
            yield DiffSpan("came", "".join(came))


def _blocks(
    before: Sequence[str], after: Sequence[str]
) -> Iterator[tuple[Sequence[str], Sequence[str], bool]]:
    """Stretches of two lists: what is on both sides, or what went and what came in its place."""
    least = min(len(before), len(after))
    head = next((i for i in range(least) if before[i] != after[i]), least)
    most = least - head
    tail = next((i for i in range(most) if before[-1 - i] != after[-1 - i]), most)
    if head:
        yield before[:head], after[:head], True
    yield from _between(before[head : len(before) - tail], after[head : len(after) - tail])
    if tail:
        yield before[-tail:], after[-tail:], True


def _between(
    before: Sequence[str], after: Sequence[str]
) -> Iterator[tuple[Sequence[str], Sequence[str], bool]]:
    if not (before and after) or len(before) * len(after) > _MOST:
        if before or after:
            yield before, after, False
        return
    from rapidfuzz.distance import Indel  # noqa: PLC0415  # only where something changed

    at = to = 0  # up to where it was told
    for step in Indel.opcodes(before, after):
        if step.tag == "equal":
            if (at, to) != (step.src_start, step.dest_start):
                yield before[at : step.src_start], after[to : step.dest_start], False
            at, to = step.src_end, step.dest_end
            yield before[step.src_start : at], after[step.dest_start : to], True
    if (at, to) != (len(before), len(after)):
        yield before[at:], after[to:], False


def _merged(spans: Iterator[DiffSpan]) -> Iterator[DiffSpan]:
    """White space between two changes is on both sides of one change."""
    held = [span for span in spans if span.text]
    gone = came = ""
    for index, span in enumerate(held):
        if span.kind == "gone":
            gone += span.text
        elif span.kind == "came":
            came += span.text
        elif 0 < index < len(held) - 1 and (gone and came) and _is_blank(span.text):
            gone, came = gone + span.text, came + span.text
        else:
            yield from (DiffSpan("gone", gone), DiffSpan("came", came), span)
            gone = came = ""
    yield from (DiffSpan("gone", gone), DiffSpan("came", came))


def _is_blank(text: str) -> bool:
    return text.isspace() and "\n" not in text


def _joined(spans: Iterator[DiffSpan]) -> Iterator[DiffSpan]:
    return (span for span in spans if span.text)
