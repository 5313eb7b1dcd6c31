"""Several equal servers of one provider: who takes a request, and what one that fails costs."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from runner.core.api.exchange import Answered, Failure, Outgoing
from runner.io.providers.endpoint import Endpoint
from runner.io.providers.openai.client import OpenAIClient, connect
from tests.harness.clock import Clock
from tests.harness.faults import error, respond
from tests.harness.server import FakeAPI, Step

BODY = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]})


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


@asynccontextmanager
async def opened(
    *urls: str, clock: Clock | None = None, **options: Any
) -> AsyncIterator[OpenAIClient]:
    """A client of several servers, each with a key of its own."""
    clock = clock or Clock()
    first, *others = (
        Endpoint("p", url, key=f"key-{number}", **options) for number, url in enumerate(urls)
    )
    joined = Endpoint("p", first.base_url, key=first.key, others=tuple(others), **options)
    async with connect(joined, now=clock.now, sleep=clock.sleep, jitter=lambda: 1.0) as client:
        yield client


async def ask(client: OpenAIClient, number: int = 1) -> list[Answered | Failure]:
    outgoing = (Outgoing(f"completion.c{index}", BODY) for index in range(number))
    return list(await asyncio.gather(*map(client.complete, outgoing)))


def nobody() -> str:
    """A URL where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def test_requests_are_spread_evenly_each_with_the_key_of_its_server() -> None:
    async def work() -> None:
        async with FakeAPI() as one, FakeAPI() as two, FakeAPI() as three:
            async with opened(one.url, two.url, three.url, concurrency=2) as client:
                assert client.limit == 6
                answers = await ask(client, 12)
            assert all(isinstance(answer, Answered) for answer in answers)
            for number, api in enumerate((one, two, three)):
                assert len(api.completions) == 4
                keys = Counter(request.headers["Authorization"] for request in api.completions)
                assert keys == {f"Bearer key-{number}": 4}
                assert api.most <= 2

    run(work())


def test_a_busy_server_gets_less() -> None:
    async def work() -> None:
        async with (
            FakeAPI(held=True) as busy,
            FakeAPI() as idle,
            opened(busy.url, idle.url, concurrency=8) as client,
        ):
            held = asyncio.create_task(ask(client))  # of the first, as all begin there
            await asyncio.sleep(0)
            for _ in range(6):
                await ask(client)
            assert len(idle.completions) == 6
            busy.release()
            assert all(isinstance(answer, Answered) for answer in await held)
            assert len(busy.completions) == 1

    run(work())


def test_a_server_that_nobody_reaches_costs_no_retry_and_the_rest_goes_on() -> None:
    async def work() -> None:
        async with FakeAPI() as api:
            async with opened(nobody(), api.url, max_retries=0) as client:
                answers = await ask(client, 6)
            assert all(isinstance(answer, Answered) for answer in answers)
            assert len(api.completions) == 6

    run(work())


def test_if_nobody_is_reached_the_run_ends_as_with_one_server() -> None:
    async def work() -> None:
        async with opened(nobody(), nobody(), max_retries=1) as client:
            (failure,) = await ask(client)
        assert isinstance(failure, Failure)
        assert failure.fatal
        assert "connection refused" in failure.message

    run(work())


def test_a_server_that_says_to_wait_is_held_alone_and_its_request_goes_to_another() -> None:
    async def work() -> None:
        clock = Clock()
        async with FakeAPI("429", retry_after="300") as limited, FakeAPI() as free:
            async with opened(limited.url, free.url, clock=clock) as client:
                for _ in range(5):
                    (answer,) = await ask(client)
                    assert isinstance(answer, Answered)
                assert client.waiting is None
            assert (len(limited.completions), len(free.completions)) == (1, 5)
            assert sum(clock.slept, start=0.0) == 0

    run(work())


def test_where_all_say_to_wait_it_is_waited_for() -> None:
    async def work() -> None:
        clock = Clock()
        async with FakeAPI("429", retry_after="7") as one, FakeAPI("429", retry_after="9") as two:
            async with opened(one.url, two.url, clock=clock) as client:
                (answer,) = await ask(client)
            assert isinstance(answer, Answered)
            assert answer.attempts == 3
            assert clock.now() >= 7

    run(work())


def test_a_server_that_fails_at_once_draws_nothing_to_it() -> None:
    """It is the least busy of all, for it is done with everything."""

    async def work() -> None:
        async with FakeAPI(script=lambda _: error(500)) as broken, FakeAPI() as sound:
            async with opened(broken.url, sound.url) as client:
                for _ in range(30):
                    (answer,) = await ask(client)
                    assert isinstance(answer, Answered)
            assert len(sound.completions) == 30
            assert len(broken.completions) < 10

    run(work())


def test_what_a_server_stores_is_asked_of_the_first() -> None:
    async def work() -> None:
        async with FakeAPI() as one, FakeAPI() as two:
            async with opened(one.url, two.url) as client:
                for _ in range(4):
                    await client.call("GET", "/chat/completions/none")
            assert (len(one.requests), len(two.requests)) == (4, 0)

    run(work())


@pytest.mark.parametrize(
    "fault", ["401", error(402, message="no credits"), error(404, "model_not_found"), respond(404)]
)
def test_one_that_refuses_whoever_asks_ends_nothing_for_the_others(fault: Step) -> None:
    async def work() -> None:
        async with FakeAPI(fault, fault, fault, fault, fault, fault) as bad, FakeAPI() as good:
            async with opened(bad.url, good.url) as client:
                for _ in range(6):
                    (answer,) = await ask(client)
                    assert isinstance(answer, Answered)
            assert len(good.completions) == 6
            assert len(bad.completions) == 1

    run(work())


@pytest.mark.parametrize(
    ("faults", "fatal", "pointless"),
    [
        (("401", "401"), True, False),
        ((error(404, "model_not_found"), error(404, "model_not_found")), False, True),
        ((error(404, "model_not_found"), "401"), False, True),
    ],
)
def test_what_all_refuse_is_refused(
    faults: tuple[Step, Step], fatal: bool, pointless: bool
) -> None:
    async def work() -> None:
        async with FakeAPI(faults[0]) as one, FakeAPI(faults[1]) as two:
            async with opened(one.url, two.url) as client:
                (failure,) = await ask(client)
            assert isinstance(failure, Failure)
            assert (failure.fatal, failure.pointless) == (fatal, pointless)
            assert (len(one.completions), len(two.completions)) == (1, 1)

    run(work())
