import asyncio
import random
import socket
import ssl
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from yarl import URL

from runner import __version__
from runner.core.api.exchange import Answered, Failure, Outgoing
from runner.core.plan.events import CutOff, Writing, Written
from runner.errors import RunnerError
from runner.io.providers.endpoint import Endpoint
from runner.io.providers.openai.client import OpenAIClient, connect
from runner.io.providers.openai.wire import HTTPWire
from tests import ROOT
from tests.harness.clock import Clock
from tests.harness.faults import chunks, completion, error, events, respond
from tests.harness.server import FakeAPI, Request, Step

KEY = "sk-very-secret-key"
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def out(body: dict[str, Any] = HELLO, **options: Any) -> Outgoing:
    return Outgoing("completion.a", orjson.dumps(body), **options)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


@asynccontextmanager
async def opened(
    api: FakeAPI, clock: Clock | None = None, **options: Any
) -> AsyncIterator[OpenAIClient]:
    clock = clock or Clock()
    endpoint = Endpoint("openai", **({"base_url": api.url, "key": KEY} | options))
    async with connect(endpoint, now=clock.now, sleep=clock.sleep, jitter=lambda: 1.0) as client:
        yield client


def ask(*steps: Step, **options: Any) -> tuple[Answered | Failure, FakeAPI, Clock]:
    """One completion against a server that takes these steps."""
    body = options.pop("body", HELLO)
    sent = {name: options.pop(name) for name in ("stream", "headers", "secrets") if name in options}
    api, clock = FakeAPI(*steps), Clock()

    async def work() -> Answered | Failure:
        async with api, opened(api, clock, **options) as client:
            return await client.complete(out(body, **sent))

    return asyncio.run(asyncio.wait_for(work(), 120)), api, clock


def answered(*steps: Step, **options: Any) -> Answered:
    result = ask(*steps, **options)[0]
    assert isinstance(result, Answered), result
    return result


def failed(*steps: Step, **options: Any) -> Failure:
    result = ask(*steps, **options)[0]
    assert isinstance(result, Failure), result
    return result


def content(answer: Answered) -> Any:
    return orjson.loads(answer.response)["choices"][0]["message"]["content"]


# --- what goes out, what comes back


def test_the_body_goes_out_and_comes_back_byte_for_byte() -> None:
    odd = b'{ "choices": [ {"index":0, "unknown": 1.50} ],\n "id":"x" }\n'
    sent = b'{"model": "m",  "temperature": 0, "messages": []}'

    async def work() -> None:
        async with (
            FakeAPI(respond(200, odd, {"x-request-id": "req_7"})) as api,
            opened(api) as client,
        ):
            result = await client.complete(Outgoing("completion.a", sent))
            assert isinstance(result, Answered)
            assert (result.response, result.request_id, result.attempts) == (odd, "req_7", 1)
            assert api.requests[0].raw == sent
            assert (api.requests[0].method, api.requests[0].path) == (
                "POST",
                "/v1/chat/completions",
            )

    run(work())


def test_the_headers_name_the_key_the_type_and_the_program() -> None:
    headers = (
        ask(organization="org-1", project="proj-1", headers=(("X-Mine", "a"), ("x-endpoint", "e")))[
            1
        ]
        .requests[0]
        .headers
    )
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == f"runner/{__version__}"
    assert (headers["OpenAI-Organization"], headers["OpenAI-Project"]) == ("org-1", "proj-1")
    assert headers["X-Mine"] == "a"


def test_azure_takes_the_key_in_its_own_header_and_a_query() -> None:
    async def work() -> None:
        async with FakeAPI() as api:
            base = api.url + "/openai/deployments/d%20e/?x=1"
            query = (("api-version", "2024-10-21"),)
            options: dict[str, Any] = {"auth_header": "api-key", "query": query, "base_url": base}
            async with opened(api, **options) as client:
                assert isinstance(await client.complete(out()), Answered)
            got = api.requests[0]
            assert got.headers["api-key"] == KEY
            assert "Authorization" not in got.headers
            assert (
                got.target
                == "/v1/openai/deployments/d%20e/chat/completions?x=1&api-version=2024-10-21"
            )

    run(work())


def test_a_completion_s_own_headers_win() -> None:
    async def work() -> None:
        async with FakeAPI() as api, opened(api, headers=(("X-A", "1"), ("X-B", "1"))) as client:
            await client.complete(out(headers=(("x-a", "2"),)))
            await client.complete(out())
            first, second = (r.headers for r in api.requests)
            assert (first["x-a"], first["X-B"], "X-A" in first) == ("2", "1", False)
            assert second["X-A"] == "1"
            bad = await client.complete(out(headers=(("x-a", "2\r\nx: y"),)))
            assert isinstance(bad, Failure)
            assert len(api.requests) == 2

    run(work())


def test_the_key_may_stand_in_the_url() -> None:
    async def work() -> None:
        async with FakeAPI() as api:
            base = api.url.replace("127", "me:pass@127", 1)
            async with opened(api, base_url=base, key=None) as client:
                assert isinstance(await client.complete(out()), Answered)
            assert api.requests[0].headers["Authorization"].startswith("Basic ")

    run(work())


