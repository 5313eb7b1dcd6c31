"""Ctrl-C, SIGTERM and a closed terminal, from before a run until its state is written."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from runner.cli.terminal.signals import heard_by
from runner.cli.views.running.progress import Progress
from runner.io.apply.loop import Apply
from runner.operations.applying.apply import DRAIN_SECONDS


class Interrupts(Struct):
    """What the person who waits has asked for; `pressed` counts it.

    Before the run: leave. During it: the first drains, the second, or 30 s, leaves. After it, the
    state is written first; only a second one then keeps it from being written.
    """

    pressed: int = 0
    _late: int = 0
    _begun: bool = False
    _react: Callable[[], object] | None = None

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Takes the signals for as long as this lasts."""
        with heard_by(self._press):
            yield

    @contextmanager
    def during(self, run: Apply, told: Progress) -> Iterator[None]:
        """The run is under way."""
        loop = asyncio.get_running_loop()

        def react() -> None:
            if self.pressed > 1:
                run.abandon()
                return
            here = run.in_flight - run.elsewhere
            run.interrupt()
            waits = (
                f"; waiting up to {DRAIN_SECONDS:.0f} s for {here} in flight. Once more leaves at "
                "once"
            )
            told.say(f"Interrupted: nothing new is started{waits if here else ''}.")
            loop.call_later(DRAIN_SECONDS, give_up)

        def give_up() -> None:
            told.say(f"Waited {DRAIN_SECONDS:.0f} s: {run.in_flight} in flight are given up.")
            run.abandon()

        self._begun = True
        self._react = lambda: loop.call_soon_threadsafe(react)
        try:
            yield
        finally:
            self._react = None

    def _press(self, *_: object) -> None:
        self.pressed += 1
        if self._react is not None:
            self._react()
            return
        self._late += 1
        if not self._begun or self._late > 1:
            raise KeyboardInterrupt
