"""Coroutines run to their end, where no loop runs and where one does."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any

import pytest

from runner.errors import error
from runner.operations.blocking import run_to_end

NAME: ContextVar[str] = ContextVar("NAME")


def plainly(act: Callable[[], Any]) -> Any:
    return act()


def in_a_loop(act: Callable[[], Any]) -> Any:
    async def cell() -> Any:
        return act()

    return asyncio.run(cell())


EITHER = pytest.mark.parametrize("where", [plainly, in_a_loop])


@EITHER
def test_what_it_returns_is_returned(where: Callable[[Callable[[], Any]], Any]) -> None:
    async def work() -> tuple[str, bool]:
        await asyncio.sleep(0)
        return NAME.get(), threading.current_thread() is threading.main_thread()

    NAME.set("one")
    assert where(lambda: run_to_end(work())) == ("one", where is plainly)


@EITHER
def test_what_it_raises_is_raised(where: Callable[[Callable[[], Any]], Any]) -> None:
    async def work() -> None:
        raise error("Broken", "It is.")

    with pytest.raises(Exception, match="Broken: It is"):
        where(lambda: run_to_end(work()))


@EITHER
def test_the_faster_loop_runs_it_where_that_is_installed(
    where: Callable[[Callable[[], Any]], Any],
) -> None:
    expected = "uvloop" if find_spec("uvloop") is not None else "asyncio"

    async def work() -> str:
        return type(asyncio.get_running_loop()).__module__.partition(".")[0]

    assert where(lambda: run_to_end(work())) == expected


def test_ctrl_c_cancels_what_runs_in_another_thread_and_waits_for_it() -> None:
    seen: list[str] = []

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    def act() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as a notebook has it
        run_to_end(work())

    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            in_a_loop(act)
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == ["cancelled"]