def test_a_body_of_megabytes_goes_out_whole() -> None:
    big = {"model": "m", "messages": [{"role": "user", "content": "x" * 3_000_000}]}
    result, api, _ = ask("reset", body=big)
    assert isinstance(result, Answered)
    assert [len(r.raw) > 3_000_000 for r in api.requests] == [True, True]


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "api.openai.com/v1"},
        {"base_url": "ftp://x/v1"},
        {"base_url": "http://"},
        {"base_url": "http://[::1"},
        {"key": "sk-1\n"},
        {"headers": (("X", "a\rb"),)},
    ],
)
def test_an_endpoint_that_cannot_be_used_is_an_error_in_words(options: dict[str, Any]) -> None:
    async def work() -> None:
        with pytest.raises(RunnerError) as raised:
            async with connect(Endpoint(**({"name": "p", "base_url": "http://x"} | options))):
                pass
        assert '"p"' in str(raised.value)
        assert "sk-1" not in str(raised.value)

    run(work())


def test_an_endpoint_never_shows_its_secrets() -> None:
    endpoint = Endpoint("p", "http://u:pw@x", KEY, headers=(("a", "hv"),), query=(("q", "qv"),))
    assert repr(endpoint) == "Endpoint('p')"
    assert str(endpoint) == "Endpoint('p')"


# --- faults that pass


@pytest.mark.parametrize("fault", ["500", "503", "html502", "html", "empty", "nofield"])
def test_a_passing_fault_is_tried_again(fault: str) -> None:
    answer = answered(fault, fault)
    assert (content(answer), answer.attempts) == ("echo: hello", 3)


@pytest.mark.parametrize(
    ("fault", "billed"),
    [
        ("reset", 1),
        ("close", 1),
        ("truncate", 1),
        ("garbled", 1),
        ("nochoices", 1),
        ("500", 0),
        ("html", 0),
        ("html502", 0),
        ("429", 0),
    ],
)
def test_an_attempt_whose_fate_is_not_known_is_counted(fault: str, billed: int) -> None:
    answer = answered(fault, fault)
    assert (answer.attempts, answer.maybe_billed) == (3, 2 * billed)
    failure = failed(fault, "401")
    assert (failure.attempts, failure.maybe_billed) == (2, billed)


@pytest.mark.parametrize("stream", [False, True])
def test_no_answer_in_time_is_tried_again_and_counted(stream: bool) -> None:
    answer = answered("hang", timeout=0.2, stream=stream, max_retries=99)
    assert answer.attempts > 1  # on a busy machine others may be late as well
    assert answer.maybe_billed == answer.attempts - 1


def test_there_is_an_end_to_retries_and_they_back_off() -> None:
    result, api, clock = ask(*["500"] * 9, max_retries=4)
    assert result == Failure("The server had an error", 500, "server_error", attempts=5)
    assert len(api.requests) == 5
    assert clock.slept == [0.5, 1, 2, 4]
    assert failed("500", max_retries=0).attempts == 1


@pytest.mark.parametrize("status", [400, 404, 413, 415, 422])
def test_the_server_s_refusal_is_final_for_one_request(status: int) -> None:
    said = error(status, "invalid_value", "invalid_request_error", "The words of the server")
    result, api, _ = ask(said, "ok")
    assert isinstance(result, Failure)
    facts = (result.message, result.status, result.type, result.code, result.fatal)
    expected = ("The words of the server", status, "invalid_request_error", "invalid_value", False)
    assert facts == expected
    assert len(api.requests) == 1


def test_a_permanent_500_is_final() -> None:
    words = "image input is not supported - hint: if this is unexpected, you may need the mmproj"
    failure = failed(error(500, 500, "server_error", words))
    assert (failure.message, failure.attempts, failure.fatal) == (words, 1, False)


@pytest.mark.parametrize("wanted", [True, False])
def test_the_server_says_whether_to_try_again(wanted: bool) -> None:
    status = 400 if wanted else 500
    said = error(status, headers={"x-should-retry": str(wanted).lower()})
    result = ask(said)[0]
    assert isinstance(result, Answered) == wanted


def test_an_error_under_a_200_is_an_error() -> None:
    blocked = {"code": "content_filter", "message": "blocked", "status": 400}
    failure = failed({"error": blocked})
    assert (failure.message, failure.status, failure.fatal) == ("blocked", 400, False)
    assert answered({"error": {"code": 502, "message": "Provider returned error"}}).attempts == 2
    assert failed({"error": {"code": "insufficient_quota", "message": "no"}}).fatal


def test_a_choice_without_a_message_is_an_answer() -> None:
    body = {"id": "x", "choices": [{"index": 0, "finish_reason": "content_filter"}]}
    assert orjson.loads(answered(body).response) == body


# --- rate limits


def test_a_rate_limit_is_waited_for_and_not_counted() -> None:
    result, api, clock = ask(*["429"] * 9, max_retries=1)
    assert isinstance(result, Answered)
    assert (result.attempts, len(api.requests)) == (10, 10)
    assert clock.time - 1000 == 1 + 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60


