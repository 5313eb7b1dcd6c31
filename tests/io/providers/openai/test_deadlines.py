import asyncio
from collections.abc import Awaitable, Callable

import pytest

from runner.io.providers.openai.deadlines import Deadlines


async def timed(deadlines: Deadlines, work: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(None) as wait:
        deadlines.begin(wait)
        try:
            await work()
        finally:
            deadlines.over(wait)


async def for_ever() -> None:
    await asyncio.Event().wait()


def test_each_wait_that_takes_too_long_is_ended_and_no_other() -> None:
    async def run() -> list[BaseException | None]:
        deadlines = Deadlines(0.02)
        await timed(deadlines, lambda: asyncio.sleep(0))
        waits = [timed(deadlines, for_ever) for _ in range(3)]
        short = timed(deadlines, lambda: asyncio.sleep(0))
        found = await asyncio.gather(waits[0], short, *waits[1:], return_exceptions=True)
        later = await asyncio.gather(timed(deadlines, for_ever), return_exceptions=True)
        return [*found, *later]

    first, short, *others = asyncio.run(run())
    assert short is None
    assert all(isinstance(one, TimeoutError) for one in (first, *others))


def test_who_is_cancelled_is_not_told_that_it_took_too_long() -> None:
    async def run() -> None:
        task = asyncio.create_task(timed(Deadlines(60), for_ever))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())


def test_one_timer_is_enough_for_all_that_wait() -> None:
    async def run() -> tuple[int, int]:
        deadlines, loop = Deadlines(60), asyncio.get_running_loop()
        before = len(loop._scheduled)  # type: ignore[attr-defined]
        tasks = [asyncio.create_task(timed(deadlines, for_ever)) for _ in range(50)]
        await asyncio.sleep(0)
        during = len(loop._scheduled)  # type: ignore[attr-defined]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return before, during

    before, during = asyncio.run(run())
    assert during == before + 1
