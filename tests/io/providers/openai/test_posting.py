import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import aiohttp
import orjson
import pytest
from yarl import URL

from runner.core.api.exchange import Answered, Failure, Outgoing
from runner.io.providers.endpoint import Endpoint
from runner.io.providers.openai.client import OpenAIClient, connect
from runner.io.providers.openai.posting import TRIED, Posting, posting
from runner.io.providers.openai.wire import HTTPWire

BODY = b'{"choices":[{"message":{"content":"hello"}}]}'
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
    BODY
)
ASKED = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "é" * 70_000}]})

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[bool]]


class Raw:
    """A server that speaks bytes: `said` are the requests as they came, a list a connection."""

    def __init__(self, speak: Speak) -> None:
        self.said: list[list[bytes]] = []
        self._speak = speak

    async def __aenter__(self) -> "Raw":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: list[bytes] = []
        self.said.append(mine)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                mine.append(head)
                if not await self._speak(reader, writer, head):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def read_body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    return await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split()[0]))


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> bool:
    assert await read_body(reader, head) == ASKED
    writer.write(GOOD + BODY)
    return True


def opened(url: str, timeout: float = 600) -> AbstractAsyncContextManager[OpenAIClient]:
    endpoint = Endpoint(
        "p",
        url,
        key="sk-a",
        organization="org-é",
        headers=(("X-Ours", "1"),),
        max_retries=0,
        timeout=timeout,
    )
    return connect(endpoint)


def wire_of(client: OpenAIClient) -> HTTPWire:
    wire = client._servers.first.wire
    assert isinstance(wire, HTTPWire)
    return wire


def posts(client: OpenAIClient) -> bool:
    return wire_of(client)._posting is not None


async def ask(client: OpenAIClient) -> Answered | Failure:
    return await client.complete(Outgoing("completion.a", ASKED))


def asked(
    speak: Speak, times: int = 1, timeout: float = 600
) -> tuple[list[Answered | Failure], Raw]:
    async def work() -> tuple[list[Answered | Failure], Raw]:
        async with Raw(speak) as server, opened(server.url, timeout) as client:
            assert posts(client)
            return [await ask(client) for _ in range(times)], server

    return asyncio.run(asyncio.wait_for(work(), 60))


def test_the_aiohttp_here_is_the_one_whose_inner_names_were_tried() -> None:
    """If this fails, read posting.py beside the new aiohttp's client.py, then raise TRIED: until
    then every request goes through a session, which costs 100 us more.
    """
    assert aiohttp.__version__.startswith(TRIED)


@pytest.mark.parametrize(("version", "expected"), [("3.14.99", True), ("3.15.0", False)])
def test_another_aiohttp_sends_through_its_session(version: str, expected: bool) -> None:
    async def work() -> None:
        async with aiohttp.ClientSession() as session:
            made = posting(session, URL("http://host/"), 4, version)
            assert isinstance(made, Posting) == expected

    asyncio.run(work())


def test_what_is_sent_is_byte_for_byte_what_a_session_sends() -> None:
    async def work() -> None:
        async with Raw(answer) as server:
            async with opened(server.url) as client:
                assert posts(client)
                assert isinstance(await ask(client), Answered)
            async with opened(server.url) as client:
                wire_of(client)._posting = None
                assert isinstance(await ask(client), Answered)
            [[mine], [theirs]] = server.said
            assert mine == theirs

    asyncio.run(asyncio.wait_for(work(), 60))


def test_a_connection_is_used_again() -> None:
    results, server = asked(answer, times=5)
    assert all(isinstance(one, Answered) for one in results)
    assert list(map(len, server.said)) == [5]


def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    async def close(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
    ) -> bool:
        await read_body(reader, head)
        writer.write(GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + BODY)
        return False

    results, server = asked(close, times=3)
    assert all(isinstance(one, Answered) for one in results)
    assert list(map(len, server.said)) == [1, 1, 1]


def test_what_comes_before_the_response_is_passed_over() -> None:
    async def early(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
    ) -> bool:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        await read_body(reader, head)
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + GOOD + BODY)
        return True

    results, server = asked(early, times=2)
    assert all(isinstance(one, Answered) and one.response == BODY for one in results)
    assert list(map(len, server.said)) == [2]


