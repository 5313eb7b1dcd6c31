import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from runner.io.providers.openai.limits import Bucket, Gate
from tests.harness.clock import Clock


def gate(clock: Clock, concurrency: int = 4, *buckets: Bucket) -> Gate:
    return Gate(concurrency, buckets, clock.now, clock.sleep)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


async def leave_times(door: Gate, clock: Clock, count: int, tokens: float = 0) -> list[float]:
    """When each of so many requests that arrive together is let out."""

    async def one() -> float:
        await door.enter(tokens)
        at = clock.now()
        door.leave()
        return at - 1000

    return sorted(await asyncio.gather(*(one() for _ in range(count))))


def test_no_more_are_inside_than_the_concurrency() -> None:
    async def work() -> None:
        door, most = gate(Clock(), 3), 0

        async def one() -> None:
            nonlocal most
            if not door.enter_at_once():
                await door.enter(0)
            most = max(most, door.inside)
            await asyncio.sleep(0)
            door.leave()

        await asyncio.gather(*(one() for _ in range(50)))
        assert (most, door.inside) == (3, 0)

    run(work())


def test_entry_is_in_the_order_of_arrival() -> None:
    async def work() -> None:
        door, order = gate(Clock(), 1), []

        async def one(number: int) -> None:
            await door.enter(0)
            order.append(number)
            await asyncio.sleep(0)
            door.leave()

        await asyncio.gather(*(one(number) for number in range(20)))
        assert order == list(range(20))

    run(work())


def test_nobody_slips_past_those_who_wait() -> None:
    async def work() -> None:
        door = gate(Clock(), 1)
        assert door.enter_at_once()
        waiting = asyncio.create_task(door.enter(0))
        await asyncio.sleep(0)
        door.leave()
        assert not door.enter_at_once()
        await waiting
        door.leave()
        assert door.enter_at_once()

    run(work())


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_place_is_not_lost_with_who_waited_for_it(turns: int) -> None:
    async def work() -> None:
        door = gate(Clock(), 1)
        await door.enter(0)
        first = asyncio.create_task(door.enter(0))
        second = asyncio.create_task(door.enter(0))
        await asyncio.sleep(0)
        door.leave()
        for _ in range(turns):
            await asyncio.sleep(0)
        if not first.done():
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        if not first.cancelled():
            door.leave()
        await second
        assert door.inside == 1

    run(work())


def test_a_hold_lets_nothing_out_before_its_end() -> None:
    async def work() -> None:
        clock = Clock()
        door = gate(clock, 2)
        door.hold(5)
        assert not door.enter_at_once()
        assert door.waiting() == "rate limited, 5 s"
        assert await leave_times(door, clock, 6) == [5.0] * 6
        assert door.waiting() is None
        assert door.enter_at_once()

    run(work())


def test_the_longer_of_two_holds_stands() -> None:
    async def work() -> None:
        clock = Clock()
        door = gate(clock)
        door.hold(5)
        door.hold(2)
        assert await leave_times(door, clock, 1) == [5.0]

    run(work())


def test_a_hold_that_begins_while_one_waits_for_a_place_is_kept() -> None:
    async def work() -> None:
        clock = Clock()
        door = gate(clock, 1)
        await door.enter(0)
        waiting = asyncio.create_task(door.enter(0))
        await asyncio.sleep(0)
        door.leave()
        door.hold(7)
        await waiting
        assert clock.now() == 1007

    run(work())


def test_a_stopped_gate_keeps_nobody() -> None:
    async def work() -> None:
        clock = Clock()
        door = gate(clock, 1, Bucket(1, "requests"))
        await door.enter(0)
        door.leave()
        door.hold(100)
        door.stopped = True
        await door.enter(0)
        assert clock.now() == 1000

    run(work())


def test_a_round_of_rate_limits_halves_the_concurrency_and_rounds_of_success_bring_it_back() -> (
    None
):
    door = gate(Clock(), 64)
    for _ in range(64):
        door.limited()
    assert door.limit == 32
    for _ in range(10_000):
        door.limited()
    assert door.limit == 1
    rounds = 0
    while door.limit < 64:
        rounds += 1
        for _ in range(int(door.limit)):
            door.succeeded()
    assert 5 <= rounds <= 20
    door.succeeded()
    assert door.limit == 64


def test_a_lower_concurrency_holds_for_those_who_come_back() -> None:
    async def work() -> None:
        door = gate(Clock(), 4)
        for _ in range(4):
            await door.enter(0)
        for _ in range(4):
            door.limited()
        again = [asyncio.create_task(door.enter(0)) for _ in range(4)]
        for _ in range(4):
            door.leave()
        for _ in range(5):
            await asyncio.sleep(0)
        assert door.inside == 2
        for task in again:
            task.cancel()

    run(work())


