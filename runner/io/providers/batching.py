"""How a provider's requests go in batches, and what keeps account of them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from msgspec import Struct

from runner.core.state.sent_batches import SentBatch, SentLine


class Batching(Struct, frozen=True):
    """Times are in seconds: between looks at a batch, at first, and by how much the lists of a
    server may lag.
    """

    window: str = "24h"
    max_requests: int = 50_000
    max_bytes: int = 50_000_000
    purpose: str = "batch"
    url: str = "/v1/chat/completions"
    poll: float = 30.0
    settle: float = 60.0


class Journal(Protocol):
    """What is known of batches under way, durable before anything is sent."""

    def all(self) -> tuple[SentBatch, ...]:
        """Every one of them."""

    def lines(self, batch: SentBatch) -> Iterator[SentLine]:
        """The requests of one."""

    def begin(self, batch: SentBatch, lines: Iterable[SentLine]) -> None:
        """One will be sent."""

    def note(self, batch: SentBatch) -> None:
        """It got further."""

    def close(self, batch: SentBatch) -> None:
        """Nothing is awaited of it any more."""


class BatchOf(Struct, frozen=True):
    """Whose batches they are; `max_retries` is how often a request goes into another one."""

    provider: str
    identity: str
    max_retries: int = 5


class BatchRun(Struct, frozen=True):
    """How a run goes about them: whether it `waits` for their ends, and `joins` those that are
    under way. `holds` says whether the cache has the answers of these keys.
    """

    journal: Journal
    owner: str
    holds: Callable[[Iterable[str]], bool]
    waits: bool = True
    joins: bool = True
