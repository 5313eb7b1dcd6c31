"""Texts as a page has room for them: wrapped on a terminal, cut in the middle, each shown once."""

from collections.abc import Iterator
from unicodedata import combining, east_asian_width

from msgspec import Struct

from runner.cli.streams import harmless
from runner.cli.views.style import Style
from runner.core.plan.conversation import size_text
from runner.core.plan.diff import lines_of
from runner.core.request.sketch import UNKNOWN
from runner.core.values import MASK

_WIDTH, _NARROWEST = 100, 40  # columns: where no terminal says, and of any text
_MOST, _HEAD, _TAIL = 12, 7, 2  # lines of a text that is shown whole, and of one that is cut
_REPEATED = 200  # characters of what is shown once, and named afterwards


class Page(Struct):
    """What a plan is shown on. `full` cuts nothing and repeats everything; `is_cut` says whether
    something was; `in_words` shows which words of a line changed.
    """

    style: Style
    full: bool = False
    is_cut: bool = False
    in_words: bool = False
    _shown: dict[str, str] = {}

    @property
    def width(self) -> int:
        """Columns of a line."""
        return self.style.width or _WIDTH

    def grey(self, text: str) -> str:
        """What is said about a text, and is no part of it."""
        return self.style(text, "grey")

    def earlier(self, text: str, address: str) -> str | None:
        """Where a long text, or all that it stands for, was shown before; else it is now shown
        here. What is not shown in a text may be another each time.
        """
        if self.full or len(text) < _REPEATED or MASK in text or UNKNOWN in text:
            return None
        held = self._shown.get(text)
        if held is None:
            self._shown[text] = address
            return None
        return "above" if held == address else held

    def text(self, text: str, column: int) -> list[str]:
        """The lines of a text that begins in this column."""
        room = max(self.width - column, _NARROWEST)
        pieces = list(_pieces(text, room, None if self.full else _MOST))
        if len(pieces) > _MOST and not self.full:
            self.is_cut = True
            number = len(lines_of(text))
            lines = f"{number:,} lines" if number > 1 else "one line"
            note = self.grey(f".. ({size_text(len(text.encode()))}, {lines}) ..")
            tail = list(_last(text, room))[-_TAIL:]
            return [*self._lines(pieces[:_HEAD]), note, *self._lines(tail)]
        return self._lines(pieces)

    def cut(self, text: str, column: int) -> str:
        """As much of a text on one line as stands right of a column."""
        room = max(self.width - column, _NARROWEST)
        if self.full or width_of(text) <= room:
            return text
        self.is_cut = True
        return next(_chunks(text, room - 2, at_spaces=False)).rstrip() + ".."

    def end(self) -> list[str]:
        """What is said of a page on which something was cut."""
        return [self.grey("  # (not all of it is shown; --full shows it)"), ""] * self.is_cut

    def _lines(self, pieces: list[tuple[int, str]]) -> list[str]:
        """On a terminal as they were wrapped, elsewhere each line of the text as one again."""
        if self.style.width is not None:
            return [piece.rstrip(" ") for _, piece in pieces]
        lines: dict[int, str] = {}
        for number, piece in pieces:
            lines[number] = lines.get(number, "") + piece
        return list(lines.values())


def flow(parts: list[str], room: int) -> Iterator[str]:
    """Parts with commas between them, in lines of so many columns."""
    line = ""
    for index, part in enumerate(parts):
        shown = part + ("," if index < len(parts) - 1 else "")
        if line and width_of(line) + 1 + width_of(shown) > room:
            yield line
            line = shown
        else:
            line = f"{line} {shown}" if line else shown
    if line:
        yield line


def width_of(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def end_of(text: str, room: int) -> str:
    """As much of the end of a text as stands in so many columns."""
    end = text[max(len(text) - room, 0) :]
    while width_of(end) > room:
        end = end[1:]
    return end


def _columns(character: str) -> int:
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def _pieces(text: str, room: int, most: int | None) -> Iterator[tuple[int, str]]:
    """A text's lines in pieces that fit, with the number of the line; one more than `most`."""
    left = None if most is None else most + 1
    for number, line in enumerate(lines_of(text) or [""]):
        for piece in _chunks(_harmless_line(line), room):
            yield number, piece
            if left is not None:
                left -= 1
                if not left:
                    return


def _last(text: str, room: int) -> Iterator[tuple[int, str]]:
    """The pieces of the end of a long text."""
    lines = lines_of(text)
    for number, line in enumerate(lines[-_TAIL:]):
        end = line if len(line) <= _TAIL * room else line[-_TAIL * room + room // 4 :]
        for piece in _chunks(_harmless_line(end), room):
            yield number, piece


def _harmless_line(line: str) -> str:
    """A carriage return at its end belongs to the end."""
    return harmless(f"{line}\n")[:-1]


def _chunks(line: str, room: int, *, at_spaces: bool = True) -> Iterator[str]:
    """A line in pieces of so many columns, broken after a space where there is one."""
    at = 0
    while len(line) - at > room or width_of(line[at : at + room]) > room:
        end = at + _fitting(line, at, room)
        space = line.rfind(" ", at + room // 2, end + 1) + 1 if at_spaces else 0
        end = space or end
        yield line[at:end]
        at = end
    yield line[at:]


def _fitting(line: str, at: int, room: int) -> int:
    """How many characters from here on fit."""
    part = line[at : at + room]
    if part.isascii():
        return len(part)
    used = 0
    for number, character in enumerate(part):
        used += _columns(character)
        if used > room:
            return max(number, 1)
    return len(part)