def test_a_body_that_ends_with_its_connection_is_whole() -> None:
    async def until_the_end(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
    ) -> bool:
        await read_body(reader, head)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)
        return False

    [result], _ = asked(until_the_end)
    assert isinstance(result, Answered)
    assert result.response == BODY


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (b"nonsense\r\n\r\n", "the response is not HTTP"),
        (GOOD + BODY[:7], "the response was cut short"),
        (b"", "the server closed the connection without an answer"),
    ],
)
def test_what_is_no_response_has_the_words_that_a_session_gives(said: bytes, message: str) -> None:
    async def broken(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
    ) -> bool:
        await read_body(reader, head)
        writer.write(said)
        return False

    [result], _ = asked(broken)
    assert isinstance(result, Failure)
    assert result.message.startswith(message)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (b"", "no answer within 0.05 s"),
        (GOOD + BODY[:7], "the answer was not whole within 0.05 s"),
    ],
)
def test_what_takes_too_long_is_given_up_and_its_connection_with_it(
    said: bytes, message: str
) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> bool:
        await read_body(reader, head)
        writer.write(said)
        return True

    results, server = asked(slow, 2, timeout=0.05)
    assert all(isinstance(one, Failure) and one.message.startswith(message) for one in results)
    assert list(map(len, server.said)) == [1, 1]


def test_a_connection_that_takes_too_long_to_make_is_said_to_take_as_long_as_was_waited() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def work() -> Answered | Failure:
        async with await asyncio.start_server(mute, "127.0.0.1", 0) as server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            async with opened(url, timeout=0.05) as client:
                return await ask(client)

    result = asyncio.run(asyncio.wait_for(work(), 60))
    assert isinstance(result, Failure)
    assert result.message.endswith("within 0.05 s")
    assert not result.maybe_billed


def test_a_body_whose_reading_has_to_stop_meanwhile_is_whole() -> None:
    """Above a certain size, aiohttp stops until somebody takes what it holds."""
    whole = orjson.dumps({"choices": [{"message": {"content": "far " * 1_000_000}}]})
    packed = gzip.compress(whole)
    told = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"

    async def large(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
    ) -> bool:
        await read_body(reader, head)
        writer.write(told % len(packed) + packed)
        return True

    results, server = asked(large, times=2)
    assert all(isinstance(one, Answered) and one.response == whole for one in results)
    assert list(map(len, server.said)) == [2]


@pytest.mark.parametrize(("idle", "connections"), [(60, 1), (-1, 3)])
def test_a_connection_that_was_idle_for_too_long_is_not_used_again(
    idle: float, connections: int
) -> None:
    async def work() -> int:
        async with Raw(answer) as server, aiohttp.ClientSession() as session:
            made = posting(session, URL(server.url), idle)
            assert made is not None
            for _ in range(3):
                response = await made.send(ASKED)
                assert await response.content.read() == BODY
                response.close()
            made.close()
            return len(server.said)

    assert asyncio.run(asyncio.wait_for(work(), 60)) == connections


def test_a_body_that_nobody_reads_to_its_end_ends_its_connection() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> bool:
        await read_body(reader, head)
        writer.write(GOOD + BODY[:7])
        return True

    async def work() -> int:
        async with Raw(half) as server, aiohttp.ClientSession() as session:
            made = posting(session, URL(server.url), 60)
            assert made is not None
            for _ in range(2):
                (await made.send(ASKED)).close()
            made.close()
            return len(server.said)

    assert asyncio.run(asyncio.wait_for(work(), 60)) == 2


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DEFLATED = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n"
Read = Callable[[Posting, asyncio.Event], Awaitable[None]]


