"""Bodies that are read while they are written: not each piece for itself, but what came so far."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from runner.io.providers.openai.tls import aiohttp

_EACH = 0.005  # seconds between two looks, for each body that is open
_LONGEST = 0.1
_MUCH = 1 << 16  # bytes; who sends so many between two looks is read without a pause


class Look:
    """One body; `pieces` is called until it gives none."""

    def __init__(self, content: aiohttp.StreamReader, looks: "Looks") -> None:
        self._content, self._looks = content, looks
        self._waiting: asyncio.Future[None] | None = None
        self._read = _MUCH
        content.on_eof(self.wake)

    async def pieces(self) -> bytes:
        """What came since the last look: the first at once, and the end without delay."""
        if self._read < _MUCH and not self._content.is_eof():
            self._waiting = asyncio.get_running_loop().create_future()
            self._looks.wait(self)
            await self._waiting
        piece = await self._content.readany()
        self._read = len(piece)
        return piece

    def wake(self) -> None:
        """Wait no longer."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Looks:
    """When the bodies of one client are looked at: all in one turn of the loop, ten times a second;
    the fewer there are, the more often.
    """

    def __init__(self) -> None:
        self._open = 0
        self._waiting: list[Look] = []

    @contextmanager
    def at(self, content: aiohttp.StreamReader) -> Iterator[Look]:
        """A body that is read in these looks."""
        self._open += 1
        try:
            yield Look(content, self)
        finally:
            self._open -= 1

    def wait(self, look: Look) -> None:
        """For the next turn."""
        if not self._waiting:
            seconds = min(self._open * _EACH, _LONGEST)
            asyncio.get_running_loop().call_later(seconds, self._turn)
        self._waiting.append(look)

    def _turn(self) -> None:
        waiting, self._waiting = self._waiting, []
        for look in waiting:
            look.wake()
