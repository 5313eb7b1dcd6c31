"""That a holder still runs, said again and again by a thread of its own."""

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Self

from runner.errors import RunnerError

EVERY = 60.0  # seconds


class Beat:
    """Calls `beat` at once, and again as long as it is entered. What it gives is why the lock is
    another's by now, and stays; a call that fails is none.
    """

    def __init__(self, beat: Callable[[], str | None], every: float = EVERY) -> None:
        self._call, self._every = beat, every
        self._ended = Event()
        self._one = Lock()  # call at a time
        self._thread = Thread(target=self._run, name="lock-beat", daemon=True)
        self.lost: str | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def now(self) -> str | None:
        """As it is at this moment; RunnerError if that cannot be told."""
        with self._one:
            if self.lost is None:
                self.lost = self._call()
            return self.lost

    def _run(self) -> None:
        while not self._ended.is_set():
            with suppress(RunnerError):
                self.now()
            self._ended.wait(self._every)
