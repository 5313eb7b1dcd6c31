"""An answer to every request, as cheaply as Python can: a process of its own.

`python -m tests.benchmarks.server [SECONDS]` prints its port and serves until it is ended. Every
answer is prebuilt bytes, of one length and with a usage of its own, SECONDS late; a request is read
no further than its length.
"""

import asyncio
import gc
import sys
from collections.abc import Callable
from itertools import cycle

_CONTENT = (
    "The oceans hold 97 percent of the water on Earth, and drive its weather: warm water flows "
    "towards the poles, cold water sinks there and returns along the bottom. "
) * 4
_USAGES = range(100, 500)
_BODIES = [
    (
        '{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion",'
        '"created":1741569952,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":'
        '{"role":"assistant","content":"' + _CONTENT + '","refusal":null,"annotations":[]},'
        '"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":119,'
        '"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":0,'
        '"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,'
        '"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default",'
        '"system_fingerprint":"fp_a5d11b2ef2"}'
    )
    % (said, 119 + said)
    for said in _USAGES
]
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_1\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(body), body.encode())
    for body in _BODIES
]
_NEXT = cycle(ANSWERS)
_LENGTH = b"content-length:"


class Answering(asyncio.Protocol):
    """One connection; requests may come in pieces, or several at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._held = b""
        self._later: Callable[[], object] = list

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        loop = asyncio.get_running_loop()

        def write() -> None:
            if not transport.is_closing():
                transport.write(next(_NEXT))

        def later() -> None:
            loop.call_later(self._seconds, write)

        self._later = later if self._seconds else write

    def data_received(self, data: bytes) -> None:
        self._held += data
        while True:
            head = self._held.find(b"\r\n\r\n")
            if head < 0:
                return
            whole = head + 4 + _length(self._held[:head])
            if len(self._held) < whole:
                return
            self._held = self._held[whole:]
            self._later()


def _length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.find(_LENGTH)
    if start < 0:
        return 0
    end = lowered.find(b"\r\n", start)
    return int(lowered[start + len(_LENGTH) : end if end >= 0 else None])


async def _main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(seconds), "127.0.0.1", 0, backlog=1024)
    gc.freeze()
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