def test_requests_per_minute_are_spread_evenly() -> None:
    """The limit holds in every window: no burst at the edge of a minute."""

    async def work() -> None:
        clock = Clock()
        door = gate(clock, 100, Bucket(60, "requests"))
        times = await leave_times(door, clock, 10)
        assert times == pytest.approx(range(10))
        clock.time += 600  # long idle: nothing is saved up
        later = [at - times[-1] - 600 for at in await leave_times(door, clock, 3)]
        assert later[2] - later[0] >= 1.9

    run(work())


def test_tokens_per_minute_are_paid_before_the_next_request() -> None:
    async def work() -> None:
        clock = Clock()
        door = gate(clock, 100, Bucket(6000, "tokens"))
        assert await leave_times(door, clock, 3, tokens=500) == pytest.approx([0, 5, 10])

    run(work())


def test_a_correction_counts_for_those_who_wait_already() -> None:
    async def work() -> None:
        clock = Clock()
        bucket = Bucket(60, "requests")
        door = gate(clock, 100, bucket)

        async def correct() -> None:
            await clock.sleep(1.5)
            door.correct({"x-ratelimit-limit-requests": "6"})

        correcting = asyncio.create_task(correct())
        times = await leave_times(door, clock, 5)
        await correcting
        assert times == pytest.approx([0, 1, 6.5, 16.5, 26.5], abs=0.6)

    run(work())


def test_what_an_answer_did_not_use_lets_the_next_go_earlier() -> None:
    async def work() -> None:
        clock = Clock()
        door = gate(clock, 100, Bucket(600, "tokens"))

        async def answer() -> None:
            await clock.sleep(3)
            door.used(1000, 60)

        answering = asyncio.create_task(answer())
        times = await leave_times(door, clock, 2, tokens=1000)
        await answering
        assert times == pytest.approx([0, 6], abs=1)

    run(work())


def test_what_an_answer_really_used_replaces_the_estimate() -> None:
    async def work() -> None:
        clock = Clock()
        door = gate(clock, 100, Bucket(6000, "tokens"))
        await leave_times(door, clock, 1, tokens=500)
        door.used(500, 900)
        assert await leave_times(door, clock, 1, tokens=1) == pytest.approx([9])
        assert door.waiting() is None
        door.used(0, 1000)
        assert door.waiting() == "tokens_per_minute, 11 s"

    run(work())


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"limit": "60", "remaining": "0", "reset": "1m0s"}, 1),
        ({"remaining": "0", "reset": "17.5s"}, 17.5),
        ({"remaining": "0", "reset": "2h"}, 60),
        ({"remaining": "0"}, 0),
        ({"remaining": "-1", "reset": "6m0s"}, 0),
        ({"remaining": "59", "reset": "1s"}, 0),
        ({"remaining": "nonsense", "reset": "later"}, 0),
        ({}, 0),
    ],
)
def test_a_rate_follows_the_server_s_count(headers: dict[str, str], wait: float) -> None:
    bucket = Bucket(6000, "requests")
    bucket.correct({f"x-ratelimit-{k}-requests": v for k, v in headers.items()}, 50)
    assert bucket.wait(50) == pytest.approx(wait)


def test_the_server_s_lower_limit_counts() -> None:
    bucket = Bucket(6000, "requests")
    bucket.correct({"x-ratelimit-limit-requests": "60"}, 50)
    bucket.take(1, 50)
    assert bucket.wait(50) == pytest.approx(1)
    bucket.correct({"x-ratelimit-limit-requests": "60000"}, 50)
    assert bucket.wait(50) == pytest.approx(1)


@pytest.mark.parametrize("tokens", [-1, -(10**18), 2**64 - 1, 60_001])
def test_a_count_that_cannot_be_is_not_believed(tokens: int) -> None:
    """It would hold all other requests for ever, or none of them."""

    async def work() -> None:
        clock = Clock()
        door = gate(clock, 100, Bucket(6000, "tokens"))
        await leave_times(door, clock, 1, tokens=500)
        door.used(500, tokens)
        assert await leave_times(door, clock, 1, tokens=1) == pytest.approx([5], abs=0.2)

    run(work())


def test_who_gave_up_waiting_is_passed_over() -> None:
    """Cancelled while the one before leaves, in the same turn."""

    async def work() -> None:
        door = gate(Clock(), 1)
        await door.enter(0)
        first, second = (asyncio.create_task(door.enter(0)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        door.leave()
        await second
        assert door.inside == 1
        assert first.cancelled()

    run(work())
