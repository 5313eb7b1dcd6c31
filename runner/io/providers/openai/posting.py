"""The same POST, again and again: on aiohttp's pooled connections, its head written once.

A session builds each request and its response anew, which is most of what a small one costs. Its
connector (pool, TLS, names), its parser and its errors are used all the same.
"""

from collections.abc import Callable, Mapping
from typing import cast

from msgspec import Struct
from yarl import URL

from runner.io.providers.openai.tls import aiohttp

TRIED = "3.14."
"""The aiohttp whose inner names these are; with any other, requests go through its session."""


class Arrived(Struct, frozen=True):
    """A response whose head has come; as much of aiohttp's own as is asked of it here."""

    status: int
    reason: str | None
    headers: Mapping[str, str]
    content: aiohttp.StreamReader
    close: Callable[[], None]  # does nothing once the body has come: the connection is free again

    @property
    def content_type(self) -> str:
        """The media type, without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip()


class Posting:
    """POSTs to one URL with the headers of a session. What goes wrong is raised as aiohttp does;
    there is no timeout but that of the connection.
    """

    def __init__(self, session: aiohttp.ClientSession, url: URL) -> None:
        assert session.connector is not None  # noqa: S101  # it is open
        self._connector, self._timeout = session.connector, session.timeout
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
        try:
            connection = await self._connector.connect(self._request, [], self._timeout)
        except TimeoutError as exc:
            raise aiohttp.ConnectionTimeoutError from exc
        try:
            return await self._exchange(connection, body)
        except BaseException:
            connection.close()
            raise

    async def _exchange(self, connection: aiohttp.connector.Connection, body: bytes) -> Arrived:
        protocol, transport = (
            cast("aiohttp.client_proto.ResponseHandler", connection.protocol),
            connection.transport,
        )
        if transport is None or transport.is_closing():
            raise aiohttp.ClientConnectionResetError
        protocol.set_response_params(read_until_eof=True)
        transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        try:
            message, content = await protocol.read()
            while 100 <= message.code < 200 and message.code != 101:
                message, content = await protocol.read()
        except aiohttp.http_exceptions.HttpProcessingError as exc:
            raise aiohttp.ClientResponseError(
                self._request.request_info, (), status=exc.code, message=exc.message
            ) from exc
        if transport.get_write_buffer_size():  # answered before it was asked: not used again
            protocol.force_close()
        content.on_eof(connection.release)
        return Arrived(message.code, message.reason, message.headers, content, connection.close)


def posting(
    session: aiohttp.ClientSession, url: URL, version: str = aiohttp.__version__
) -> Posting | None:
    """None where this aiohttp is another than the one that was tried."""
    return Posting(session, url) if version.startswith(TRIED) else None
