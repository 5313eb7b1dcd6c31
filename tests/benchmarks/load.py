"""How many requests a second the server answers when nothing else is asked of anybody.

`python -m tests.benchmarks.load PORT SECONDS` keeps 64 connections busy with prebuilt bytes and
prints the rate.
"""

import asyncio
import sys
import time

from tests.benchmarks.server import ANSWERS

_BODY = b"x" * 600
_REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%b"
    % (len(_BODY), _BODY)
)
_CONNECTIONS = 64
_LONG = len(ANSWERS[0])


class Asking(asyncio.Protocol):
    """Sends the next request when an answer is whole."""

    answered = 0

    def __init__(self) -> None:
        self._got = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        self._got += len(data)
        while self._got >= _LONG:
            self._got -= _LONG
            Asking.answered += 1
            self._transport.write(_REQUEST)


async def _main(port: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(_CONNECTIONS):
        await loop.create_connection(Asking, "127.0.0.1", port)
    before, began = Asking.answered, time.perf_counter()
    await asyncio.sleep(seconds)
    rate = (Asking.answered - before) / (time.perf_counter() - began)
    sys.stdout.write(f"{rate:.0f}\n")


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2])))
