"""Coroutines run from where none can be awaited, whether a loop runs in this thread or not."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, or raises. Where a loop runs already, as in a notebook, it has one
    of its own in another thread; whoever interrupts the wait for it cancels it.
    """
    import asyncio  # noqa: PLC0415  # a plan that asks nobody does without

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    held: list[Callable[[], object]] = []

    async def cancellable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        held.append(lambda: task and loop.call_soon_threadsafe(task.cancel))
        return await work

    def cancel() -> None:
        for each in held:
            each()

    return Aside(lambda: asyncio.run(cancellable())).result(cancel)


class Aside(Generic[T]):
    """Work in a thread of its own, begun at once; `ended` is called there when it is over."""

    def __init__(self, work: Callable[[], T], ended: Callable[[], object] = lambda: None) -> None:
        from contextvars import copy_context  # noqa: PLC0415
        from threading import Thread  # noqa: PLC0415

        self._work, self._ended = work, ended
        self._made: list[T] = []
        self._fault: BaseException | None = None
        self._thread = Thread(target=copy_context().run, args=(self._run,), name="runner")
        self._thread.start()

    def _run(self) -> None:
        try:
            self._made.append(self._work())
        except BaseException as exc:  # noqa: BLE001  # it is raised where the work is waited for
            self._fault = exc
        finally:
            self._ended()

    def result(self, interrupt: Callable[[], object] = lambda: None) -> T:
        """What the work gives, or raises. Ctrl-C here calls `interrupt`, and is raised once the
        work has ended.
        """
        interrupted: KeyboardInterrupt | None = None
        while self._thread.is_alive():
            try:
                self._thread.join()
            except KeyboardInterrupt as exc:
                interrupted = exc
                interrupt()
        if interrupted is not None:
            raise interrupted
        if self._fault is not None:
            raise self._fault
        return self._made[0]
