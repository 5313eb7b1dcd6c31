"""Time that passes only when everybody sleeps, so that tests of waits take none."""

import asyncio


class Clock:
    """Seconds since an arbitrary moment; none passes while `frozen`. `slept` lists the sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.frozen = False
        self.slept: list[float] = []
        self._alarms: list[float] = []

    def now(self) -> float:
        """The time now."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Sleep; the one who sleeps shortest moves the clock."""
        until = self.time + seconds
        self.slept.append(seconds)
        self._alarms.append(until)
        try:
            for _ in range(5):  # the others go to sleep first
                await asyncio.sleep(0)
            while self.time < until:
                if until == min(self._alarms) and not self.frozen:
                    self.time = until
                else:
                    await asyncio.sleep(0)
        finally:
            self._alarms.remove(until)
