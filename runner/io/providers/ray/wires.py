"""The way to a server, or to a model, that a worker asks: a wire like any other."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Literal

from yarl import URL

from runner.io.providers.endpoint import Endpoint
from runner.io.providers.openai.lines import BodyLines
from runner.io.providers.openai.stream import Stream
from runner.io.providers.openai.wire import Broken, HeldBack, OpenWire, Reply, below
from runner.io.providers.ray.pool import Pool
from runner.io.providers.ray.travelling import COMPLETIONS, Remote, RemoteRequest


class RemoteWire:
    """Hands requests to a pool. The endpoint's own query is added where they are sent."""

    def __init__(self, pool: Pool, remote: Remote, base: URL) -> None:
        self._pool, self._remote, self._base = pool, remote, base
        self._prefix = len(base.raw_path.rstrip("/"))
        self.completions = self.url(COMPLETIONS)

    def url(self, path: str, query: Iterable[tuple[str, str]] = ()) -> URL:
        """Where a path (percent-encoded) is, with this query."""
        return below(self._base, path, query)

    async def send(
        self,
        method: str,
        url: URL,
        body: bytes | None,
        headers: Mapping[str, str] | None = None,
        stream: Stream | BodyLines | None = None,
    ) -> Reply | Broken | HeldBack:
        """One request, and what came of it; RunnerError where no worker can ask there."""
        asked = RemoteRequest(
            method,
            url.raw_path[self._prefix :],
            tuple(url.query.items()),
            body,
            tuple((headers or {}).items()),
            _sink(stream),
            stream.choices if isinstance(stream, Stream) else 1,
        )
        is_whole = True

        async def feed(piece: bytes) -> None:
            nonlocal is_whole
            match stream:
                case Stream():
                    stream.feed(piece)
                case BodyLines():
                    is_whole = is_whole and await stream.feed(piece)
                case None:
                    pass

        reply = await self._pool.exchange(self._remote, asked, feed)
        if not is_whole:
            return Broken("a line of the response is too long", final=True)
        if isinstance(stream, Stream) and isinstance(reply, Broken) and reply.final:
            stream.cut()
        return reply


def _sink(stream: Stream | BodyLines | None) -> Literal["events", "lines"] | None:
    match stream:
        case None:
            return None
        case Stream():
            return "events"
        case BodyLines():
            return "lines"


def remote_wires(pool: Pool, remote_of: Callable[[Endpoint], Remote]) -> OpenWire:
    """Ways by a pool; `remote_of` says what of an endpoint travels."""

    @asynccontextmanager
    async def opened(endpoint: Endpoint, _: Callable[[], bool]) -> AsyncIterator[RemoteWire]:
        base = URL(endpoint.base_url).with_user(None).with_query(None)
        yield RemoteWire(pool, remote_of(endpoint), base)

    return opened