def in_two_parts(first: bytes, then: bytes, read: Read) -> list[list[bytes]]:
    """Each response comes in two parts: the second when the event that `read` is given is set."""
    going_on = asyncio.Event()

    async def parts(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
    ) -> bool:
        await read_body(reader, head)
        writer.write(first)
        await going_on.wait()
        going_on.clear()
        writer.write(then)
        return True

    async def work() -> list[list[bytes]]:
        async with Raw(parts) as server, aiohttp.ClientSession() as session:
            made = posting(session, URL(server.url), 60)
            assert made is not None
            await read(made, going_on)
            made.close()
            return server.said

    return asyncio.run(asyncio.wait_for(work(), 60))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (CHUNKED + b"1\r\nx\r\n", b"no length\r\n"),
        (DEFLATED % 9, zlib.compress(b"x" * 9)[:9]),
    ],
)
def test_what_breaks_off_though_its_connection_stands_is_told_to_whoever_reads_it(
    first: bytes, then: bytes
) -> None:
    async def read(made: Posting, going_on: asyncio.Event) -> None:
        response = await made.send(ASKED)
        going_on.set()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()
        response.close()

    in_two_parts(first, then, read)


def test_what_is_held_back_after_a_stop_is_read_on_without_another_byte() -> None:
    """After so many chunks aiohttp stops, and its parser once more with the next chunk."""
    chunk, most = b"1\r\nx\r\n", 2**18 // 16 + 1

    async def read(made: Posting, going_on: asyncio.Event) -> None:
        content = (await made.send(ASKED)).content
        while content.total_bytes < most:  # noqa: ASYNC110  # nobody else may read
            await asyncio.sleep(0)
        assert len(await content.readany()) == most
        going_on.set()
        assert await content.read() == b"xx"

    in_two_parts(CHUNKED + chunk * most, chunk * 2 + b"0\r\n\r\n", read)


def test_a_response_that_nobody_asked_for_answers_no_other_request() -> None:
    async def read(made: Posting, going_on: asyncio.Event) -> None:
        for _ in range(3):
            response = await made.send(ASKED)
            going_on.set()
            assert await response.content.read() == BODY
            response.close()

    unasked = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nunasked"
    assert list(map(len, in_two_parts(GOOD, BODY + unasked, read))) == [1, 1, 1]


def test_a_connection_that_nobody_uses_is_closed() -> None:
    closed = asyncio.Event()

    async def stays(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
    ) -> bool:
        await answer(reader, writer, head)
        assert await reader.read() == b""
        closed.set()
        return False

    async def work() -> None:
        async with Raw(stays) as server, aiohttp.ClientSession() as session:
            made = posting(session, URL(server.url), 0.01)
            assert made is not None
            await (await made.send(ASKED)).content.read()
            await closed.wait()

    asyncio.run(asyncio.wait_for(work(), 60))


def test_what_goes_another_way_goes_on_the_same_connection() -> None:
    """A server may serve one connection at a time: beside a second one, both would wait."""

    async def elsewhere(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
    ) -> bool:
        await read_body(reader, head)
        if head.startswith(b"POST /v1/chat") and b"X-More" not in head:
            writer.write(b"HTTP/1.1 307 There\r\nLocation: /v2\r\nContent-Length: 2\r\n\r\n{}")
        else:
            writer.write(GOOD + BODY)
        return True

    async def work() -> list[int]:
        async with Raw(elsewhere) as server, opened(server.url) as client:
            for number in range(4):
                headers = (("X-More", "1"),) if number % 2 else ()
                out = Outgoing("completion.a", ASKED, headers=headers)
                assert isinstance(await client.complete(out), Answered)
            return list(map(len, server.said))

    assert asyncio.run(asyncio.wait_for(work(), 60)) == [6]


def test_of_a_request_that_was_given_up_no_more_is_sent() -> None:
    received: asyncio.Queue[int] = asyncio.Queue()
    begun, going_on = asyncio.Event(), asyncio.Event()
    body = b"x" * 30_000_000

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> bool:
        begun.set()
        await going_on.wait()
        try:
            received.put_nowait(len(await reader.read(len(body) + 1)))
            while more := await reader.read(len(body)):
                received.put_nowait(len(more))
        finally:
            received.put_nowait(-1)
        return False

    async def work() -> int:
        async with Raw(late) as server, aiohttp.ClientSession() as session:
            made = posting(session, URL(server.url), 60)
            assert made is not None
            asking = asyncio.ensure_future(made.send(body))
            await begun.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            going_on.set()
            pieces = []
            while (piece := await received.get()) >= 0:
                pieces.append(piece)
            return sum(pieces)

    assert asyncio.run(asyncio.wait_for(work(), 60)) < len(body)
