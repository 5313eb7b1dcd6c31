"""Threads that wait for others: a few at most, and only as many as there is work for."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class _Ended(Generic[_Made]):
    made: _Made | None
    fault: BaseException | None

    def result(self) -> _Made:
        if self.fault is not None:
            raise self.fault
        return self.made  # type: ignore[return-value]  # without a fault it is one


class Crew:
    """At most `size` threads, and none while there is nothing to do; what is given to them is begun
    in its order.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: deque[Callable[[], None]] = deque()
        self._at_work, self._lock = 0, Lock()

    def each(
        self, work: Callable[[_Item], _Made], items: Iterable[_Item]
    ) -> Iterator[tuple[_Item, _Made]]:
        """What is made of each item, as it comes."""
        done: SimpleQueue[tuple[_Item, _Ended[_Made]]] = SimpleQueue()
        given = 0
        for item in items:
            given += 1
            self._give(lambda item=item: done.put((item, _ended(lambda: work(item)))))  # type: ignore[misc]
        try:
            for _ in range(given):
                item, ended = done.get()
                yield item, ended.result()
        except BaseException:  # whoever waited has gone, by Ctrl-C too
            self.drop()
            raise

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

    def drop(self) -> None:
        """What was not begun yet is not begun any more, and nobody may wait for it."""
        with self._lock:
            self._waiting.clear()

    def _give(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._waiting.append(work)
            starts = self._at_work < self._size
            self._at_work += starts
        if starts:
            Thread(target=self._run, name="crew").start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._at_work -= 1
                    return
                work = self._waiting.popleft()
            work()


def _ended(work: Callable[[], _Made]) -> _Ended[_Made]:
    try:
        return _Ended(work(), None)
    except BaseException as exc:  # noqa: BLE001  # it is raised where the work is waited for
        return _Ended(None, exc)
