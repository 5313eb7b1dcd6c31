"""Where a provider's requests go, and under which limits; everything already resolved."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from runner.core.api.exchange import Answered, Failure, Outgoing
from runner.core.plan.events import Writing

MAX_RESPONSE_BYTES = 64_000_000
_SHORTEST = 4  # characters: a shorter text is part of too many words to be looked for

Say = Callable[[str], None]
"""Where a provider that takes long to open tells whoever waits what it does."""

TakeLines = Callable[[Sequence[bytes]], Awaitable[object]]
"""Takes some lines of a body; more is read when it is done with them."""


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """One OpenAI-compatible endpoint; its text form never shows the key, a header or a query.

    `base_url` is a prefix to which `/chat/completions` is appended. `key_name` is the variable that
    the key is from, for whoever reads an error. `auth_header` names the
    header that carries the key as it is (Azure's `api-key`); without it, the key goes as
    `Authorization: Bearer`. Times are in seconds: `timeout` for one attempt, streamed or not,
    `connect_timeout` for its connection, `max_wait` for all the waits that the server names to
    one request. `max_response_bytes` is the most of a response, unpacked. `tokens_per_minute`
    counts what a request may use at most until the answer says what it used. `others` are equal
    servers that its requests are spread over as well, each within its own limits.
    """

    name: str
    base_url: str
    key: str | None = None
    key_name: str | None = None
    auth_header: str | None = None
    organization: str | None = None
    project: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    timeout: float = 600
    connect_timeout: float = 10
    max_retries: int = 5
    max_response_bytes: int = MAX_RESPONSE_BYTES
    concurrency: int = 32
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    max_wait: float = 600
    others: tuple["Endpoint", ...] = ()

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r})"


class ServerCall(Struct, frozen=True):
    """What is asked of a server besides completions. `path` is percent-encoded, `query` is not.

    Without `repeat` it is sent once, whatever comes of it. With `take`, the response is no JSON:
    its lines are handed out as they come, from the first again if it is asked for again.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    repeat: bool = True
    take: TakeLines | None = None


class OpenEndpoint(Protocol):
    """Who answers at an endpoint, for as long as it is open."""

    @property
    def limit(self) -> int:
        """How many requests may be under way at once, as the server lets it be now."""

    @property
    def waiting(self) -> str | None:
        """What requests wait for, in words (`rate limited, 12 s`), or None."""

    @property
    def max_response_bytes(self) -> int:
        """The most of one response, and of all the pages of one list."""

    @property
    def elsewhere(self) -> Literal[False]:
        """A request is in flight for as long as it is not answered."""

    def halt(self) -> None:
        """Send nothing more."""

    async def complete(self, out: Outgoing) -> Answered | Failure:
        """The answer to a completion, or why there is none."""

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
    ) -> Answered | Failure:
        """The response to another request below the base URL."""

    async def ask(self, call: ServerCall) -> Answered | Failure:
        """As `call`, for what is not JSON, or must not be repeated. A Failure that `maybe_billed`
        may have been done all the same.
        """


class Connect(Protocol):
    """Opens an endpoint. `tell` hears each new piece of a streamed answer."""

    def __call__(
        self, endpoint: Endpoint, *, tell: Callable[[Writing], None] | None = None
    ) -> AbstractAsyncContextManager[OpenEndpoint]:
        """Open until the end of the context; RunnerError if the endpoint cannot be used."""


def url_secrets(url: str) -> tuple[str, ...]:
    """What a URL holds that nobody may see: who asks, with which password, and its query. A user's
    name beside a password is none.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # no address: nothing is sent there
        return ()
    asks = parts.username if parts.password is None else parts.password
    values = [value for _, value in parse_qsl(parts.query)]
    found = (asks or "", unquote(asks or ""), *values)
    return tuple(dict.fromkeys(text for text in found if len(text) >= _SHORTEST))