def test_a_wait_that_is_named_for_ever_grows_and_ends() -> None:
    result, api, _ = ask(*["429"] * 99)
    assert isinstance(result, Failure)
    assert (result.fatal, len(api.requests)) == (True, 16)
    assert "named 16 waits one after the other, 604 s" in result.message


def test_many_together_do_not_ask_in_vain_for_longer_than_one() -> None:
    """A wait that nobody was answered between grows for all, whoever asks next."""
    api, clock = FakeAPI(script=lambda _: "429"), Clock()

    async def work() -> None:
        async with api, opened(api, clock, concurrency=3) as client:
            results = await asyncio.gather(*(client.complete(out()) for _ in range(5)))
        assert any(isinstance(result, Failure) and result.fatal for result in results)
        assert clock.time - 1000 < 700
        assert len(api.requests) < 25

    run(work())


def test_what_others_are_answered_between_ends_no_wait_of_theirs() -> None:
    """One request that is never let in ends by itself."""

    def script(got: Request) -> Step:
        return "429" if got.body["model"] == "never" else "ok"

    api, clock = FakeAPI(script=script), Clock()

    async def work() -> None:
        async with api, opened(api, clock) as client:

            async def others() -> None:
                while True:
                    assert isinstance(await client.complete(out()), Answered)
                    await asyncio.sleep(0)

            going = asyncio.create_task(others())
            failure = await client.complete(out(HELLO | {"model": "never"}))
            going.cancel()
        assert isinstance(failure, Failure)
        assert not failure.fatal

    run(work())


def test_the_named_waits_of_a_request_have_an_end() -> None:
    limited = error(429, "rate_limit_exceeded", headers={"Retry-After": "4"}, message="slow down")
    result, api, _ = ask(*[limited] * 20, max_wait=10)
    assert isinstance(result, Failure)
    assert (result.attempts, result.status, result.fatal) == (3, 429, True)
    assert result.message.startswith("slow down (the server named 3 waits")
    assert len(api.requests) == 3


def test_tiny_named_waits_have_an_end_too() -> None:
    limited = error(429, "rate_limit_exceeded", headers={"retry-after-ms": "1"})
    assert failed(*[limited] * 99, max_wait=10).attempts == 11


def test_a_wait_beyond_reason_stops_the_run() -> None:
    limited = error(429, "rate_limit_exceeded", headers={"Retry-After": "3600"}, message="full")
    failure = failed(limited, max_wait=600)
    assert (failure.fatal, failure.attempts) == (True, 1)
    assert "3600" in failure.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "300", "Retry-After": "9"}, 0.3),
        ({"Retry-After": "7"}, 7),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2s"}, 62),
        ({}, 0.5),
    ],
)
def test_the_wait_is_the_one_that_the_server_names(headers: dict[str, str], seconds: float) -> None:
    result, _, clock = ask(error(429, "rate_limit_exceeded", headers=headers))
    assert isinstance(result, Answered)
    assert clock.time - 1000 == pytest.approx(seconds)


def test_a_wait_until_a_date_goes_by_the_server_s_clock() -> None:
    there = datetime(2001, 1, 1, tzinfo=UTC)
    until = format_datetime(there + timedelta(seconds=30), usegmt=True)
    headers = {"Date": format_datetime(there, usegmt=True), "Retry-After": until}
    result, _, clock = ask(error(429, "rate_limit_exceeded", headers=headers))
    assert isinstance(result, Answered)
    assert clock.time - 1000 == 30


def test_a_rate_limit_without_a_wait_is_counted() -> None:
    failure = failed(*["429-bare"] * 9, max_retries=2)
    assert (failure.attempts, failure.code, failure.fatal) == (3, "rate_limit_exceeded", False)


def test_nothing_is_sent_before_the_wait_is_over() -> None:
    """After a Retry-After, no request of the provider arrives before its end; in real time."""
    pause = 0.4
    ends: list[float] = []
    early: list[float] = []

    def script(request: Request) -> Step:
        early.extend(end - request.at for end in ends if request.at < end)
        if request.number % 7 == 3:
            ends.append(request.at + pause)
            ends.sort()
            return error(429, "rate_limit_exceeded", headers={"retry-after-ms": str(pause * 1000)})
        return "ok"

    async def work() -> None:
        async with (
            FakeAPI(script=script) as api,
            connect(Endpoint("p", api.url, concurrency=1)) as client,
        ):
            results = await asyncio.gather(*(client.complete(out()) for _ in range(20)))
            assert all(isinstance(result, Answered) for result in results)
            assert client.attempts == len(api.requests) == 20 + len(ends)

    run(work())
    assert len(ends) == 3
    assert early == []


