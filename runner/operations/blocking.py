"""Coroutines run from where none can be awaited, whether a loop runs in this thread or not."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# Seconds. A signal that comes just before a wait begins does not end it: so often it is looked for.
HEARD = 0.5


def is_main_thread() -> bool:
    """Whether this thread is the one that the process ends with."""
    from threading import current_thread, main_thread  # noqa: PLC0415

    return current_thread() is main_thread()


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, or raises. Where a loop runs already, as in a notebook, it has one
    of its own in another thread; whoever interrupts the wait for it cancels it.
    """
    import asyncio  # noqa: PLC0415  # a plan that asks nobody does without

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(work)
    interrupted = False
    held: list[Callable[[], object]] = []

    async def cancellable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101  # this is one
        held.append(lambda: loop.call_soon_threadsafe(task.cancel))
        if interrupted:
            task.cancel()
        return await work

    def cancel() -> None:
        nonlocal interrupted
        interrupted = True
        for each in held:
            each()

    return Aside(lambda: _run(cancellable())).result(cancel)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """On the faster loop of the extra `fast`, where it is installed."""
    import asyncio  # noqa: PLC0415

    faster: Callable[[], asyncio.AbstractEventLoop] | None = None
    with suppress(ImportError):
        import uvloop  # noqa: PLC0415

        faster = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=faster) as runner:
        return runner.run(work)


class Aside(Generic[T]):
    """Work in a thread of its own; `ended` is called there when it is over."""

    def __init__(self, work: Callable[[], T], ended: Callable[[], object] = lambda: None) -> None:
        from contextvars import copy_context  # noqa: PLC0415
        from threading import Event, Thread  # noqa: PLC0415

        self._work, self._ended = work, ended
        self._made: list[T] = []
        self._fault: BaseException | None = None
        self._go = Event()
        self._end: SimpleQueue[None] = SimpleQueue()
        self.is_over = False
        # Nobody waits for one that was interrupted before it began.
        Thread(target=copy_context().run, args=(self._run,), daemon=True).start()

    def begin(self) -> None:
        """Nothing is done before: who waits for the end is ready then to be interrupted."""
        self._go.set()

    def _run(self) -> None:
        self._go.wait()
        try:
            self._made.append(self._work())
        except BaseException as exc:  # noqa: BLE001  # it is raised where the work is waited for
            self._fault = exc
        finally:
            self.is_over = True
            self._end.put(None)
            self._ended()

    def result(self, interrupt: Callable[[], object] = lambda: None) -> T:
        """What the work gives, or raises. Ctrl-C here calls `interrupt`, and is raised once the
        work has ended.
        """
        interrupted: KeyboardInterrupt | None = None
        while not self.is_over:
            try:
                self.begin()
                while not self.is_over:  # an interrupted join() takes a thread for stopped
                    with suppress(Empty):
                        self._end.get(timeout=HEARD)
            except KeyboardInterrupt as exc:
                interrupted = exc
                interrupt()
        if interrupted is not None:
            raise interrupted
        if self._fault is not None:
            raise self._fault
        return self._made[0]
