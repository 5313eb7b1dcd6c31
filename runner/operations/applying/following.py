"""An apply that runs, for whoever looks on from another process: what it tells, as it tells it."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Self

import orjson
from msgspec import Struct
from msgspec.json import Encoder

from runner.core.plan.events import CutOff, Done, Event, Failed, Skipped, Started, Written
from runner.core.plan.words import counts
from runner.core.state.records import Record, time_of_record
from runner.io.state.run_file import MOST_TOLD, RunFile, reading_runs, run_file
from runner.operations.applying.events import apply_end, version
from runner.operations.applying.finish import Finished
from runner.operations.applying.step_events import StepEvent, apply_event
from runner.operations.options import ProjectPlace
from runner.operations.planning.plan import Planned
from runner.operations.project.places import store_of
from runner.operations.reading.loaded import Loaded
from runner.operations.spending import Paid

_EVERY = 0.2  # seconds between two writes
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


class RunEvents:
    """Tells followers what one run does, as long as its context lasts: a few times a second, each
    piece of a text with the others that came meanwhile. What cannot be written is no reason to end
    a run.
    """

    def __init__(
        self,
        project: Loaded,
        made: Planned,
        paid: Callable[[Record], Paid],
        most: int = MOST_TOLD,
    ) -> None:
        path = run_file(project.store.cache, project.store.directory)
        self._file: RunFile | None = RunFile(path, most)
        self._paid = paid
        self._began = time.monotonic_ns()
        self._waiting: list[tuple[float, Event]] = []
        self._in_flight: dict[str, None] = {}
        self._waits: str | None = None
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
        self.write()
        self._try(RunFile.end)

    def tell(self, event: Event) -> None:
        """Something happened; a loop runs."""
        if self._file is None:
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(_EVERY, self.write)
        self._waiting.append((self._at(), event))

    def wait(self, said: str | None) -> None:
        """What requests wait for now, asked once a second."""
        if said == self._waits:
            return
        self._waits = said
        waiting = {"type": "run_waiting", "at": self._at(), "message": said or ""}
        self._try(lambda file: file.add(_line(waiting)))

    def conclude(self, finished: Finished) -> None:
        """What the run came to."""
        self.write()
        told = finished.outcome, finished.outputs, finished.spent, finished.files
        summary = next(apply_end(*told, destroys=finished.destroys))
        self._try(lambda file: file.add(_line(summary)))

    def write(self) -> None:
        """What was told since the last time; the loop calls it."""
        waiting, self._waiting = self._waiting, []
        if not waiting or self._file is None:
            return
        lines = _LINES(self._told(waiting))
        self._try(lambda file: file.add(lines))
        if self._file is not None and self._file.is_full():
            self._try(self._begin)

    def _begin(self, file: RunFile) -> None:
        """The first lines; of a later part, where the run stands."""
        self._parts += 1
        first = [version(), {**self._start, "part": self._parts}]
        if self._parts > 1:
            first.append(
                {
                    "type": "run_progress",
                    "at": self._at(),
                    "done": self._done,
                    "failed": self._failed,
                    "skipped": self._skipped,
                    "in_flight": [*self._in_flight],
                }
            )
        file.begin(b"".join(_line(one) for one in first))

    def _told(self, waiting: list[tuple[float, Event]]) -> Iterator[StepEvent]:
        texts: dict[str, tuple[float, list[str]]] = {}
        for at, event in waiting:
            if isinstance(event, Written):
                texts.setdefault(event.address, (at, []))[1].append(event.text)
                continue
            if texts and event.address in texts:
                yield self._text(event.address, *texts.pop(event.address))
            self._count(event)
            yield apply_event(event, self._paid, at)
        for address, (at, pieces) in texts.items():
            yield self._text(address, at, pieces)

    def _text(self, address: str, at: float, pieces: list[str]) -> StepEvent:
        return apply_event(Written(address, "".join(pieces)), self._paid, at)

    def _count(self, event: Event) -> None:
        match event:
            case Started(address):
                self._in_flight[address] = None
                return
            case Done():
                self._done += 1
            case Written() | CutOff():
                return
            case Failed():
                self._failed += 1
            case Skipped():
                self._skipped += 1
        self._in_flight.pop(event.address, None)

    def _at(self) -> float:
        """Now, in seconds of the run, to the millisecond."""
        return (time.monotonic_ns() - self._began) // 1_000_000 / 1000

    def _try(self, act: Callable[[RunFile], object]) -> None:
        if self._file is None:
            return
        try:
            act(self._file)
        except OSError as cause:
            _LOG.info("nobody can follow this run: %s", cause)
            file, self._file = self._file, None
            file.end()


def _line(told: Told) -> bytes:
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)
