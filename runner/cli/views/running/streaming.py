"""Answers shown while they are written: in a panel, in whole lines, or one alone."""

import time
from contextlib import suppress
from typing import TextIO

from msgspec import Struct

from runner.cli.streams import Coloured, cleared, harmless, on_one_line
from runner.cli.views.page import end_of, width_of
from runner.cli.views.running.progress import Bar, Lines, Progress, write_stderr
from runner.cli.views.style import Style
from runner.core.api.answer import Answer
from runner.core.modules.judge_prompt import answer_text
from runner.core.plan.events import CutOff, Done, Event, Failed, Skipped, Started, Written
from runner.core.state.records import Record
from runner.operations.spending import AskPaid

CUT = "[cut off in the middle: not recorded]"
_TAIL = 2_000  # characters that the last words are among
_RATE = len("9999 tokens/s")
_GAP = 2  # columns between those of the panel
_FEWEST = 10  # columns of words that say something


class RawAnswer:
    """The text of one answer, and no byte else, as it is written; where it came as a whole, or
    from the cache, at once.
    """

    def __init__(self, address: str, out: TextIO) -> None:
        self._address, self._out = address, out
        self._begun = self._over = False
        self.on_terminal = out.isatty()

    def tell(self, event: Event) -> None:
        """Something happened, to this answer or to another."""
        if event.address != self._address:
            return
        match event:
            case Written(text=text):
                self._begun = True
                self._write(text)
            case CutOff(address):
                self._begun = False
                self._write("\n")
                write_stderr(f"{address}: {CUT}\n")
            case Done(record=record) | Failed(record=record):
                self.whole(record)
            case Started() | Skipped():
                pass

    def whole(self, record: Record | None) -> None:
        """How it is recorded, which it may have been before."""
        if record is not None and not self._begun and not self._over:
            self._write(_text(record))
        self._over = self._over or record is not None

    def _write(self, text: str) -> None:
        with suppress(OSError):  # `| head`: what is paid for is still recorded
            self._out.write(text)
            self._out.flush()


class Alone(Progress):
    """One answer and nothing else: its text as it comes."""

    _begun = False

    def tell(self, event: Event) -> None:
        """Show the text."""
        super().tell(event)
        match event:
            case Written(text=text):
                self._begun = True
                write_stderr(text)
            case CutOff():
                self._begun = False
                write_stderr(f"\n{CUT}\n")
            case Done(how="issued", record=record) if record is not None and not self._begun:
                write_stderr(_text(record))
            case Started() | Done() | Failed() | Skipped():
                pass


class PrefixedLines(Lines):
    """Without a terminal: each line of an answer once it is whole, behind the address. If `quiet`,
    nothing besides.
    """

    def __init__(self, total: int, paid: AskPaid, *, few: int | None = None, quiet: bool) -> None:
        super().__init__(total, paid, *(() if few is None else (few,)))
        self._quiet = quiet
        self._begun: dict[str, str] = {}  # what came since the last end of a line

    def tell(self, event: Event) -> None:
        """Write the lines that are whole now."""
        match event:
            case Written(address, text):
                *lines, rest = (self._begun.get(address, "") + text).split("\n")
                self._begun[address] = rest
                self._show(address, lines)
            case CutOff(address):
                self._show(address, [*self._rest(address), CUT])
            case Done(address, "issued", record) if record is not None:
                is_new = address not in self._begun
                lines = _text(record).removesuffix("\n").split("\n") if is_new else []
                self._show(address, lines or self._rest(address))
            case Failed(address):
                self._show(address, self._rest(address))
            case Started() | Done() | Skipped():
                pass
        if self._quiet:
            Progress.tell(self, event)
        else:
            super().tell(event)

    def tick(self) -> None:
        """Now and then, where the run stands."""
        if not self._quiet:
            super().tick()

    def _rest(self, address: str) -> list[str]:
        rest = self._begun.pop(address, "")
        return [rest] if rest else []

    def _show(self, address: str, lines: list[str]) -> None:
        name = on_one_line(address)
        whole = (f"{name} | {line.removesuffix(chr(13))}\n" for line in lines)
        if lines:
            write_stderr("".join(whole))


