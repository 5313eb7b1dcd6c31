"""The clock of a client, and sleep that ends early once there is nothing to wait for."""

import asyncio
from collections.abc import Awaitable, Callable


class Pace:
    """`now` in seconds, `jitter` from 0 to 1; `stop` ends every pause."""

    def __init__(
        self,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        jitter: Callable[[], float],
    ) -> None:
        self.now = now
        self.jitter = jitter
        self.stop = asyncio.Event()
        self._sleep = sleep

    async def pause(self, seconds: float) -> None:
        """Sleep for so many seconds, or until the client is stopped."""
        waits = {
            asyncio.ensure_future(self._sleep(seconds)),
            asyncio.ensure_future(self.stop.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
