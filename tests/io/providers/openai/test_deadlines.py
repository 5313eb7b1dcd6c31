import asyncio

from runner.io.providers.openai.deadlines import Deadlines


def test_each_wait_that_takes_too_long_is_ended_and_no_other() -> None:
    async def run() -> list[str]:
        ended: asyncio.Queue[str] = asyncio.Queue()
        deadlines = Deadlines(0.02, ended.put_nowait)
        for name in ("a", "short", "b"):
            deadlines.begin(name)
        deadlines.over("short")
        found = [await ended.get(), await ended.get()]
        deadlines.begin("later")
        return [*found, await ended.get()]

    assert asyncio.run(asyncio.wait_for(run(), 60)) == ["a", "b", "later"]


def test_what_is_over_is_not_ended_and_begins_anew() -> None:
    async def run() -> list[str]:
        ended: asyncio.Queue[str] = asyncio.Queue()
        deadlines = Deadlines(0.02, ended.put_nowait)
        deadlines.begin("line")
        deadlines.over("line")
        deadlines.over("line")
        deadlines.begin("other")
        deadlines.begin("line")
        return [await ended.get(), await ended.get()]

    assert asyncio.run(asyncio.wait_for(run(), 60)) == ["other", "line"]


def test_one_timer_is_enough_for_all_that_wait() -> None:
    async def run() -> tuple[int, int]:
        deadlines, loop = Deadlines(60, print), asyncio.get_running_loop()
        before = len(loop._scheduled)  # type: ignore[attr-defined]
        for number in range(50):
            deadlines.begin(number)
        return before, len(loop._scheduled)  # type: ignore[attr-defined]

    before, during = asyncio.run(run())
    assert during == before + 1