def test_a_hold_is_for_every_request_of_the_provider() -> None:
    """Those not yet sent when the wait is named are sent after it, also on new connections."""

    async def work() -> None:
        clock, got = Clock(), list[float]()

        def script(request: Request) -> Step:
            got.append(clock.now() - 1000)
            return "429" if request.number == 1 else "ok"

        async with FakeAPI(script=script, retry_after="9") as api, opened(api, clock) as client:
            clock.frozen = True
            first = asyncio.create_task(client.complete(out()))
            await _until(lambda: client.waiting is not None)
            assert client.waiting == "rate limited, 9 s"
            others = [asyncio.create_task(client.complete(out())) for _ in range(30)]
            for _ in range(100):
                await asyncio.sleep(0)  # time for any of them to be sent
            assert got == [0]
            clock.frozen = False
            results = await asyncio.gather(first, *others)
            assert all(isinstance(result, Answered) for result in results)
            assert got == [0] + [9] * 31
            assert client.waiting is None

    run(work())


def test_a_hold_that_begins_while_the_connection_is_made_is_kept() -> None:
    async def work() -> None:
        clock, got = Clock(), list[float]()

        def script(_: Request) -> Step:
            got.append(clock.now() - 1000)
            return "ok"

        async with FakeAPI(script=script) as api, opened(api, clock) as client:
            asking = asyncio.create_task(client.complete(out()))
            await asyncio.sleep(0)
            assert client.in_flight == 1
            client._servers.first.gate.hold(9)
            result = await asking
            assert isinstance(result, Answered)
            assert (result.attempts, got) == (1, [9])

    run(work())


def test_rate_limits_lower_the_concurrency_and_server_errors_do_not() -> None:
    async def work() -> None:
        async with (
            FakeAPI(*["429"] * 4, *["500"] * 4) as api,
            opened(api, concurrency=16) as client,
        ):
            assert client.limit == 16
            assert isinstance(await client.complete(out()), Answered)
            assert client.limit == 14
            assert client.waiting == "no more than 14 at a time"
            for _ in range(20):
                await client.complete(out())
            assert client.limit == 16
            assert client.waiting is None

    run(work())


def test_no_more_than_the_concurrency_is_at_the_server() -> None:
    async def work() -> None:
        async with FakeAPI(latency=0.01) as api, opened(api, concurrency=3) as client:
            tasks = [asyncio.create_task(client.complete(out())) for _ in range(30)]
            most = 0
            while not all(task.done() for task in tasks):
                await asyncio.sleep(0.001)
                most = max(most, client.in_flight)
            assert (most, client.in_flight) == (3, 0)
            assert (client.answered, client.attempts) == (30, 30)

    run(work())


def test_requests_per_minute_spread_the_requests() -> None:
    async def work() -> None:
        clock, got = Clock(), list[float]()

        def script(_: Request) -> Step:
            got.append(clock.now() - 1000)
            return "ok"

        async with (
            FakeAPI(script=script) as api,
            opened(api, clock, requests_per_minute=30, concurrency=1) as client,
        ):
            await asyncio.gather(*(client.complete(out()) for _ in range(4)))
        assert got == pytest.approx([0, 2, 4, 6])

    run(work())


def test_tokens_per_minute_go_by_what_answers_use() -> None:
    async def work() -> None:
        clock = Clock()
        used = completion(HELLO, 1) | {"usage": {"total_tokens": 100}}
        async with FakeAPI(used, used) as api, opened(api, clock, tokens_per_minute=60) as client:
            await client.complete(out())
            await client.complete(out())
            assert clock.time - 1000 == pytest.approx(100)

    run(work())


def test_tokens_per_minute_allow_for_all_that_may_be_answered() -> None:
    """Also before the first answer says what it used."""

    async def work() -> None:
        clock = Clock()
        async with (
            FakeAPI(held=True) as api,
            opened(api, clock, tokens_per_minute=600) as client,
        ):
            asking = asyncio.create_task(client.complete(out(HELLO | {"max_tokens": 1000})))
            await _until(lambda: client.waiting is not None)
            assert client.waiting == "tokens_per_minute, 102 s"
            api.release()
            assert isinstance(await asking, Answered)
            assert client.waiting is None

    run(work())


def test_all_get_their_answer_from_a_server_that_fails_at_random() -> None:
    """A fifth rate limited, some errors and resets: each once answered, no request too many."""

    async def work() -> None:
        rates = {"429": 0.2, "500": 0.05, "reset": 0.02, "truncate": 0.02, "html": 0.02}
        bodies = [HELLO | {"seed": n} for n in range(300)]
        async with FakeAPI(rates=rates, seed=5) as api, opened(api, concurrency=8) as client:
            results = await asyncio.gather(*(client.complete(out(body)) for body in bodies))
            assert all(isinstance(result, Answered) for result in results)
            good = [r.body["seed"] for r in api.requests if r.fault == "ok"]
            assert sorted(good) == list(range(300))
            assert sum(result.attempts for result in results) == len(api.requests)
            unknown = sum(r.fault in ("reset", "truncate") for r in api.requests)
            assert sum(result.maybe_billed for result in results) == unknown > 0

    run(work())


# --- what stops the run


