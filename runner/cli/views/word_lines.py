"""Two texts in one, as git shows words that changed: `[-gone-]{+came+}`."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from runner.cli.streams import on_one_line
from runner.cli.views.page import Page, width_of
from runner.cli.views.style import Style
from runner.core.viewing.words import DiffLine, DiffSpan
from runner.errors import counted

_AROUND = 2  # unchanged lines beside one that changed
_MOST, _HEAD = 40, 30  # lines of one difference, and those that are shown of a longer one
_SAME, _NEAR, _LONG = 160, 60, 600  # characters of a part of a line, before it is cut
_MARK = {"same": "  ", "changed": "~ ", "gone": "- ", "came": "+ "}
_COLOUR = {"gone": "red", "came": "green", "changed": "yellow"}
_NARROWEST = 30  # columns


def word_lines(page: Page, lines: Sequence[DiffLine], indent: int) -> Iterator[str]:
    """The lines of a difference, indented, far unchanged ones counted."""
    space, room = " " * indent, max(page.width - indent - 2, _NARROWEST)
    shown = [piece for part in _near(lines) for piece in _drawn(page, part, room)]
    hidden = 0
    if len(shown) > _MOST and not page.full:
        page.is_cut = True
        hidden, shown = len(shown) - _HEAD, shown[:_HEAD]
    yield from (f"{space}{line}".rstrip(" ") for line in shown)
    if hidden:
        yield f"{space}{page.grey(f'.. ({hidden:,} more lines)')}"


def _near(lines: Sequence[DiffLine]) -> Iterator[DiffLine | int]:
    """Lines that changed with a few around them; of the others, how many, if they are several."""
    changed = (at for at, line in enumerate(lines) if line.kind != "same")
    kept = {at + by for at in changed for by in range(-_AROUND, _AROUND + 1)}
    for is_near, found in groupby(enumerate(lines), lambda each: each[0] in kept):
        group = [line for _, line in found]
        if is_near or len(group) == 1:
            yield from group
        else:
            yield len(group)


def _drawn(page: Page, part: DiffLine | int, room: int) -> Iterator[str]:
    if isinstance(part, int):
        yield page.grey(f"  # ({counted(part, 'unchanged line')} hidden)")
        return
    mark = _MARK[part.kind]
    colour = _COLOUR.get(part.kind)
    mark = page.style(mark, colour) if colour else mark
    spans = part.spans if page.full else tuple(_cut(page, part.spans))
    for number, line in enumerate(_wrapped(page, spans, part.kind, room)):
        yield f"{mark if not number else '  '}{line}"


def _cut(page: Page, spans: Sequence[DiffSpan]) -> Iterator[DiffSpan]:
    """Spans less what is far from any change, and less the middle of what is very long."""
    for at, span in enumerate(spans):
        text, head, tail = span.text, _NEAR, _NEAR
        if span.kind == "same" and len(spans) > 1:
            most = _SAME
            head, tail = (0 if at == 0 else _NEAR), (0 if at == len(spans) - 1 else _NEAR)
        else:
            most, head = _LONG, _LONG - _NEAR
        if len(text) <= most:
            yield span
            continue
        page.is_cut = True
        yield DiffSpan(span.kind, f"{text[:head]} .. {text[len(text) - tail :] if tail else ''}")


def _wrapped(page: Page, spans: Sequence[DiffSpan], kind: str, room: int) -> Iterator[str]:
    """A line's spans in their colours, on a terminal in pieces that fit."""
    whole = kind in ("gone", "came")
    parts = [DiffSpan(span.kind, span.text) if whole else _with_marks(span) for span in spans]
    line, used = "", 0
    is_whole = page.style.width is None
    for part in parts:
        for word in _words(on_one_line(part.text)):
            seen = word.rstrip(" ")
            if not is_whole and used and used + width_of(seen) > room:
                yield line
                line, used = "", 0
            used += width_of(word)
            # A space that has no room at the end of a line would be a line of its own.
            line += _coloured(word if is_whole or used <= room else seen, part, page.style)
    yield line


def _words(text: str) -> Iterator[str]:
    """Words with the spaces after them."""
    at = 0
    while at < len(text):
        end = text.find(" ", at)
        while end != -1 and text[end : end + 1] == " ":
            end += 1
        end = len(text) if end == -1 else end
        yield text[at:end]
        at = end


def _with_marks(span: DiffSpan) -> DiffSpan:
    match span.kind:
        case "same":
            return span
        case "gone":
            return DiffSpan("gone", f"[-{span.text}-]")
        case "came":
            return DiffSpan("came", f"{{+{span.text}+}}")


def _marked(span: DiffSpan, style: Style) -> str:
    marked = _with_marks(span)
    return _coloured(on_one_line(marked.text), marked, style)


def _coloured(text: str, span: DiffSpan, style: Style) -> str:
    colour = _COLOUR.get(span.kind)
    return style(text, colour) if colour else text
