"""A run as a page shows it, folded from what it tells."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

_TAIL = 1_000  # characters of an answer that is being written
_FLYING, _ENDED, _FAILED = 100, 100, 200  # that are shown

_Told = Mapping[str, Any]


class InFlight(Struct, frozen=True):
    """What is asked for, since so many seconds of the run, and the last of what was written."""

    address: str
    at: float
    text: str


class RunStep(Struct, frozen=True):
    """What is over: `how` in the words of an apply, or `failed` or `skipped`, and `said` why."""

    address: str
    at: float
    how: str
    said: str = ""
    seconds: float | None = None
    cost: float | None = None


class RunPage(Struct, frozen=True):
    """`state` is `none` before anything was followed. Of `in_flight`, `ended` (the last first) and
    `failures` some are there; the numbers count all. `message` is what the run came to.
    """

    state: Literal["none", "running", "over"]
    began: str = ""
    at: float = 0.0
    total: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    flying: int = 0
    tokens: int = 0
    cost: float = 0.0
    waiting: str = ""
    message: str = ""
    in_flight: tuple[InFlight, ...] = ()
    ended: tuple[RunStep, ...] = ()
    failures: tuple[RunStep, ...] = ()


class RunFold:
    """What a run told so far."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._run = self._began = self._waiting = self._message = ""
        self._running = False
        self._at = self._cost = 0.0
        self._total = self._done = self._failed = self._skipped = self._tokens = 0
        self._flying: dict[str, tuple[float, str]] = {}
        self._ended: deque[RunStep] = deque(maxlen=_ENDED)
        self._failures: deque[RunStep] = deque(maxlen=_FAILED)

    @property
    def is_running(self) -> bool:
        """Whether more may come."""
        return self._running

    def add(self, events: Iterable[_Told], *, is_running: bool) -> None:
        """What came since; another run begins with `run_start`."""
        for event in events:
            self._at = event.get("at", self._at)
            self._fold(event)
        self._running = is_running
        if not is_running:
            self._flying.clear()
            self._waiting = ""

    def _fold(self, event: _Told) -> None:
        match event:
            case {"type": "run_start", "run": str(run), "began": str(began), "changes": changes}:
                self._begin(run, began, changes)
            case {"type": "run_progress", "done": done, "failed": failed, "skipped": skipped}:
                self._done, self._failed, self._skipped = done, failed, skipped
                for address in event["in_flight"]:
                    self._flying.setdefault(address, (self._at, ""))
            case {"type": "run_waiting", "message": message}:
                self._waiting = message
            case {"type": "apply_start", "address": address}:
                self._flying[address] = self._at, ""
            case {"type": "apply_text", "address": address, "text": text}:
                since, before = self._flying.get(address, (self._at, ""))
                self._flying[address] = since, (before + text)[-_TAIL:]
            case {"type": "apply_cut", "address": address}:
                since, _ = self._flying.get(address, (self._at, ""))
                self._flying[address] = since, ""
            case {"type": "apply_complete", "address": address, "action": how}:
                self._done += 1
                self._end(event, address, how, event.get("warning", ""))
            case {"type": "apply_errored", "address": address, "error": error}:
                self._failed += 1
                self._end(event, address, "failed", _why(error))
            case {"type": "apply_skipped", "address": address, "because": because}:
                self._skipped += 1
                self._end(event, address, "skipped", because)
            case {"type": "change_summary", "message": str(message)}:
                self._message = message
            case _:
                pass

    def _begin(self, run: str, began: str, changes: Mapping[str, int]) -> None:
        """A later part of the same run goes on."""
        if run != self._run:
            self._clear()
        self._run, self._began = run, began
        self._total = sum(number for word, number in changes.items() if word not in _ASIDE)

    def _end(self, event: _Told, address: str, how: str, said: str) -> None:
        self._flying.pop(address, None)
        used, cost, took = event.get("usage"), event.get("cost"), event.get("duration_ms")
        self._tokens += _tokens(used) if used is not None and how in _ASKED else 0
        self._cost += cost or 0.0
        seconds = None if took is None or how != "issued" else took / 1000
        step = RunStep(address, self._at, how, said, seconds, cost)
        self._ended.append(step)
        if how == "failed":
            self._failures.append(step)

    def page(self) -> RunPage:
        """Where it stands."""
        if not self._run:
            return RunPage("none")
        flying = [InFlight(address, *one) for address, one in self._flying.items()]
        return RunPage(
            "running" if self._running else "over",
            self._began,
            self._at,
            max(self._total, self._done + self._failed + self._skipped),
            self._done,
            self._failed,
            self._skipped,
            len(flying),
            self._tokens,
            self._cost,
            self._waiting,
            self._message,
            tuple(flying[:_FLYING]),
            tuple(reversed(self._ended)),
            tuple(self._failures),
        )


_ASIDE = ("move", "import")  # counted beside the steps
_ASKED = ("issued", "failed")


def _tokens(used: Mapping[str, Any]) -> int:
    return sum(int(used.get(name) or 0) for name in ("prompt_tokens", "completion_tokens"))


def _why(error: Mapping[str, Any]) -> str:
    parts = (error.get("message"), error.get("hint"))
    return " ".join(str(part) for part in parts if part)
