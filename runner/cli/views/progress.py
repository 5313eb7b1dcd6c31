"""What an apply tells while it runs: a bar on a terminal, lines elsewhere, or JSON events."""

import argparse
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from runner.core.estimate import compact
from runner.core.events import Done, Event, Failed, Skipped, Started

_LOG = logging.getLogger(__name__)
_EVERY = 5.0  # seconds between lines without a terminal
_FEW = 20  # so many steps are told one by one


class Run(Protocol):
    """What a progress line reads of an apply."""

    in_flight: int


class Progress:
    """Counts what happened; the base of every way to show it, and the quietest one."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.failed, self.skipped, self.tokens = total, 0, 0, 0, 0
        self.began = time.monotonic()
        self.run: Run | None = None
        self.connections: Any = None

    def watch(self, run: Run, connections: Any) -> None:
        """The run that is shown, and the clients whose waits are told."""
        self.run, self.connections = run, connections

    def tell(self, event: Event) -> None:
        """Something happened."""
        match event:
            case Done(address, how, used=used):
                self.done += 1
                self.tokens += used.prompt + used.completion if used else 0
                _LOG.info("%s: %s", address, how)
            case Failed(address, failure):
                self.failed += 1
                _LOG.info("%s: failed (status %s)", address, failure.status)
            case Skipped(address, because):
                self.skipped += 1
                _LOG.info("%s: skipped (%s)", address, because)
            case Started(address):
                _LOG.info("%s: started", address)

    def say(self, text: str) -> None:
        """A sentence for the person who waits."""
        with suppress(BrokenPipeError):  # nobody reads it any more: no reason to end a run
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def text(self, piece: str) -> None:
        """A piece of an answer, as it is written."""
        sys.stderr.write(piece)
        sys.stderr.flush()

    def close(self) -> None:
        """The run is over."""

    def line(self) -> str:
        """The state of the run in one line."""
        seconds = max(time.monotonic() - self.began, 0.001)
        flying = self.run.in_flight if self.run is not None else 0
        parts = [f"{self.done}/{max(self.total, self.done)} done", f"{flying} in flight"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.tokens:
            parts.append(f"{compact(self.tokens)} tokens")
        parts.append(f"{self.done / seconds:.1f}/s")
        left = self.total - self.done - self.failed - self.skipped
        if self.done and left > 0:
            parts.append(f"{_duration(left * seconds / self.done)} left")
        waiting = self._waiting()
        if waiting:
            parts.append(waiting)
        return ", ".join(parts)

    def _waiting(self) -> str | None:
        clients = self.connections.clients.values() if self.connections is not None else ()
        return next((client.waiting for client in clients if client.waiting), None)


class Lines(Progress):
    """Without a terminal: each step while they are few, else a line every few seconds."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self._last = self.began

    def tell(self, event: Event) -> None:
        """Count, and now and then write."""
        super().tell(event)
        if self.total <= _FEW:
            self._step(event)
        elif time.monotonic() - self._last >= _EVERY:
            self._last = time.monotonic()
            self.say(self.line())

    def _step(self, event: Event) -> None:
        match event:
            case Started(address):
                self.say(f"{address}: Issuing...")
            case Done(address, "issued", record) if record is not None:
                seconds = record.duration_ms / 1000
                self.say(f"{address}: Answered after {seconds:.1f}s [id={_id(record.response)}]")
            case Done(address, how):
                self.say(f"{address}: {how.capitalize()}")
            case Failed(address):
                self.say(f"{address}: Failed")
            case Skipped(address, because):
                self.say(f"{address}: Skipped ({because})")


class Bar(Progress):
    """On a terminal: one bar, redrawn ten times a second."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        from rich.console import Console  # noqa: PLC0415  # only for a terminal
        from rich.progress import BarColumn, TextColumn  # noqa: PLC0415
        from rich.progress import Progress as RichProgress  # noqa: PLC0415

        owner = self

        class Line(TextColumn):
            def render(self, task: Any) -> Any:  # noqa: ARG002
                return owner.line()

        self._bar = RichProgress(
            BarColumn(bar_width=24),
            Line(""),
            console=Console(stderr=True, soft_wrap=True),
            refresh_per_second=10,
            transient=True,
        )
        self._task = self._bar.add_task("", total=max(total, 1))
        self._bar.start()

    def tell(self, event: Event) -> None:
        """Count, and move the bar."""
        super().tell(event)
        over = self.done + self.failed + self.skipped
        self._bar.update(self._task, completed=over, total=max(self.total, over, 1))
        if isinstance(event, Failed):
            self.say(f"{event.address}: Failed: {event.failure.message}")

    def say(self, text: str) -> None:
        """Above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


class Events(Progress):
    """--json: one event a line on stdout."""

    def tell(self, event: Event) -> None:
        """Write the event."""
        from runner.cli.views.events import apply_event, write  # noqa: PLC0415

        super().tell(event)
        with suppress(BrokenPipeError):  # `| head`: what is paid for is still recorded
            write(apply_event(event))


@contextmanager
def progress(arguments: argparse.Namespace, total: int) -> Iterator[Progress]:
    """The way to tell that fits the command line and the terminal."""
    if getattr(arguments, "json", False):
        shown: Progress = Events(total)
    elif getattr(arguments, "stream", False):
        shown = Progress(total)
    elif sys.stderr.isatty():
        shown = Bar(total)
    else:
        shown = Lines(total)
    try:
        yield shown
    finally:
        shown.close()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _id(response: bytes) -> str:
    import orjson  # noqa: PLC0415

    return str(orjson.loads(response).get("id"))
