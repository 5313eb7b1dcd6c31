"""An end to each of many waits that may take equally long: one timer for all of them."""

import asyncio


class Deadlines:
    """What begins first ends first, so that only the oldest wait is timed: a timer for each would
    be made and thrown away with every answer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[asyncio.Timeout, float] = {}  # in their order
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, wait: asyncio.Timeout) -> None:
        """It has been entered, without a time of its own."""
        loop = asyncio.get_running_loop()
        ends = self._ends[wait] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(ends, self._look, loop)

    def over(self, wait: asyncio.Timeout) -> None:
        """It is about to be left."""
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
            wait.reschedule(now)
