"""One HTTP request and its response, or the way in which it broke."""

import base64
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from typing import Any, Protocol
from urllib.request import getproxies, proxy_bypass

from msgspec import Struct
from multidict import CIMultiDict
from yarl import URL

from runner import __version__
from runner.core.secrets.trust import is_loopback
from runner.errors import RunnerError, error
from runner.io.providers.endpoint import Endpoint
from runner.io.providers.openai.lines import BodyLines
from runner.io.providers.openai.looks import Looks
from runner.io.providers.openai.posting import Arrived, posting
from runner.io.providers.openai.stream import Stream
from runner.io.providers.openai.tls import aiohttp

_BIG = 1 << 20  # above it, aiohttp wants a file rather than bytes
_MOST_OF_AN_ERROR = 1_000_000  # bytes; the rest is not read
_REDIRECTS = 5
# Less than the five seconds after which common servers close an idle connection: a request that
# meets the closing cannot be told from one that was lost, and may be paid twice.
_IDLE = 4


class Reply(Struct, frozen=True):
    """A response; if `streamed`, its body went into the stream."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reason: str | None = None
    streamed: bool = False


class Broken(Struct, frozen=True):
    """No response, and why; unless it was `unreached`, the server may have done the work.

    `final` says that another attempt would end the same.
    """

    message: str
    unreached: bool = False
    final: bool = False


class HeldBack(Struct, frozen=True):
    """Nothing was sent: a hold began while the connection was made."""


class Wire(Protocol):
    """The way to one endpoint; `completions` is where completions are asked for."""

    completions: URL

    def url(self, path: str, query: Iterable[tuple[str, str]] = ()) -> URL:
        """Where a path (percent-encoded) is, with the endpoint's query and this one."""

    async def send(
        self,
        method: str,
        url: URL,
        body: bytes | None,
        headers: Mapping[str, str] | None = None,
        stream: Stream | BodyLines | None = None,
    ) -> Reply | Broken | HeldBack:
        """One request, and what came of it; nothing the network does is raised."""


OpenWire = Callable[[Endpoint, Callable[[], bool]], AbstractAsyncContextManager[Wire]]
"""Opens the way to an endpoint, on which nothing is sent while the function says so."""


class HTTPWire:
    """Sends requests to one endpoint, with its key; follows no redirect to another host."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: URL,
        endpoint: Endpoint,
        *,
        proxied: bool,
    ) -> None:
        self.host = f"{base.host}:{base.port}"
        self._session = session
        self._base = base
        self._endpoint = endpoint
        self._looks = Looks()
        self.completions = self.url("/chat/completions")
        self._posting = None if proxied else posting(session, self.completions, _IDLE)

    def close(self) -> None:
        """Nothing more is sent."""
        if self._posting is not None:
            self._posting.close()

    def url(self, path: str, query: Iterable[tuple[str, str]] = ()) -> URL:
        """Where a path (percent-encoded) is, with the endpoint's query and this one."""
        return below(self._base, path, (*self._base.query.items(), *self._endpoint.query, *query))

    async def send(
        self,
        method: str,
        url: URL,
        body: bytes | None,
        headers: Mapping[str, str] | None = None,
        stream: Stream | BodyLines | None = None,
    ) -> Reply | Broken | HeldBack:
        """One request, and what came of it; nothing the network does is raised."""
        options: dict[str, Any] = {"headers": headers} if headers else {}
        begun = False
        post = None if headers or url is not self.completions else self._posting
        is_big = body is not None and len(body) > _BIG
        try:
            if post is not None and body is not None and not is_big:
                arrived = await post.send(body)
                begun = True
                try:
                    target = _target(url, arrived)
                    if target is None:
                        return await _read(arrived, stream, self._endpoint, self._looks)
                finally:
                    arrived.close()
                url = target
            for _ in range(_REDIRECTS):
                if self._posting is not None:
                    self._posting.lend()
                data = body if body is None or not is_big else io.BytesIO(body)
                request = self._session.request(
                    method, url, data=data, allow_redirects=False, **options
                )
                async with request as response:
                    begun = True
                    target = _target(url, response)
                    if target is None:
                        return await _read(response, stream, self._endpoint, self._looks)
                url = target
            return Broken("the server redirects in a circle")
        except _Held:
            return HeldBack()
        except (aiohttp.ClientError, TimeoutError, OSError) as failed:
            if begun and isinstance(failed, TimeoutError):
                return Broken(self._unfinished())
            return self._broken(failed)

    def _unfinished(self) -> str:
        name = self._endpoint.name
        return (
            f"the answer was not whole within {self._endpoint.timeout:g} s, the timeout of the "
            f"provider {name}; [provider.{name}] timeout = 3600 gives it longer"
        )

    def _broken(self, failed: Exception) -> Broken:
        """The words for everything that aiohttp raises."""
        unreached = self._unreached(failed)
        return Broken(self._lost(failed)) if unreached is None else Broken(unreached, True)

    def _unreached(self, failed: Exception) -> str | None:
        match failed:
            case aiohttp.ClientConnectorCertificateError():
                reason = getattr(failed.certificate_error, "verify_message", "")
                return f"the certificate of {self.host} is not valid: {reason}"
            case aiohttp.ClientConnectorDNSError():
                return (
                    f"no such host: {failed.host}; is the base_url right, and is there a network?"
                )
            case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
                return f"the proxy gives no connection to {self.host}"
            case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
                return f"connection refused by {self.host}; does the server run there?"
            case aiohttp.ClientConnectorSSLError():
                return f"{self.host} does not speak TLS as it should ({_reason(failed)}); {_HTTP}"
            case aiohttp.ClientConnectorError():
                return f"no connection to {self.host}: {failed.os_error}"
            case aiohttp.ConnectionTimeoutError():
                seconds = min(self._endpoint.connect_timeout, self._endpoint.timeout)
                return f"no connection to {self.host} within {seconds:g} s"
            case _:
                return None

    def _lost(self, failed: Exception) -> str:
        match failed:
            case TimeoutError():
                return f"no answer within {self._endpoint.timeout:g} s"
            case aiohttp.ServerDisconnectedError():
                return "the server closed the connection without an answer"
            case aiohttp.ClientPayloadError():
                return "the response was cut short"
            case aiohttp.ClientResponseError():
                return f"the response is not HTTP: {failed.message}"
            case ConnectionResetError() | BrokenPipeError():
                return "the connection was reset"
            case aiohttp.InvalidURL():
                return "the URL is not one that can be called"
            case _:
                return f"the connection broke: {failed}"