@pytest.mark.parametrize(
    "fault",
    ["401", "quota", error(402, message="no credits"), error(403, message="not your country")],
)
def test_after_a_fatal_failure_nothing_more_is_sent(fault: Step) -> None:
    async def work() -> None:
        async with FakeAPI(fault) as api, opened(api) as client:
            first = await client.complete(out())
            assert isinstance(first, Failure)
            assert (first.fatal, first.attempts) == (True, 1)
            second = await client.complete(out())
            assert isinstance(second, Failure)
            assert (second.fatal, second.attempts) == (True, 0)
            assert second.message == first.message
            assert len(api.requests) == 1

    run(work())


def test_a_fatal_failure_ends_the_waits_of_the_others() -> None:
    """In real time: those that wait for an hour's backoff or hold do not."""

    async def work() -> None:
        def script(request: Request) -> Step:
            return "401" if request.body.get("bad") else "429"

        async with (
            FakeAPI(script=script, retry_after="500") as api,
            connect(Endpoint("p", api.url, concurrency=2)) as client,
        ):
            bad = client.complete(out(HELLO | {"bad": True}))
            results = await asyncio.gather(client.complete(out()), bad, client.complete(out()))
            assert [isinstance(r, Failure) and r.fatal for r in results] == [True] * 3

    run(work())


def test_a_moderated_request_stops_only_itself() -> None:
    said = error(403, 403, message="flagged", metadata={"reasons": ["violence"]})
    assert not failed(said).fatal


def test_nobody_there_is_fatal_after_the_retries() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        failure = failed(base_url=url, max_retries=2)
    refused = f"connection refused by {URL(url).host}:{URL(url).port}"
    assert failure.message == f"{refused}; does the server run there?"
    assert (failure.fatal, failure.attempts, failure.maybe_billed) == (True, 3, 0)


@pytest.mark.parametrize(
    ("base", "fault", "words"),
    [
        ("/v1", "401", "a key of 127.0.0.1, still valid"),
        ("/v1", error(403, message="No"), "a key of 127.0.0.1, still valid"),
        ("/v1", error(404, "model_not_found", message="No such"), "/v1/models lists them"),
        (
            "/v1",
            respond(404, {"error": {"message": "model 'x' not found"}}),
            "/v1/models lists them",
        ),
        ("", respond(404, {"detail": "Not Found"}), 'Is /v1 missing? base_url = "@/v1"'),
        ("/api", respond(405), 'Is /v1 missing? base_url = "@/api/v1"'),
        ("/v1/chat/completions", respond(404), 'stands in it already: base_url = "@/v1"'),
        ("/v2/x", respond(404, b"<html>"), "Is the base_url right? /chat/completions is appended"),
    ],
)
def test_an_error_about_the_server_says_who_was_asked_where_and_with_which_key(
    base: str, fault: Step, words: str
) -> None:
    async def work() -> None:
        async with FakeAPI(fault) as api:
            host = api.url.removesuffix("/v1")
            url = f"{host.replace('//', '//me:word@')}{base}"
            async with opened(api, base_url=url, key_name="MY_KEY", query=(("q", "s"),)) as client:
                failure = await client.complete(out())
        assert isinstance(failure, Failure)
        assert failure.hint is not None
        asked = f"Asked: the provider openai, POST {host}{base}/chat/completions, with the key in"
        assert failure.hint.startswith(f"{asked} MY_KEY. ")
        assert words.replace("@", host) in failure.hint
        assert failure.pointless is (failure.status not in (401, 403))

    run(work())


def test_a_refusal_of_one_request_says_nothing_of_its_server() -> None:
    """A gateway's 404 may be of what that request asked for; one path of others was answered."""
    routed = error(404, 404, message="No endpoints found that support tool use")
    no_file = error(404, message="No such File object: file-abc", param="file_id")
    for fault in (error(400, "invalid_value"), routed, no_file, "500"):
        failure = failed(fault, max_retries=0)
        assert (failure.hint, failure.pointless) == (None, False)

    async def work() -> None:
        async with FakeAPI("ok", respond(404)) as api, opened(api) as client:
            await client.complete(out())
            failure = await client.complete(out())
        assert isinstance(failure, Failure)
        assert not failure.pointless

    run(work())


def test_nobody_there_says_who_was_asked() -> None:
    failure = failed(base_url="http://127.0.0.1:1/v1", key=None, max_retries=0)
    asked = "POST http://127.0.0.1:1/v1/chat/completions, no key was sent."
    assert failure.hint == f"Asked: the provider openai, {asked}"
    assert failure.message == "connection refused by 127.0.0.1:1; does the server run there?"


def test_no_such_host_is_fatal_after_the_retries() -> None:
    failure = failed(base_url="http://no-such-host.invalid/v1", max_retries=1)
    assert failure.message.startswith("no such host: no-such-host.invalid;")
    assert (failure.fatal, failure.attempts) == (True, 2)


def test_no_connection_while_others_are_answered_is_not_fatal() -> None:
    async def work() -> None:
        clock = Clock()
        async with FakeAPI() as api, opened(api, clock, max_retries=2) as client:
            url = client._servers.first.completions
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                client._servers.first.completions = url.with_port(free.getsockname()[1])
                lost = asyncio.create_task(client.complete(out()))
                await asyncio.sleep(0)
                client._servers.first.completions = url
                assert isinstance(await client.complete(out()), Answered)
                failure = await lost
            assert isinstance(failure, Failure)
            assert not failure.fatal

    run(work())


