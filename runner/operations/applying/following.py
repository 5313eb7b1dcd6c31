"""An apply that runs, for whoever looks on from another process: what it tells, as it tells it."""

import asyncio
import logging
import os
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Self

import orjson
from msgspec import Struct
from msgspec.json import Encoder

from runner.core.plan.events import CutOff, Done, Event, Failed, Skipped, Started, Written
from runner.core.plan.words import counts
from runner.core.state.records import time_of_record
from runner.io.state.run_file import MOST_TOLD, RunFile, reading_runs, run_file
from runner.operations.applying.events import apply_end, version
from runner.operations.applying.finish import Finished
from runner.operations.applying.step_events import StepEvent, apply_event
from runner.operations.options import ProjectPlace
from runner.operations.planning.plan import Planned
from runner.operations.project.places import store_of
from runner.operations.reading.loaded import Loaded
from runner.operations.spending import AskPaid

_EVERY = 0.2  # seconds between two writes
_USUAL_LINE = 130  # bytes of an event that is laid out
_LOG = logging.getLogger(__name__)
_LINES = Encoder().encode_lines

Told = dict[str, Any]


class RunTold(Struct, frozen=True):
    """What a run told since the last look, in the shapes of schemas/events.schema.json. If `anew`,
    what was told before is over: this begins with `version` and `run_start`. `is_running` says
    whether more may come; without it, the state says what became of it.
    """

    events: tuple[Told, ...]
    anew: bool
    is_running: bool


def follow_runs(place: ProjectPlace) -> Iterator[RunTold]:
    """Looks once for each `next`, and never waits: at the run of this place's state, whichever it
    is by then. Nothing is written, and no lock taken.
    """
    store = store_of(place)
    with reading_runs(run_file(store.cache, store.directory)) as look:
        while True:
            found = look()
            events = tuple(orjson.loads(line) for line in found.lines)
            yield RunTold(events, found.anew, found.is_running)


class _Waits(Struct, frozen=True):
    message: str


_Happened = Event | _Waits


class RunEvents:
    """Tells followers what one run does, as long as its context lasts: a few times a second, each
    piece of a text with the others that came meanwhile. It is laid out while somebody follows; for
    whoever comes later it is kept as it is, as far as it may be. What cannot be written is no
    reason to end a run.
    """

    def __init__(
        self,
        project: Loaded,
        made: Planned,
        paid: AskPaid,
        most: int = MOST_TOLD,
    ) -> None:
        path = run_file(project.store.cache, project.store.directory)
        self._file: RunFile | None = RunFile(path, most)
        self._most = most // _USUAL_LINE
        self._paid = paid
        self._began = time.monotonic()
        self._kept: list[_Happened] = []
        self._times = array("d")  # when each of them happened
        self._looks = False  # again, before long
        self._in_flight: dict[str, None] = {}
        self._waits: str | None = None
        self._finished: Finished | None = None
        self._done = self._failed = self._skipped = self._parts = 0
        self._start = {
            "type": "run_start",
            "run": os.urandom(8).hex(),
            "pid": os.getpid(),
            "began": time_of_record(datetime.now(UTC)),
            "changes": dict(counts(made.plan)),
        }

    def __enter__(self) -> Self:
        self._try(self._begin)
        return self

    def __exit__(self, *_: object) -> None:
        self._try(lambda file: file.end(self._lines))

    def tell(self, event: _Happened) -> None:
        """Something happened; a loop runs."""
        if self._file is None:
            return
        if not self._looks:
            self._look_later()
        self._kept.append(event)
        self._times.append(time.monotonic())

    def wait(self, said: str | None) -> None:
        """What requests wait for now, asked once a second."""
        if said != self._waits:
            self._waits = said
            self.tell(_Waits(said or ""))

    def conclude(self, finished: Finished) -> None:
        """What the run came to."""
        self._finished = finished

    def write(self) -> None:
        """What was told since the last time, if anybody reads it."""
        if not self._kept or self._file is None:
            return
        if self._file.is_followed():
            self._try(lambda file: file.add(self._lines()))
            is_full = self._file is not None and self._file.is_full()
        else:
            is_full = len(self._kept) > self._most
        if is_full:
            self._forget()
            self._try(self._begin)

    def _look_later(self) -> None:
        asyncio.get_running_loop().call_later(_EVERY, self._look)
        self._looks = True

    def _look(self) -> None:
        """Also where nothing happens: whoever comes is told what did."""
        self.write()
        self._looks = False
        if self._kept and self._file is not None:
            self._look_later()

    def _forget(self) -> None:
        """What was kept is counted."""
        for event in self._kept:
            self._count(event)
        self._kept, self._times = [], array("d")

    def _lines(self) -> bytes:
        """What was kept, and what the run came to if it is known."""
        kept, self._kept = self._kept, []
        times, self._times = self._times, array("d")
        return _LINES(chain(self._told(zip(times, kept, strict=True)), self._summary()))

    def _summary(self) -> Iterator[Told]:
        if self._finished is not None:
            end = self._finished
            told = apply_end(end.outcome, end.outputs, end.spent, end.files, destroys=end.destroys)
            yield next(told)

    def _begin(self, file: RunFile) -> None:
        """The first lines; of a later part, where the run stands."""
        self._parts += 1
        first = [version(), {**self._start, "part": self._parts}]
        if self._parts > 1:
            first.append(
                {
                    "type": "run_progress",
                    "at": self._at(time.monotonic()),
                    "done": self._done,
                    "failed": self._failed,
                    "skipped": self._skipped,
                    "in_flight": [*self._in_flight],
                }
            )
        file.begin(_LINES(first))

    def _told(self, kept: Iterable[tuple[float, _Happened]]) -> Iterator[StepEvent | Told]:
        texts: dict[str, tuple[float, list[str]]] = {}
        for moment, event in kept:
            at = self._at(moment)
            if isinstance(event, _Waits):
                yield {"type": "run_waiting", "at": at, "message": event.message}
                continue
            if isinstance(event, Written):
                texts.setdefault(event.address, (at, []))[1].append(event.text)
                continue
            if event.address in texts:
                yield self._text(event.address, *texts.pop(event.address))
            self._count(event)
            yield apply_event(event, self._paid, at)
        for address, (at, pieces) in texts.items():
            yield self._text(address, at, pieces)

    def _text(self, address: str, at: float, pieces: list[str]) -> StepEvent:
        return apply_event(Written(address, "".join(pieces)), self._paid, at)

    def _count(self, event: _Happened) -> None:
        match event:
            case Started(address):
                self._in_flight[address] = None
                return
            case Done():
                self._done += 1
            case Written() | CutOff() | _Waits():
                return
            case Failed():
                self._failed += 1
            case Skipped():
                self._skipped += 1
        self._in_flight.pop(event.address, None)

    def _at(self, moment: float) -> float:
        return round(moment - self._began, 3)

    def _try(self, act: Callable[[RunFile], object]) -> None:
        if self._file is None:
            return
        try:
            act(self._file)
        except OSError as cause:
            _LOG.info("nobody can follow this run: %s", cause)
            file, self._file = self._file, None
            file.end()