def below(base: URL, path: str, query: Iterable[tuple[str, str]] = ()) -> URL:
    """Where a path (percent-encoded) is below a base URL."""
    whole = base.raw_path.rstrip("/") + path
    return base.with_path(whole, encoded=True).with_query([*query])


_HTTP = "a server on your own machine mostly has a base_url that begins with http://"


def _reason(failed: aiohttp.ClientConnectorSSLError) -> str:
    """OpenSSL's words, without its places in its own source."""
    return str(getattr(failed.os_error, "reason", None) or failed.os_error)


@asynccontextmanager
async def open_wire(endpoint: Endpoint, held: Callable[[], bool]) -> AsyncIterator[HTTPWire]:
    """A wire to an endpoint, closed at the end; nothing is sent while `held()` is true."""
    base = _base(endpoint)
    proxy = _proxy(base)
    session = aiohttp.ClientSession(
        connector=_Connector(held, keepalive_timeout=_IDLE),
        headers=_headers(endpoint, base),
        timeout=aiohttp.ClientTimeout(
            total=endpoint.timeout, sock_connect=endpoint.connect_timeout
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=proxy,
    )
    async with session:
        wire = HTTPWire(session, base.with_user(None), endpoint, proxied=proxy is not None)
        with closing(wire):
            yield wire


class _Held(Exception):  # noqa: N818 - nothing is wrong
    """The connection is there, and nothing may be sent on it."""


class _Connector(aiohttp.TCPConnector):
    """Looks at the hold once more when the connection stands: making it takes time. How many there
    are is the client's to say.
    """

    def __init__(self, held: Callable[[], bool], *, keepalive_timeout: float) -> None:
        super().__init__(limit=0, keepalive_timeout=keepalive_timeout)
        self._held = held

    async def connect(self, *args: Any, **kwargs: Any) -> aiohttp.connector.Connection:
        connection = await super().connect(*args, **kwargs)
        if self._held():
            connection.release()
            raise _Held
        return connection


async def _read(
    response: aiohttp.ClientResponse | Arrived,
    stream: Stream | BodyLines | None,
    endpoint: Endpoint,
    looks: Looks,
) -> Reply | Broken:
    """The body, unpacked piece by piece: of an answer no more than the endpoint lets through, of an
    error its beginning.
    """
    most = endpoint.max_response_bytes
    status, headers, reason = response.status, response.headers, response.reason
    if status >= 300:
        pieces, _ = await _body(response, min(most, _MOST_OF_AN_ERROR))
        return Reply(status, headers, b"".join(pieces), reason)
    if isinstance(stream, BodyLines):
        async for piece in response.content.iter_any():
            if not await stream.feed(piece):
                response.close()
                return _too_large(endpoint)
        return Reply(status, headers, b"", reason)
    if stream is None or response.content_type.lower() != "text/event-stream":
        pieces, whole = await _body(response, most)
        return Reply(status, headers, b"".join(pieces), reason) if whole else _too_large(endpoint)
    left = most
    with looks.at(response.content) as look:
        while piece := await look.pieces():
            stream.feed(piece[:left])
            if stream.done:
                break
            left -= len(piece)
            if left < 0:
                response.close()
                stream.cut()
                return _too_large(endpoint)
    return Reply(status, headers, b"", reason, streamed=True)


async def _body(response: aiohttp.ClientResponse | Arrived, most: int) -> tuple[list[bytes], bool]:
    """No more than `most` bytes of a body, and whether that is all of it."""
    pieces: list[bytes] = []
    left, content = most, response.content
    if content.is_eof() and content.total_bytes <= most:
        return [content.read_nowait()], True
    while piece := await content.readany():
        pieces.append(piece[:left])
        left -= len(piece)
        if left < 0:
            response.close()
            break
        if content.at_eof():
            break
    return pieces, left >= 0


def _too_large(endpoint: Endpoint) -> Broken:
    most = endpoint.max_response_bytes
    said = f"the response is larger than {most:,} bytes; [provider.{endpoint.name}] "
    return Broken(f"{said}max_response_bytes = {_next(most)} lets more through", final=True)


def _next(most: int) -> int:
    return max(200_000_000, 2 * most)


def _target(url: URL, response: aiohttp.ClientResponse | Arrived) -> URL | None:
    """Where a redirect leads, if it is one and the key may go there."""
    if response.status not in (307, 308):
        return None
    location = response.headers.get("location")
    try:
        target = url.join(URL(location)) if location else None
    except ValueError:
        return None
    return target if target is not None and target.origin() == url.origin() else None


def sent_to(endpoint: Endpoint) -> str:
    """The origin that an endpoint's requests go to; RunnerError if that is no address."""
    base = _base(endpoint)
    host = base.raw_host or ""
    port = "" if base.is_default_port() else f":{base.port}"
    return f"{base.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _base(endpoint: Endpoint) -> URL:
    try:
        base = URL(endpoint.base_url)
        (base.raw_host or "").encode("idna")
        if base.scheme in ("http", "https") and base.host and not base.fragment:
            return base
    except ValueError:
        pass
    raise error(
        "Invalid base_url",
        f'The base_url of the provider "{endpoint.name}" is not an address that requests can be '
        "sent to. Write one such as https://api.openai.com/v1, to which /chat/completions is "
        "appended.",
    )


def _headers(endpoint: Endpoint, base: URL) -> CIMultiDict[str]:
    headers = CIMultiDict(
        {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "User-Agent": f"runner/{__version__}",
        }
    )
    if endpoint.key and endpoint.auth_header:
        headers[endpoint.auth_header] = endpoint.key
    elif endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    elif base.user:
        headers["Authorization"] = "Basic " + _base64(f"{base.user}:{base.password or ''}")
    if endpoint.organization:
        headers["OpenAI-Organization"] = endpoint.organization
    if endpoint.project:
        headers["OpenAI-Project"] = endpoint.project
    headers.update(CIMultiDict(endpoint.headers))
    for name, value in headers.items():
        if unsendable(name, value):
            raise _unsendable_header(endpoint, name)
    return headers


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def unsendable(name: str, value: str) -> bool:
    """Whether a header holds a character that HTTP cannot carry there."""
    return not name or any(c < " " or c == "\x7f" for c in name + value.replace("\t", ""))


def _unsendable_header(endpoint: Endpoint, name: str) -> RunnerError:
    return error(
        "Invalid header",
        f'The header {name!r} of the provider "{endpoint.name}" holds a line break or another '
        "control character, which HTTP does not allow. If the value is an API key read from a "
        "file, remove the line break at its end.",
    )


def _proxy(base: URL) -> str | None:
    """The proxy that the environment names for this host (`https_proxy`, `no_proxy`, ...)."""
    if is_loopback(str(base.origin())) or proxy_bypass(base.host or ""):
        return None
    return getproxies().get(base.scheme)