def test_a_certificate_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-out", "c",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        pytest.skip("no openssl to make a certificate with")

    async def work() -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / "c", tmp_path / "k")
        app = web.AppRunner(web.Application(), access_log=None)
        await app.setup()
        await web.TCPSite(app, "127.0.0.1", 0, ssl_context=context).start()
        url = f"https://127.0.0.1:{app.addresses[0][1]}/v1"
        async with FakeAPI() as api, opened(api, base_url=url, max_retries=1) as client:
            failure = await client.complete(out())
            assert isinstance(failure, Failure)
            assert failure.message.startswith("the certificate of 127.0.0.1:")
            assert (failure.fatal, failure.attempts, failure.maybe_billed) == (True, 2, 0)
        await app.cleanup()

    run(work())


# --- redirects


def test_a_redirect_on_the_same_host_is_followed_with_the_body() -> None:
    async def work() -> None:
        moved = respond(308, headers={"Location": "/v2/chat/completions"})
        async with FakeAPI(moved) as api, opened(api) as client:
            assert isinstance(await client.complete(out()), Answered)
            first, second = api.requests
            assert (second.method, second.path) == ("POST", "/v2/chat/completions")
            assert second.raw == first.raw
            assert second.headers["Authorization"] == f"Bearer {KEY}"

    run(work())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_goes_to_no_other_host(status: int) -> None:
    async def work() -> None:
        async with FakeAPI() as other:
            location = {"Location": f"{other.url}/chat/completions?key=1"}
            async with FakeAPI(respond(status, headers=location)) as api, opened(api) as client:
                failure = await client.complete(out())
                assert isinstance(failure, Failure)
                assert f"redirects to {other.url}/chat/completions," in failure.message
                assert (failure.status, failure.fatal) == (status, True)
            assert other.requests == []

    run(work())


def test_a_circle_of_redirects_has_an_end() -> None:
    moved = respond(307, headers={"Location": "/v1/chat/completions"})
    failure = failed(*[moved] * 50, max_retries=0)
    assert failure.message == "the server redirects in a circle"


# --- secrets


def test_messages_hold_no_secret() -> None:
    said = f"Incorrect API key provided: {KEY}; org header-value-1; q qqqqqqqq; prompt: tell Anna"
    for fault in (error(401, message=said), respond(400, said.encode(), content_type="text/plain")):
        failure = failed(
            fault, secrets=("Anna",), headers=(("X", "header-value-1"),), query=(("q", "qqqqqqqq"),)
        )
        assert failure.message == (
            "Incorrect API key provided: (sensitive); org (sensitive); q (sensitive); "
            "prompt: tell (sensitive)"
        )


# --- streams

STREAM = HELLO | {"stream": True, "stream_options": {"include_usage": True}}
TEXT = {"choices": [{"index": 0, "delta": {"content": "The sun"}, "finish_reason": None}]}
LAST = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def test_a_streamed_answer_is_the_unstreamed_one() -> None:
    streamed = orjson.loads(answered(body=STREAM, stream=True).response)
    plain = orjson.loads(answered().response)
    streamed["choices"][0]["message"]["content"] = streamed["choices"][0]["message"][
        "content"
    ].strip()
    assert streamed == plain


def test_the_text_of_a_stream_is_shown_as_it_comes() -> None:
    async def work() -> None:
        shown: list[Writing] = []
        async with (
            FakeAPI(events(TEXT, cut=True)) as api,
            connect(Endpoint("p", api.url), jitter=lambda: 0.0, tell=shown.append) as client,
        ):
            await client.complete(out(STREAM, stream=True, secrets=("hello",)))
        assert shown == [
            Written("completion.a", "The sun"),
            CutOff("completion.a"),
            Written("completion.a", "echo: (sensitive) ", 2),
        ]

    run(work())


def test_a_server_that_does_not_stream_is_understood() -> None:
    whole = completion(HELLO, 1)
    assert orjson.loads(answered(whole, body=STREAM, stream=True).response) == whole
    assert failed(error(400, message="words"), body=STREAM, stream=True).message == "words"
    assert answered("html", body=STREAM, stream=True).attempts == 2


def test_a_stream_under_another_content_type_is_understood() -> None:
    raw = b"".join(b"data: " + orjson.dumps(c) + b"\n\n" for c in chunks(completion(HELLO, 1)))
    answer = answered(respond(200, raw, content_type="text/plain"), body=STREAM, stream=True)
    assert content(answer).strip() == "echo: hello"


@pytest.mark.parametrize(
    "cut", [events(TEXT, done=False), events(TEXT, cut=True), events(TEXT, "data: {oops")]
)
def test_a_stream_that_is_cut_is_tried_again_and_counted(cut: Step) -> None:
    answer = answered(cut, body=STREAM, stream=True)
    assert (answer.attempts, answer.maybe_billed) == (2, 1)


