"""The same POST, again and again: on connections that aiohttp makes, its head written once.

A session builds each request and its response anew, which is most of what a small one costs. Its
connector (pool, TLS, names), its parser and its errors are used all the same.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from math import inf
from time import monotonic
from typing import cast

from msgspec import Struct
from yarl import URL

from runner.io.providers.openai.deadlines import Deadlines
from runner.io.providers.openai.tls import aiohttp

TRIED = "3.14."
"""The aiohttp whose inner names these are; with any other, requests go through its session."""


class _Handler(aiohttp.client_proto.ResponseHandler):
    """aiohttp's own, but for three things."""

    _has_stopped = False

    def pause_reading(self) -> None:
        self._has_stopped = True
        super().pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """It is told so whenever something was taken from it: where it never stopped, there is
        nothing to look for. Once it did, its parser may hold something back at any time.
        """
        if self._has_stopped:
            super().resume_reading(resume_parser)

    def is_connected(self) -> bool:
        """Not where something came that nobody had asked for: the next one would have it."""
        return super().is_connected() and not self.should_close

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """Whoever reads a body is told as well, and not left to wait for what does not come: where
        it breaks off as no HTTP does, or its packing has no end.
        """
        body = self._payload
        super().set_exception(exc, *cause)
        if body is not None and not body.is_eof() and body.exception() is None:
            is_late = isinstance(exc, TimeoutError)
            body.set_exception(exc if is_late else aiohttp.ClientPayloadError(str(exc)))


class _Line:
    """A connection that is the pool's no more: it serves one request after the other."""

    def __init__(self, posting: "Posting", connection: aiohttp.connector.Connection) -> None:
        self.connection = connection
        self.handler = cast("_Handler", connection.protocol)
        self.free_since = 0.0
        self._posting = posting

    def done(self) -> None:
        """A response has come: the next request may go out."""
        if self.handler.should_close:
            self.drop()
        else:
            self._posting.free(self)

    def drop(self) -> None:
        """Nothing more goes out, of a request that is only half sent neither."""
        self._posting.deadlines.over(self)
        transport = self.handler.transport
        if transport is not None and transport.get_write_buffer_size():
            transport.abort()
        self.connection.close()

    def give_up(self) -> None:
        """Who waits for a response, or for the rest of it, is told that it takes too long."""
        self.handler.set_exception(aiohttp.SocketTimeoutError())


class Arrived(Struct, frozen=True):
    """A response whose head has come; as much of aiohttp's own as is asked of it here."""

    status: int
    reason: str | None
    headers: Mapping[str, str]
    content: aiohttp.StreamReader
    line: _Line

    @property
    def content_type(self) -> str:
        """The media type, without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip()

    def close(self) -> None:
        """Nobody wants the rest of it. If there is none, its line serves others by now."""
        if not self.content.is_eof():
            self.line.drop()


class Posting:
    """POSTs to one URL with the headers of a session. What goes wrong is raised as aiohttp does:
    also what takes longer than the session's timeout, for a connection and for an answer each.
    A connection that was not used for `idle` seconds is not used again.
    """

    def __init__(self, session: aiohttp.ClientSession, url: URL, idle: float) -> None:
        assert session.connector is not None  # noqa: S101  # it is open
        self._connector = session.connector
        factory = partial(_Handler, loop=asyncio.get_running_loop())
        self._connector._factory = factory  # type: ignore[assignment]  # noqa: SLF001
        longest = session.timeout.total or inf
        self._timeout = aiohttp.ClientTimeout(
            connect=session.timeout.total, sock_connect=session.timeout.sock_connect
        )
        self.deadlines = Deadlines(longest, _Line.give_up)
        self._idle = idle
        self._free: list[_Line] = []  # the last one was used last
        self._sweeping: asyncio.TimerHandle | None = None
        # It is never sent: it says which connection is meant, and which headers aiohttp adds.
        self._request = aiohttp.ClientRequest("POST", url, headers=session.headers)
        lines = [f"POST {url.raw_path_qs} HTTP/1.1"]
        lines += [
            f"{name}: {value}"
            for name, value in self._request.headers.items()
            if name != "Content-Length"
        ]
        self._head = "\r\n".join([*lines, "Content-Length: "]).encode()

    async def send(self, body: bytes) -> Arrived:
        """The response, once its head has come."""
        line = self._freed() or await self._connected()
        self.deadlines.begin(line)
        try:
            return await self._exchange(line, body)
        except aiohttp.http_exceptions.HttpProcessingError as exc:
            line.drop()
            raise aiohttp.ClientResponseError(
                self._request.request_info, (), status=exc.code, message=exc.message
            ) from exc
        except BaseException:
            line.drop()
            raise

    def free(self, line: _Line) -> None:
        """It serves the next request."""
        self.deadlines.over(line)
        line.free_since = monotonic()
        self._free.append(line)
        if self._sweeping is None:
            self._sweep()

    def lend(self) -> None:
        """The session has the use of a free connection, rather than to make one more: a server may
        serve no more of them than there are requests at once.
        """
        line = self._freed()
        if line is not None:
            line.connection.release()

    def close(self) -> None:
        """Nothing more is sent: the session closes the connections, and waits until they are."""
        while self._free:
            self.lend()
        if self._sweeping is not None:
            self._sweeping.cancel()

    async def _exchange(self, line: _Line, body: bytes) -> Arrived:
        handler, transport = line.handler, line.handler.transport
        if transport is None or transport.is_closing():
            raise aiohttp.ClientConnectionResetError
        handler.set_response_params(read_until_eof=True)
        transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        message, content = await handler.read()
        while 100 <= message.code < 200 and message.code != 101:
            message, content = await handler.read()
        if transport.get_write_buffer_size():  # answered before it was asked: not used again
            handler.force_close()
        content.on_eof(line.done)
        return Arrived(message.code, message.reason, message.headers, content, line)

    def _freed(self) -> _Line | None:
        """Of those that can be used again, the one that was used last."""
        while self._free:
            line = self._free.pop()
            if line.handler.is_connected() and monotonic() - line.free_since <= self._idle:
                return line
            line.drop()
        return None

    def _sweep(self) -> None:
        """Those that nobody uses any more are closed: to the server they are clients."""
        begun = monotonic() - self._idle
        while self._free and self._free[0].free_since < begun:
            self._free.pop(0).drop()
        self._sweeping = None
        if self._free:
            left = self._free[0].free_since - begun
            self._sweeping = asyncio.get_running_loop().call_later(left, self._sweep)

    async def _connected(self) -> _Line:
        try:
            return _Line(self, await self._connector.connect(self._request, [], self._timeout))
        except TimeoutError as exc:
            raise aiohttp.ConnectionTimeoutError from exc


def posting(
    session: aiohttp.ClientSession, url: URL, idle: float, version: str = aiohttp.__version__
) -> Posting | None:
    """None where this aiohttp is another than the one that was tried."""
    return Posting(session, url, idle) if version.startswith(TRIED) else None
