"""What an apply is given, and what it gives back: the ways out as functions, and the outcome."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, Protocol

from msgspec import Struct

from runner.core.api.exchange import Answered, Failure, LeftRequest, Outgoing, Watch
from runner.core.expansion.session import Instance, Session
from runner.core.plan.actions import Issue
from runner.core.plan.events import Done, Event, How
from runner.core.plan.walk import Vertex
from runner.core.request.build import Request
from runner.core.request.provider import Provider
from runner.core.request.server_store import cached
from runner.core.state.cache_entry import Owner
from runner.core.state.records import Lane, Record
from runner.errors import RunnerError


class Client(Protocol):
    """What an apply asks of a provider."""

    @property
    def elsewhere(self) -> Literal[False]:
        """Its requests are in flight for as long as they are not answered."""

    async def complete(self, out: Outgoing) -> Answered | Failure:
        """Issue one request."""

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""

    def halt(self) -> None:
        """Send nothing more, also not what waits to be sent again."""


class ClientElsewhere(Protocol):
    """A provider whose requests wait at the server, not in flight: how many may is its own `limit`
    alone.
    """

    @property
    def elsewhere(self) -> Literal[True]:
        """As it is called."""

    def leave(self, out: LeftRequest) -> None:
        """One request; it is told what comes of it."""

    @property
    def limit(self) -> int:
        """How many requests may wait there now."""

    def has_told(self, wake: Callable[[], None]) -> bool:
        """Whether all its answers are handed out; if not, `wake` is called once they are."""

    def rest(self) -> None:
        """All that is in flight waits elsewhere, and nothing can start before some of it is
        answered: what was given is all that comes for now.
        """

    def halt(self) -> None:
        """Send nothing more, and wait for nothing: each request is told so."""


AnyClient = Client | ClientElsewhere


Way = tuple[str, Lane]
"""A provider, and how its requests travel."""


class Refusal(Struct, frozen=True):
    """Why a request must not be sent. One that is `passing` may be once what is in flight has
    ended; any other ends the run.
    """

    why: str
    passing: bool = False


Fetch = Callable[[str, int], Awaitable[bool]]  # of a fingerprint and a sample


class Doors(Struct, frozen=True):
    """The ways out, as functions. `connect` opens a provider when its first request is due."""

    connect: Callable[[str, Lane], Awaitable[AnyClient]]
    save: Callable[[str, bytes], Awaitable[None]]
    rescue: Callable[[list[Record]], str]  # where the answers went that could not be saved
    read: Callable[[str, str, bytes, bool], Awaitable[Answered | Failure]]  # True: was just stored
    update: Callable[[str, str, bytes], Awaitable[Answered | Failure]]
    delete: Callable[[str, str], Awaitable[Answered | Failure]]
    checkpoint: Callable[[Mapping[str, Record]], Awaitable[None]]
    now: Callable[[], str]
    tell: Callable[[Event], None]
    may_start: Callable[[Request, Lane], "Refusal | None"] = lambda *_: None
    lane: Callable[[Instance, Issue, Provider], Lane] = lambda *_: "live"
    # Comes before the first request whose answer a server stores: whose that is has to last.
    begin: Callable[[], None] = lambda: None
    lost: Callable[[], str | None] = lambda: None  # why nothing may be begun any more: the lock
    # A request ended, with an answer or none, and this many attempts that may have been billed.
    settled: Callable[[Request, Record | None, int], None] = lambda *_: None
    # Looks farther away for the answer to a request that nobody here has; whether it is here now.
    fetch: Fetch | None = None
    # Who looks on while a request is carried out, if anybody does.
    watch: Callable[[Vertex, Issue, Request], Watch] | None = None
    # The key and the bytes by which `save` keeps an answer.
    entry: Callable[[Record, Owner | None], tuple[str, bytes]] = cached


class Limits(Struct, frozen=True):
    """How an apply behaves. Every `checkpoint_every` seconds, what the cache did not take goes into
    the state.
    """

    concurrency: int = 32
    fail_fast: bool = False
    # These and the project's, which grow as expressions read the environment.
    secrets: Callable[[tuple[str, ...]], tuple[str, ...]] = tuple
    checkpoint_every: float = 60.0
    stream: bool | str = False  # tell each answer while it is written, or that of one address
    any_answer: bool = False  # none is refused, whatever its block asks of it


class Outcome(Struct):
    """What an apply did. `records` is the new state's; `stopped` says why it ended early."""

    records: dict[str, Record]
    session: Session
    done: dict[str, How] = {}
    failed: dict[str, Failure] = {}
    skipped: dict[str, str] = {}
    issued: dict[str, Record] = {}
    warnings: dict[str, str] = {}
    under_way: dict[str, str] = {}  # address -> the batch it waits in
    kept_back: int = 0  # dependents whose request came out the same
    maybe_billed: int = 0
    stopped: str | None = None
    rescued: str | None = None
    unsaved: RunnerError | None = None  # there was no place to rescue answers to
    interrupted: bool = False

    @property
    def tally(self) -> dict[str, int]:
        """How often what was done."""
        return {**Counter(self.done.values())}

    def finish(
        self,
        tell: Callable[[Event], None],
        address: str,
        how: How,
        record: Record | None = None,
        warning: str | None = None,
        maybe_billed: int = 0,
    ) -> None:
        """Something is done: note it, and tell it."""
        self.done[address] = how
        if warning is not None:
            self.warnings[address] = warning
        tell(Done(address, how, record, warning, maybe_billed))