def test_an_answer_that_was_whole_before_the_cut_is_an_answer() -> None:
    whole = answered(events(TEXT, LAST, cut=True), body=STREAM, stream=True)
    assert (content(whole), whole.attempts) == ("The sun", 1)
    two = STREAM | {"n": 2}
    assert answered(events(TEXT, LAST, cut=True), body=two, stream=True).attempts == 2


def test_comments_alone_do_not_keep_a_stream_waiting() -> None:
    async def talk(request: web.Request, _: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(b": still here\n\n")
                await asyncio.sleep(0.05)
        return response

    failure = failed(talk, body=STREAM, stream=True, timeout=0.3, max_retries=0)
    assert failure.message.startswith("the answer was not whole within 0.3 s, the timeout of")
    assert "timeout = 3600 gives it longer" in failure.message
    assert failure.maybe_billed == 1


def test_a_stream_that_goes_on_is_ended_by_its_timeout_too() -> None:
    async def talk(request: web.Request, _: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n')
                await asyncio.sleep(0.01)
        return response

    failure = failed(talk, body=STREAM, stream=True, timeout=0.3, max_retries=0)
    assert failure.message.startswith("the answer was not whole within 0.3 s, the timeout of")
    assert "timeout = 3600 gives it longer" in failure.message
    assert failure.maybe_billed == 1


def endless(
    piece: bytes, headers: dict[str, str] | None = None, status: int = 200
) -> tuple[Step, list[int]]:
    """A response without an end, and the sizes of what could be written of it."""
    written: list[int] = []

    async def fault(request: web.Request, _: Any) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(piece)
                written.append(len(piece))
        return response

    return fault, written


def squeezed(size: int) -> bytes:
    """The beginning of a gzip stream that is so long when it is unpacked."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(b" " * size) + packer.flush(zlib.Z_SYNC_FLUSH)


_EVENT = b'data: {"choices": [{"delta": {"content": "%b"}}]}\n\n' % (b"x" * 60_000)
_EVENTS = {"Content-Type": "text/event-stream"}


@pytest.mark.parametrize(
    ("piece", "headers", "sent"),
    [
        (b" " * 65536, {}, HELLO),
        (squeezed(1 << 24), {"Content-Encoding": "gzip"}, HELLO),
        (b"data: " + b"x" * 65536, _EVENTS, STREAM),
        (_EVENT, _EVENTS, STREAM),
        (b": comment\n" * 6000, _EVENTS, STREAM),
        (squeezed(1 << 24), {**_EVENTS, "Content-Encoding": "gzip"}, STREAM),
    ],
    ids=["body", "squeezed", "line", "events", "comments", "squeezed stream"],
)
def test_a_response_without_an_end_is_not_read_to_its_end(
    piece: bytes, headers: dict[str, str], sent: dict[str, Any]
) -> None:
    """It may have been billed, and another attempt would end the same."""
    step, written = endless(piece, headers)
    failure = failed(step, body=sent, stream="stream" in sent, max_response_bytes=1_000_000)
    assert "larger than 1,000,000 bytes" in failure.message
    assert "] max_response_bytes = 200000000 lets more" in failure.message
    assert "max_response_bytes" in failure.message
    assert (failure.attempts, failure.maybe_billed, failure.fatal) == (1, 1, False)
    assert sum(written) < 16_000_000  # what the sockets between the two hold, and no more


def test_an_answer_as_large_as_may_be_is_an_answer() -> None:
    body = orjson.dumps(completion(HELLO, 1))
    assert answered(respond(200, body), max_response_bytes=len(body)).response == body
    failure = failed(respond(200, body), max_response_bytes=len(body) - 1)
    assert (failure.attempts, failure.maybe_billed) == (1, 1)


def test_a_stream_whose_answer_was_whole_before_it_became_too_large_is_one() -> None:
    said = (b"data: " + orjson.dumps(chunk) for chunk in chunks(completion(STREAM, 1)))
    whole = b"".join(event + b"\n\n" for event in said)
    step, _ = endless(whole + b"data: " + b"x" * 65536, _EVENTS)
    answer = answered(step, body=STREAM, stream=True, max_response_bytes=60_000)
    assert orjson.loads(answer.response)["choices"][0]["finish_reason"] == "stop"


def test_of_an_error_without_an_end_the_beginning_is_read() -> None:
    step, written = endless(b"overloaded " * 6000, status=500)
    failure = failed(step, max_retries=0)
    assert failure.message.startswith("overloaded overloaded")
    assert (failure.status, failure.maybe_billed) == (500, 0)
    assert sum(written) < 16_000_000


def test_named_waits_have_an_end_also_where_the_attempts_are_counted() -> None:
    busy = error(503, "server_is_overloaded", headers={"Retry-After": "4"})
    result, _, clock = ask(*[busy] * 20, max_wait=10, max_retries=9)
    assert isinstance(result, Failure)
    assert (result.attempts, clock.slept) == (3, [4, 4])


def test_an_error_within_a_stream_is_read_by_what_it_holds() -> None:
    used = {"error": {"code": "tool_use_failed", "message": "bad call", "status_code": 400}}
    failure = failed(events(TEXT, used), body=STREAM, stream=True)
    assert (failure.message, failure.status, failure.maybe_billed) == ("bad call", 400, 1)
    passing = {"error": {"code": 502, "message": "Provider returned error"}}
    answer = answered(events(passing), body=STREAM, stream=True)
    assert (answer.attempts, answer.maybe_billed) == (2, 0)


# --- the store, and other calls


def test_the_store_is_reached_with_the_same_client() -> None:
    async def work() -> None:
        async with FakeAPI() as api, opened(api) as client:
            for n in range(3):
                await client.complete(out(HELLO | {"store": True, "metadata": {"a b": str(n % 2)}}))

            async def got(method: str, path: str, **options: Any) -> Any:
                result = await client.call(method, f"/chat/completions{path}", **options)
                assert isinstance(result, Answered), result
                return orjson.loads(result.response)

            listed = await got("GET", "", query=(("metadata[a b]", "0"), ("limit", "1")))
            assert (len(listed["data"]), listed["has_more"]) == (1, True)
            name = listed["last_id"]
            more = await got("GET", "", query=[("metadata[a b]", "0"), ("after", name)])
            assert (len(more["data"]), more["has_more"]) == (1, False)
            assert (await got("GET", f"/{name}/messages"))["data"][0]["content"] == "hello"
            changed = await got("POST", f"/{name}", body=b'{"metadata": {"k": "v"}}')
            assert changed["metadata"] == {"k": "v"}
            assert (await got("DELETE", f"/{name}"))["deleted"]
            gone = await client.call("GET", f"/chat/completions/{name}")
            assert isinstance(gone, Failure)
            assert (gone.status, gone.fatal) == (404, False)
            assert gone.message == f"No completion found with the id {name}"

    run(work())


def test_a_403_of_the_store_stops_no_completion() -> None:
    async def work() -> None:
        async def forbid(request: web.Request) -> web.StreamResponse:
            return await error(403, message="Missing scopes")(request, None)

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response(completion(HELLO, 1))

        app = web.Application()
        app.router.add_get("/v1/x", forbid)
        app.router.add_post("/v1/chat/completions", answer)
        serving = web.AppRunner(app, access_log=None)
        await serving.setup()
        await web.TCPSite(serving, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{serving.addresses[0][1]}/v1"
        async with connect(Endpoint("p", url)) as client:
            result = await client.call("GET", "/x")
            assert isinstance(result, Failure)
            assert (result.message, result.status, result.fatal) == ("Missing scopes", 403, False)
            assert isinstance(await client.complete(out()), Answered)
        await serving.cleanup()

    run(work())


# --- the ends


def test_a_cancelled_request_frees_its_place() -> None:
    async def work() -> None:
        async with FakeAPI("hang", "429") as api, opened(api, concurrency=1) as client:
            hanging = asyncio.create_task(client.complete(out()))
            await _until(lambda: bool(api.requests))
            queued = asyncio.create_task(client.complete(out()))
            await asyncio.sleep(0)
            hanging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hanging
            assert isinstance(await queued, Answered)
            assert client.in_flight == 0

    run(work())


def test_every_error_of_the_library_has_words() -> None:
    """All that aiohttp can raise becomes a Broken whose words are ours, and hold no URL."""

    def all_of(kind: type[BaseException]) -> list[type[BaseException]]:
        return [kind, *(sub for k in kind.__subclasses__() for sub in all_of(k))]

    async def work() -> None:
        async with aiohttp.ClientSession() as session:
            endpoint = Endpoint("p", "http://host:1")
            wire = HTTPWire(session, URL("http://host:1"), endpoint, proxied=False)
            kinds = [k for k in all_of(aiohttp.ClientError) if "WS" not in k.__name__]
            assert len(kinds) > 20
            for kind in {*kinds, TimeoutError, ConnectionResetError, OSError}:
                failed: Any = kind.__new__(kind)  # type: ignore[call-overload]
                failed.__dict__.update(message="m", _conn_key=_Key, _os_error=OSError("os"))
                failed.__dict__["_certificate_error"] = OSError("certificate")
                broken = wire._broken(failed)
                assert broken.message, kind
                assert isinstance(failed, aiohttp.ClientConnectorError) <= broken.unreached, kind

    run(work())


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - the server runs in this loop, and tells nobody
        await asyncio.sleep(0.001)


class _Key:
    host, port, ssl = "host", 1, True


def test_the_server_runs_as_a_process_and_logs_each_request_as_it_comes(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "tests.harness.server", "--fault", "500=1", "--log", str(log)]
    root = ROOT
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            result = asyncio.run(_one(url))
            assert isinstance(result, Failure)
            lines = [orjson.loads(line) for line in log.read_text().splitlines()]
            assert [(n["number"], n["fault"], n["body"]) for n in lines] == [(1, "500", HELLO)]
        finally:
            process.kill()


async def _one(url: str) -> Answered | Failure:
    async with connect(Endpoint("p", url, max_retries=0), jitter=random.random) as client:
        return await client.complete(out())
