"""What an apply saves goes to its team as well, behind it: never before it is on this disk."""

import asyncio
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from runner.core.state.cache_entry import asked_in
from runner.errors import counted
from runner.io.cache.shared import SharedAnswers
from runner.io.cache.writer import Cache

_LOOKED = 0.2  # seconds between looks at whether somebody wants to leave


class Pushing:
    """Saves answers, and pushes them in a queue of its own. Leaving it waits for those under way,
    unless it was `left`; what was not pushed by then stands in the cache as such. `theirs` counts
    the answers that somebody else had given before.
    """

    def __init__(
        self, cache: Cache, shared: SharedAnswers, before: Iterable[tuple[str, bytes]] = ()
    ) -> None:
        self._cache, self._shared, self._before = cache, shared, before
        self._tasks: set[asyncio.Task[None]] = set()
        self.pushed = self.theirs = self.unpushed = 0
        self.left = False

    async def __aenter__(self) -> Self:
        """Begins with what a run `before` could not push."""
        for key, data in self._before:
            self._begin(key, data)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.left or kind is not None:
            self.unpushed += len(self._tasks)
            self._shared.drop()
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def leave(self) -> None:
        """What is on its way is waited for no longer."""
        self.left = True

    @property
    def waiting(self) -> str | None:
        """What is on its way, in words, if anything is."""
        if not self._tasks:
            return None
        return f"{counted(len(self._tasks), 'answer')} on the way to {self._shared.name}"

    async def settled(self, given_up: Callable[[], bool]) -> None:
        """Waits for what is on its way, as long as nobody has `given_up`."""
        while self._tasks and not given_up():
            await asyncio.wait(self._tasks, timeout=_LOOKED)

    async def save(self, key: str, value: bytes) -> None:
        """As the cache's own."""
        if asked_in(key) is None:
            await self._cache.save(key, value)
            return
        await self._cache.save_unpushed(key, value)
        self._begin(key, value)

    def _begin(self, key: str, value: bytes) -> None:
        task = asyncio.get_running_loop().create_task(self._push(key, value))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _push(self, key: str, value: bytes) -> None:
        match await self._shared.push(key, value):
            case None:
                self.unpushed += 1
                return
            case True:
                self.pushed += 1
            case False:
                self.theirs += key not in self._shared.refused
        await self._cache.pushed(key)
