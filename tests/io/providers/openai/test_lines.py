"""A body that comes in pieces is handed out line by line."""

import asyncio
from collections.abc import Sequence

import pytest

from runner.io.providers.endpoint import TakeLines
from runner.io.providers.openai.lines import BodyLines


def into(taken: list[bytes]) -> TakeLines:
    async def take(lines: Sequence[bytes]) -> None:
        taken.extend(lines)

    return take


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_the_same_however_the_body_is_cut(size: int) -> None:
    body = b'{"a":1}\n\n{"b":2}\r\n{"c":3}'
    taken: list[bytes] = []

    async def fed() -> None:
        lines = BodyLines(into(taken), 8)
        for at in range(0, len(body), size):
            assert await lines.feed(body[at : at + size])
        await lines.finish()

    asyncio.run(fed())
    assert taken == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


def test_a_line_that_is_too_long_ends_it() -> None:
    taken: list[bytes] = []

    async def fed() -> None:
        lines = BodyLines(into(taken), 5)
        assert await lines.feed(b"12345\n123")
        assert not await lines.feed(b"456")

    asyncio.run(fed())
    assert taken == [b"12345"]
