"""The equal servers of a provider: which of them takes the next request."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from math import inf

from yarl import URL

from runner.io.providers.openai.limits import Gate
from runner.io.providers.openai.retry import delay
from runner.io.providers.openai.wire import Wire


@dataclass(slots=True, eq=False)
class Server:
    """The way to one of them, and what it lets out. One that fails is left out for a while, which
    grows as long as it goes on failing; one that refuses whoever asks is `dismissed`.
    """

    wire: Wire
    gate: Gate
    completions: URL = field(init=False)
    shown: str = field(init=False)  # that, as others may see it
    failures: int = 0
    left_out_until: float = 0.0
    dismissed: bool = False

    def __post_init__(self) -> None:
        self.completions = self.wire.completions
        self.shown = str(self.completions.with_query(None).with_user(None))

    def succeeded(self) -> None:
        """It answered."""
        self.failures = 0
        self.gate.succeeded()

    def failed(self, now: float) -> None:
        """It did not, and others may."""
        self.left_out_until = now + delay(self.failures, lambda: 1.0)
        self.failures += 1


class Servers:
    """All of them, at least one. A request goes to the least busy of those that take any now; among
    equals each has its turn.
    """

    def __init__(self, servers: tuple[Server, ...], now: Callable[[], float]) -> None:
        self.all = servers
        self.first = servers[0]
        self.several = len(servers) > 1
        self._now = now
        self._turn = 0

    def __len__(self) -> int:
        return len(self.all)

    def next(self, refused_by: Collection[object] = ()) -> Server:
        """The one for the next request, which some have refused already."""
        start, self._turn = self._turn, (self._turn + 1) % len(self.all)
        now = self._now()
        order = (*self.all[start:], *self.all[:start])
        return min(
            [*self._left(order, refused_by)] or order,
            key=lambda one: (_wait(one, now), one.gate.load),
        )

    def refused(self, server: Server, refused_by: Collection[object], *, all_else: bool) -> bool:
        """It refused a request for what is wrong with itself, `all_else` as well; whether there is
        one left that has not.
        """
        server.dismissed = server.dismissed or all_else
        self.failed(server)
        return any(self._left(self.all, refused_by))

    @property
    def is_over(self) -> bool:
        """Whether every one refuses whoever asks."""
        return all(one.dismissed for one in self.all)

    def _left(self, servers: Iterable[Server], refused_by: Collection[object]) -> Iterator[Server]:
        return (one for one in servers if not one.dismissed and one not in refused_by)

    @property
    def _at_work(self) -> list[Server]:
        return [one for one in self.all if not one.dismissed] or [*self.all]

    def others_take(self, server: Server) -> bool:
        """Whether another one than this takes requests now."""
        now = self._now()
        return any(_wait(one, now) == 0 for one in self.all if one is not server)

    def failed(self, server: Server) -> None:
        """A request to it failed; as long as it is the only one, there is no other to turn to."""
        if self.several:
            server.failed(self._now())

    @property
    def in_vain(self) -> float:
        """Seconds of the holds of each since it answered anything, of the one with the fewest."""
        return min(one.gate.in_vain for one in self._at_work)

    @property
    def limit(self) -> int:
        """How many requests may be under way at once, as they let it be now."""
        return sum(max(1, int(one.gate.limit)) for one in self._at_work)

    @property
    def in_flight(self) -> int:
        """How many requests are with them, or next to go."""
        return sum(one.gate.inside for one in self.all)

    def waiting(self, pausing: int) -> str | None:
        """What requests wait for, in words, with those that pause before another attempt."""
        texts = [one.gate.waiting() for one in self._at_work]
        text = texts[0] if all(texts) else None
        if text is None and pausing:
            text = f"{pausing} waiting to try again"
        if self._lowered():
            text = f"{f'{text}, ' if text else ''}no more than {self.limit} at a time"
        return text

    def stop(self) -> None:
        """Keep nobody waiting any more."""
        for one in self.all:
            one.gate.stopped = True

    def _lowered(self) -> bool:
        return any(one.gate.limit <= one.gate.maximum - 1 for one in self.all)


def _wait(server: Server, now: float) -> float:
    """Seconds for which nothing should be sent to it."""
    if server.dismissed:
        return inf
    return max(server.gate.hold_left(), server.left_out_until - now, 0.0)
