"""What goes out to a provider, and what comes back."""

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from runner.core.state.records import Record
from runner.errors import sentence


class Watch(Protocol):
    """Who looks on while one request is carried out, told where it is carried out."""

    def sends(self, at: str) -> Mapping[str, str]:
        """An attempt goes out, to this address; the headers that it has besides its own."""

    def ended(self, status: int | None, fault: str | None) -> None:
        """What came of it: the status of a response, if there was one, and in a word what was
        wrong, if anything was. With neither it was not sent after all.
        """


class Outgoing(Struct, frozen=True):
    """One request of a chat completion, as it will be sent.

    `body` is the JSON body, byte for byte; `stream` says that it asks for server-sent events;
    `headers` come from the completion's `extra_headers`; `secrets` are values that no message
    or log may show. `watch` is told of its attempts.
    """

    address: str
    body: bytes
    stream: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    watch: Watch | None = None


class Answered(Struct, frozen=True):
    """A response body, verbatim (assembled, if it was streamed), and what it took to get it.

    `mended` says that it is not verbatim, since no JSON could hold it so. `first_ms` is when its
    first token came, of one that was streamed. `value` is what `response` says, where it was read;
    `batch` is the id of the batch that it came in.
    """

    response: bytes
    duration_ms: int
    attempts: int
    request_id: str | None = None
    maybe_billed: int = 0  # earlier attempts whose fate is not known
    mended: bool = False
    first_ms: int | None = None
    value: Any = None
    batch: str | None = None


class Failure(Struct, frozen=True):
    """Why there is no answer; the server's own words where it spoke.

    `fatal` says that every other request of this provider would meet the same (a bad key, no
    money, no such host): the run stops. Without `attempts` nothing was sent: what is wrong is in
    the project. `maybe_billed` counts attempts that may have been billed.
    `halted`: nobody refused it, it was not sent, or not sent again, for what `message` says; or it
    is `under_way` in the batch of this id, and was not waited for.
    `hint` says in full sentences who was asked and what to look at. `pointless` says that every
    other request for the same model of this provider would meet the same.
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
    hint: str | None = None
    pointless: bool = False
    under_way: str | None = None

    @property
    def in_full(self) -> str:
        """The message, and what else is known, in sentences."""
        return self.message if self.hint is None else f"{sentence(self.message)} {self.hint}"


class LeftRequest(Protocol):
    """A request that waits elsewhere, where nobody is connected for as long as it is not answered.

    `body` and `secrets` as in `Outgoing`; `key` is where the cache will hold its answer: which
    request it is.
    """

    @property
    def body(self) -> bytes:
        """The JSON body, byte for byte."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may show."""

    @property
    def key(self) -> str:
        """The key of its answer."""

    def draft(self) -> Record:
        """The record that it will have, still without its answer."""

    def take(self, result: Answered | Failure | Exception) -> Awaitable[object] | None:
        """What came of it, told once. What comes back is done when the answer is kept; an Exception
        is a fault of this program, or of this machine.
        """


def spared(address: str) -> str:
    """Why a request is not sent that would meet what `address` has met."""
    return f"it would have failed as {address} did"
