"""When a body that is being written is looked at."""

import asyncio
from unittest.mock import Mock

import aiohttp

from runner.io.providers.openai.looks import Look, Looks


def _body() -> aiohttp.StreamReader:
    return aiohttp.StreamReader(Mock(), 2**16, loop=asyncio.get_running_loop())


class _Never(Looks):
    """No look comes."""

    def wait(self, look: Look) -> None:
        """For ever."""


def test_the_first_piece_is_seen_at_once_and_what_follows_in_one_look() -> None:
    async def read() -> list[bytes]:
        body = _body()
        with Looks().at(body) as look:
            body.feed_data(b"first ")
            seen = [await look.pieces()]
            for number in range(100):
                asyncio.get_running_loop().call_soon(body.feed_data, b"%d " % number)
            seen.append(await look.pieces())
            body.feed_eof()
            return [*seen, await look.pieces()]

    pieces = b"".join(b"%d " % number for number in range(100))
    assert asyncio.run(read()) == [b"first ", pieces, b""]


def test_the_end_waits_for_no_look() -> None:
    async def read() -> list[bytes]:
        body, looks = _body(), _Never()
        with looks.at(body) as look:
            body.feed_data(b"first")
            seen = [await look.pieces()]
            asyncio.get_running_loop().call_soon(body.feed_data, b"last")
            asyncio.get_running_loop().call_soon(body.feed_eof)
            return [*seen, await look.pieces(), await look.pieces()]

    assert asyncio.run(read()) == [b"first", b"last", b""]


def test_much_is_read_without_a_pause() -> None:
    async def read() -> bytes:
        body, looks = _body(), _Never()
        with looks.at(body) as look:
            body.feed_data(b"x" * 2**16)
            await look.pieces()
            body.feed_data(b"more")
            return await look.pieces()

    assert asyncio.run(read()) == b"more"