class _Answering:
    """An answer in flight: its text so far, and the end of it."""

    def __init__(self, address: str) -> None:
        self.name = on_one_line(address).replace("\t", " ")
        self.began = time.monotonic()
        self.first: float | None = None
        self.texts: list[str] = []
        self._pieces = 0
        self._tail = ""

    def add(self, text: str, pieces: int) -> None:
        """What came next, in so many pieces."""
        if self.first is None:
            self.first = time.monotonic()
        self.texts.append(text)
        self._tail = (self._tail + text)[-_TAIL:]
        self._pieces += pieces

    def rate(self) -> str:
        """How fast it comes, a piece being a token for most servers; before, how long it takes."""
        now = time.monotonic()
        if self.first is None:
            return f"{now - self.began:.0f} s"
        seconds = max(now - self.first, 0.1)
        return f"{self._pieces / seconds:.0f} tokens/s"

    def last_words(self, room: int) -> str:
        """The end of its text, in one line of so many columns."""
        words = on_one_line(" ".join(self._tail.split())[-2 * room :])
        shown = end_of(words, room)
        return shown if shown == words else shown.partition(" ")[2] or shown


class _Drawn(Struct, frozen=True):
    """Lines on a terminal, by the columns that each takes."""

    widths: tuple[int, ...] = ()

    def rows_above(self, columns: int) -> int:
        """How many rows the last of them is below the first, in a window that may have become
        narrower since.
        """
        return sum(max(1, -(-width // columns)) for width in self.widths) - 1 if self.widths else 0


class Panel(Bar):
    """On a terminal: a line for each answer in flight above the bar; one that is finished goes up
    as a whole. Drawn at most ten times a second.
    """

    def __init__(self, total: int, paid: AskPaid, terminal: TextIO, style: Style) -> None:
        self._answering: dict[str, _Answering] = {}
        self._panel = _Drawn()
        self._ended: list[str] = []  # texts that go up with the next drawing
        self._style = style
        super().__init__(total, paid, Coloured(terminal))  # type: ignore[arg-type]

    def tell(self, event: Event) -> None:
        """Move the panel, and show what has ended."""
        match event:
            case Started(address):
                self._answering[address] = _Answering(address)
            case Written(address, text, pieces):
                self._of(address).add(text, pieces)
            case CutOff(address):
                cut = self._of(address)
                self._answering[address] = _Answering(address)
                self._finished(cut.name, "", f"{''.join(cut.texts)}\n{CUT}")
            case Done(address, how, record):
                ended = self._answering.pop(address, None)
                if record is not None and how == "issued":
                    text = "".join(ended.texts) if ended is not None else ""
                    name = on_one_line(address)
                    self._finished(name, self.took(record), text or _text(record))
            case Failed(address) | Skipped(address):
                self._answering.pop(address, None)
        super().tell(event)

    def _of(self, address: str) -> _Answering:
        return self._answering.setdefault(address, _Answering(address))

    def _finished(self, name: str, took: str, text: str) -> None:
        head = self._style(name, "bold") + (self._style(f"  {took}", "grey") if took else "")
        body = harmless(text)
        end = "" if body.endswith("\n") else "\n"
        self._ended.append(f"{head}\n{body}{end}\n")

    def close(self) -> None:
        """Take the panel away."""
        self._put(f"{self._erased()}{self._above()}")
        self._panel = _Drawn()

    def _draw(self, above: str = "") -> None:
        erased, lines = self._erased(), self._lines()
        self._panel = _Drawn(tuple(map(width_of, lines)))
        self._drawn = time.monotonic()
        self._put(f"{erased}{self._above()}{above}{chr(10).join(lines)}")

    def _above(self) -> str:
        ended, self._ended = self._ended, []
        return "".join(ended)

    def _erased(self) -> str:
        return cleared(self._panel.rows_above(self._size().columns))

    def _lines(self) -> list[str]:
        """Those that the window has room for, and how many it has none for."""
        size = self._size()
        held = [*self._answering.values()]
        room = max(size.lines - 3, 0)
        shown = held if len(held) <= room else held[: max(room - 1, 0)]
        longest = max((width_of(one.name) for one in shown), default=0)
        lines = [self._line(one, longest, size.columns - 1) for one in shown]
        if len(held) > len(shown) and room:
            lines.append(f".. and {len(held) - len(shown)} more"[: size.columns - 1])
        return [*lines, self._bar()]

    def _line(self, one: _Answering, longest: int, columns: int) -> str:
        name = min(longest, max(columns * 2 // 5, _FEWEST), columns)
        parts = [_fitted(one.name, name)]
        left = columns - name - _GAP
        if left >= _RATE + _GAP + _FEWEST:
            parts.append(f"{one.rate():>{_RATE}}")
            left -= _RATE + _GAP
        if left >= _FEWEST:
            parts.append(one.last_words(left))
        return (" " * _GAP).join(parts)


def _fitted(name: str, room: int) -> str:
    """A name in so many columns: of a long one its end, which tells it from its like."""
    if width_of(name) > room:
        name = f"..{end_of(name, max(room - 2, 0))}"[: max(room, 0)]
    return name + " " * (room - width_of(name))


def _text(record: Record) -> str:
    """What there is to read of an answer."""
    return answer_text(Answer(record.response))
