"""Threads that wait for others: a few at most, and only as many as there is work for."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")

_LEAVE_SECONDS = 5.0  # so long is what is under way waited for at the end


@dataclass(frozen=True, slots=True)
class _Ended(Generic[_Made]):
    made: _Made | None
    fault: BaseException | None

    def result(self) -> _Made:
        if self.fault is not None:
            raise self.fault
        return self.made  # type: ignore[return-value]  # without a fault it is one


class Crew:
    """At most `size` threads; what is given to them is begun in its order."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._busy, self._lock = 0, Lock()

    def each(
        self, work: Callable[[_Item], _Made], items: Iterable[_Item]
    ) -> Iterator[tuple[_Item, _Made]]:
        """What is made of each item, as it comes."""
        done: SimpleQueue[tuple[_Item, _Ended[_Made]]] = SimpleQueue()
        given = 0
        for item in items:
            given += 1
            self._give(lambda item=item: done.put((item, _ended(lambda: work(item)))))  # type: ignore[misc]
        for _ in range(given):
            item, ended = done.get()
            yield item, ended.result()

    async def aside(self, work: Callable[[], _Made]) -> _Made:
        """What work gives, while the loop goes on."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[_Ended[_Made]] = loop.create_future()

        def tell(ended: _Ended[_Made]) -> None:
            if not waiting.done():  # its task was cancelled
                waiting.set_result(ended)

        def run() -> None:
            ended = _ended(work)
            with suppress(RuntimeError):  # the loop is gone, and with it who waited
                loop.call_soon_threadsafe(tell, ended)

        self._give(run)
        return (await waiting).result()

    def close(self) -> None:
        """Nothing more is begun; what is under way is waited for, if it ends soon."""
        while not self._queue.empty():
            self._queue.get()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(_LEAVE_SECONDS)
        self._threads = []

    def _give(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._busy += 1
            if len(self._threads) < min(self._size, self._busy):
                # One that hangs keeps no process from its end.
                thread = Thread(target=self._run, name="crew", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._queue.put(work)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work()
            with self._lock:
                self._busy -= 1


def _ended(work: Callable[[], _Made]) -> _Ended[_Made]:
    try:
        return _Ended(work(), None)
    except BaseException as exc:  # noqa: BLE001  # it is raised where the work is waited for
        return _Ended(None, exc)
