"""What goes from a run to a worker, and what comes back."""

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

from runner.errors import Problem
from runner.io.providers.endpoint import Endpoint
from runner.io.providers.openai.wire import Broken, HeldBack, Reply

COMPLETIONS = "/chat/completions"
"""Where completions are asked for, below a base URL."""


class RemoteServer(Struct, frozen=True):
    """A server that workers reach. The endpoint has no key: that is in the variable of its
    `key_name`, as whoever works there finds it by `surroundings`, and has to be there if it
    `needs_key`.
    """

    endpoint: Endpoint
    surroundings: Callable[[], Mapping[str, str]]
    needs_key: bool = True

    @property
    def name(self) -> str:
        """One for each server of a provider."""
        return f"{self.endpoint.name} {self.endpoint.base_url}"

    def slots(self, workers: int) -> int:
        """How many requests each of so many workers is given at once, at most."""
        return -(-self.endpoint.concurrency // workers)

    @property
    def is_free(self) -> bool:
        """Whether nobody pays for what is done twice."""
        return False


class RemoteModel(Struct, frozen=True):
    """A model that runs where the worker is: the file of this digest, at `path` of each node, or
    the default one.
    """

    provider: str
    digest: str
    path: str | None = None
    threads: int = 1
    offline: bool = False
    is_free: bool = True

    @property
    def name(self) -> str:
        """One for each model."""
        return self.provider

    def slots(self, _: int) -> int:
        """One that is answered, and one that is at hand when it is."""
        return 2


Remote = RemoteServer | RemoteModel


class RemoteRequest(Struct, frozen=True):
    """One request below a base URL: `path` is percent-encoded, `query` is not. With `sink`, what
    comes is handed out in pieces: `events` of so many `choices`, or `lines`.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    sink: Literal["events", "lines"] | None = None
    choices: int = 1


class Unable(Struct, frozen=True):
    """A worker cannot ask there at all, for what is wrong where it is."""

    problems: tuple[Problem, ...]


RemoteEnd = Reply | Broken | HeldBack | Unable
RemoteEvent = tuple[int, bytes | RemoteEnd]
"""A piece of the response to the request of that number in its chunk, or its end."""


class Introduced(Struct, frozen=True):
    """What a worker says of itself: its version of the runner, and the name of its machine."""

    version: str
    node: str
