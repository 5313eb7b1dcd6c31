"""What an apply tells while it runs: a bar on a terminal, lines elsewhere, or JSON events."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, Protocol, TextIO

from msgspec import to_builtins

from runner.cli.streams import harmless, on_one_line
from runner.cli.views.style import Style
from runner.core.plan.estimate import compact, dollars
from runner.core.plan.events import CutOff, Done, Event, Failed, Skipped, Started, Written
from runner.core.received import table_of
from runner.core.state.records import Record
from runner.operations.spending import AskPaid

_LOG = logging.getLogger(__name__)
_EVERY = 5.0  # seconds between lines without a terminal
_FEW = 20  # so many steps are told one by one
_BAR = 24  # columns
_REDRAWN = 0.1  # seconds
_ECHO = "^C"  # as a terminal shows the key


class Running(Protocol):
    """What a progress line reads of an apply."""

    in_flight: int


Hold = Callable[[Any, "Progress"], AbstractContextManager[None]]


class Progress:
    """Counts what happened; the base of every way to show it, and the quietest one.

    `paid` says what one answer that the run got came to.
    """

    def __init__(self, total: int, paid: AskPaid) -> None:
        self.total, self.done, self.failed, self.skipped, self.tokens = total, 0, 0, 0, 0
        self.cost = 0.0
        self._uncounted: list[Record] = []  # what was paid for since a line was made
        self.paid = paid
        self._is_logged = is_logged()
        self.began = time.monotonic()
        self.run: Running | None = None
        self.connections: Any = None
        self.hold: Hold = lambda *_: nullcontext()
        self.answer: Callable[[Event], None] | None = None  # who shows that of one address

    @contextmanager
    def during(self, run: Any, connections: Any) -> Iterator[None]:
        """The run that is shown, and the clients whose waits are told."""
        self.run, self.connections = run, connections
        with self.hold(run, self):
            yield

    def tell(self, event: Event) -> None:
        """Something happened."""
        if self.answer is not None:
            self.answer(event)
        match event:
            case Started() | Written() | CutOff():
                pass
            case Done(how=how, record=record):
                self.done += 1
                if how == "issued" and record is not None:
                    self._uncounted.append(record)
            case Failed(record=record):
                self.failed += 1
                if record is not None:
                    self._uncounted.append(record)
            case Skipped():
                self.skipped += 1
        if self._is_logged:
            self._log(event)

    def _log(self, event: Event) -> None:
        match event:
            case Started(address):
                _LOG.info("%s: started", address)
            case Done(address, how, record):
                issued = record if how == "issued" else None
                took = f" after {self.took(issued)}" if issued is not None else ""
                _LOG.info("%s: %s%s", address, how, took)
            case Failed(address, failure):
                _LOG.info("%s: failed (status %s)", address, failure.status)
            case Skipped(address, because):
                _LOG.info("%s: skipped (%s)", address, because)
            case CutOff(address):
                _LOG.info("%s: cut off in the middle", address)
            case Written():
                pass

    def say(self, text: str) -> None:
        """A sentence for the person who waits."""
        write_stderr(f"{text}\n")

    def tick(self) -> None:
        """A second went by."""

    def close(self) -> None:
        """The run is over."""

    def line(self) -> str:
        """The state of the run in one line."""
        seconds = max(time.monotonic() - self.began, 0.001)
        flying = self.run.in_flight if self.run is not None else 0
        parts = [f"{self.done}/{max(self.total, self.done)} done", f"{flying} in flight"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        left = self.total - self.done - self.failed - self.skipped
        waiting = self.waiting()
        if waiting and not flying and left <= 0:  # all is here: what goes on is all there is to say
            return ", ".join([parts[0], *parts[2:], waiting])
        self._count()
        if self.tokens:
            parts.append(f"{compact(self.tokens)} tokens")
        if self.cost:
            parts.append(dollars(self.cost))
        parts.append(f"{self.done / seconds:.1f}/s")
        if self.done and left > 0:
            parts.append(f"{_duration(left * seconds / self.done)} left")
        if waiting:
            parts.append(waiting)
        return ", ".join(parts)

    def _count(self) -> None:
        """What was paid for, accepted or not: only somebody who looks wants to know."""
        for record in self._uncounted:
            paid = self.paid(record)
            self.tokens += 0 if paid.used is None else paid.used.total
            self.cost += paid.cost or 0.0
        self._uncounted.clear()

    def took(self, record: Record) -> str:
        """Time, tokens and dollars of one answer, as far as they are known."""
        parts = [f"{record.duration_ms / 1000:.1f}s"]
        if record.first_ms is not None:
            parts.append(f"first token {record.first_ms / 1000:.2f}s")
        paid = self.paid(record)
        if paid.used is not None:
            parts.append(f"{compact(paid.used.total)} tokens")
        if paid.cost:
            parts.append(dollars(paid.cost))
        return f"{', '.join(parts)} [id={_id(record.response)}]"

    def waiting(self) -> str | None:
        """What requests wait for, if they do."""
        found: str | None = None if self.connections is None else self.connections.waiting
        return found


class Lines(Progress):
    """Without a terminal: each step while they are `few`, else a line every few seconds."""

    def __init__(self, total: int, paid: AskPaid, few: int = _FEW) -> None:
        super().__init__(total, paid)
        self._last = self.began
        self._is_told = total <= few

    def tell(self, event: Event) -> None:
        """Count, and write what few steps do; of many, a line when the clock says so."""
        super().tell(event)
        if self._is_told:
            self._step(event)

    def tick(self) -> None:
        """Now and then, where the run stands: of few steps, only what they wait for."""
        due = time.monotonic() - self._last >= _EVERY
        if due and (not self._is_told or self.waiting()):
            self._last = time.monotonic()
            self.say(self.line())

    def _step(self, event: Event) -> None:
        match event:
            case Started(address):
                self.say(f"{address}: Issuing...")
            case Done(address, "issued", record) if record is not None:
                self.say(f"{address}: Answered after {self.took(record)}")
            case Done(address, how):
                self.say(f"{address}: {how.capitalize()}")
            case Failed(address):
                self.say(f"{address}: Failed")
            case Skipped(address, because):
                self.say(f"{address}: Skipped ({because})")
            case Written() | CutOff():
                pass


class Bar(Progress):
    """On a terminal: one line, drawn over itself at most ten times a second.

    By carriage returns and blanks alone, which every terminal understands.
    """

    def __init__(self, total: int, paid: AskPaid, terminal: TextIO) -> None:
        super().__init__(total, paid)
        self._terminal = terminal
        self._shown = 0  # columns that are written on
        self._told: set[str] = set()
        self._drawn = 0.0
        self._draw()

    def tell(self, event: Event) -> None:
        """Count, and move the bar."""
        super().tell(event)
        match event:
            case Failed(address, failure) if failure.message not in self._told:
                self._told.add(failure.message)  # of many that say the same, the first
                self.say(f"{address}: Failed: {failure.message}")
            case Started() | Written() | CutOff() | Done() | Skipped() | Failed():
                if time.monotonic() - self._drawn > _REDRAWN:
                    self._draw()

    def tick(self) -> None:
        """Time goes on in the bar too."""
        self._draw()

    def say(self, text: str) -> None:
        """Above the bar."""
        narrow = Style(colour=False, width=self._size().columns)
        self._draw(f"{narrow.wrapped(harmless(text))}\n")

    def close(self) -> None:
        """Take the bar away."""
        self._put(self._erased())

    def _draw(self, above: str = "") -> None:
        erased, line = self._erased(), self._bar()
        self._shown, self._drawn = len(line), time.monotonic()
        self._put(f"{erased}{above}{line}")

    def _bar(self) -> str:
        over = self.done + self.failed + self.skipped
        filled = _BAR * over // max(self.total, over, 1)
        line = f"[{'#' * filled}{'.' * (_BAR - filled)}] {self.line()}"
        # In the last column the next line would begin; what Ctrl-C writes there stays on this one.
        return line[: self._size().columns - 1 - len(_ECHO)]

    def _size(self) -> os.terminal_size:
        with suppress(OSError, ValueError):  # no terminal, or one that does not say
            found = os.get_terminal_size(self._terminal.fileno())
            if found.columns and found.lines:
                return found
        return os.terminal_size((80, 24))

    def _erased(self) -> str:
        return f"\r{' ' * (self._shown + len(_ECHO) if self._shown else 0)}\r"

    def _put(self, text: str) -> None:
        with suppress(OSError):  # the terminal is gone: no reason to end a run
            self._terminal.write(text)
            self._terminal.flush()


class Events(Progress):
    """--json: one event a line on stdout."""

    def tell(self, event: Event) -> None:
        """Write the event."""
        from runner.cli.views.json_lines import write  # noqa: PLC0415
        from runner.operations.applying.step_events import apply_event  # noqa: PLC0415

        super().tell(event)
        with suppress(OSError):  # `| head`, a full disk: what is paid for is still recorded
            write(to_builtins(apply_event(event, self.paid)))


def is_logged() -> bool:
    """Whether each step is told by the log."""
    return _LOG.isEnabledFor(logging.INFO)


def write_stderr(text: str) -> None:
    """A text for whoever waits."""
    with suppress(OSError):  # nobody reads it any more, or a disk is full: no reason to end a run
        sys.stderr.write(text)
        sys.stderr.flush()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _id(response: bytes) -> str:
    return on_one_line(str(table_of(response).get("id")))
