"""An end to each of many waits that may take equally long: one timer for all of them."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Wait = TypeVar("_Wait", bound=Hashable)


class Deadlines(Generic[_Wait]):
    """What begins first ends first, so that only the oldest wait is timed: a timer for each would
    be made and thrown away with every answer. `end` is called with each that took so many seconds.
    """

    def __init__(self, seconds: float, end: Callable[[_Wait], object]) -> None:
        self._seconds = seconds
        self._end = end
        self._ends: dict[_Wait, float] = {}  # in their order
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, wait: _Wait) -> None:
        """It begins."""
        loop = asyncio.get_running_loop()
        ends = self._ends[wait] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(ends, self._look, loop)

    def over(self, wait: _Wait) -> None:
        """It has ended by itself, or another way."""
        self._ends.pop(wait, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        while self._ends:
            wait, ends = next(iter(self._ends.items()))
            if ends > now:
                self._timer = loop.call_at(ends, self._look, loop)
                return
            del self._ends[wait]
            self._end(wait)
