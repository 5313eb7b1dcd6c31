"""What goes out to a provider, and what comes back."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request of a chat completion, as it will be sent.

    `body` is the JSON body, byte for byte; `stream` says that it asks for server-sent events;
    `headers` come from the completion's `extra_headers`; `secrets` are values that no message
    or log may show.
    """

    address: str
    body: bytes
    stream: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """A response body, verbatim (assembled, if it was streamed), and what it took to get it.

    `mended` says that it is not verbatim, since no JSON could hold it so.
    """

    response: bytes
    duration_ms: int
    attempts: int
    request_id: str | None = None
    maybe_billed: int = 0  # earlier attempts whose fate is not known
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer; the server's own words where it spoke.

    `fatal` says that every other request of this provider would meet the same (a bad key, no
    money, no such host): the run stops. `maybe_billed` counts attempts that may have been billed.
    `halted`: nobody refused it, the run stopped before it was sent, or sent again.
    """

    message: str
    status: int | None = None
    type: str | None = None
    code: str | None = None
    request_id: str | None = None
    attempts: int = 1
    maybe_billed: int = 0
    fatal: bool = False
    halted: bool = False
