"""How many requests may be on their way, and when the next one may leave."""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from msgspec import Struct

from runner.io.providers.openai.waits import go_duration, grown

_BURST = 0.1  # seconds' worth of a rate that may go at once, so that a late wake-up costs nothing
_LONGEST_CORRECTION = 60.0
_MOST_MINUTES = 10  # of a rate that one answer may use up
_LOOK_AGAIN = 1.0  # seconds after which a wait is reckoned anew: answers may have corrected it
_NOTHING = 1e-6


class Bucket(Struct):
    """A smooth rate: `per_minute` units, of which hardly more than one instant's go at once."""

    per_minute: float
    kind: Literal["requests", "tokens"]  # as in the names of the headers
    level: float = 0.0
    updated: float | None = None

    def take(self, amount: float, now: float) -> None:
        """Take an amount; more than there is becomes a debt, for the next one to wait for."""
        self._refill(now)
        self.level -= amount

    def wait(self, now: float) -> float:
        """Seconds until the debt is paid."""
        self._refill(now)
        return max(0.0, -self.level * 60 / self.per_minute)

    def correct(self, headers: Mapping[str, str], now: float) -> None:
        """Follow the server's own count where it is the stricter one (`x-ratelimit-*`)."""
        self._refill(now)
        remaining = go_duration(headers.get(f"x-ratelimit-remaining-{self.kind}", ""))
        reset = go_duration(headers.get(f"x-ratelimit-reset-{self.kind}", ""))
        limit = go_duration(headers.get(f"x-ratelimit-limit-{self.kind}", ""))
        if limit:
            self.per_minute = min(self.per_minute, limit)
        if remaining is None or not reset:
            return
        self.level = min(self.level, remaining)
        if remaining == 0:
            # `reset` is when all of the limit is back; one part of it is back earlier.
            pause = min(reset / limit if limit else reset, _LONGEST_CORRECTION)
            self.level = min(self.level, -pause * self.per_minute / 60)

    def _refill(self, now: float) -> None:
        if self.updated is not None:
            rate = self.per_minute / 60
            self.level = min(rate * _BURST, self.level + (now - self.updated) * rate)
        self.updated = now


class Gate:
    """Lets requests out: a concurrency that follows the server, shared holds, and rates.

    Every request enters before it is sent and leaves when its outcome is known. The concurrency
    falls with each rate-limited outcome (a full round of them halves it) and grows by an eighth of
    its maximum with each full round of successes. Entry is in order of arrival.
    """

    def __init__(
        self,
        concurrency: int,
        buckets: tuple[Bucket, ...],
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self.maximum = max(1, concurrency)
        self.limit = float(self.maximum)
        self.inside = 0
        self.stopped = False
        self.in_vain = 0.0  # seconds of holds since something was answered
        self._holds = 0
        self._step = max(1.0, self.maximum / 8)
        self._held_until = 0.0
        self._held = False
        self._queue: deque[asyncio.Future[None]] = deque()
        self._turn = asyncio.Lock()
        self._buckets = buckets
        self._now = now
        self._sleep = sleep

    def enter_at_once(self) -> bool:
        """Enter if nothing stands in the way; the cheap way for the common case."""
        if self._held or self._buckets or self._queue or self.inside >= int(self.limit):
            return False
        self.inside += 1
        return True

    async def enter(self, tokens: float) -> None:
        """Wait for a place, for the end of a hold, and for the rates; then be inside.

        A gate that was stopped keeps nobody waiting but for a place.
        """
        while True:
            await self._end_of_hold()
            await self._place()
            try:
                if await self._rates(tokens):
                    return
            except BaseException:
                self.leave()
                raise
            self.leave()

    def leave(self) -> None:
        """Free the place, for the first in the queue."""
        self.inside -= 1
        self._admit()

    def succeeded(self) -> None:
        """An answer came: more may be sent at a time."""
        self.in_vain, self._holds = 0.0, 0
        if self.limit < self.maximum:
            self.limit = min(float(self.maximum), self.limit + self._step / self.limit)
            self._admit()

    def limited(self) -> None:
        """The server said that these are too many."""
        self.limit = max(1.0, self.limit - 0.5)

    def hold(self, seconds: float) -> float:
        """Let nothing out for this long, or for longer where hold follows hold and nothing is
        answered in between. A longer hold stands. Gives the seconds that are left of it.
        """
        now = self._now()
        begun = now
        if self.held():
            begun = self._held_until
        else:
            self._holds += 1
        self._held_until = max(now + grown(seconds, self._holds), begun)
        self._held = True
        self.in_vain += self._held_until - begun
        return self._held_until - now

    def held(self) -> bool:
        """Whether nothing may be sent now."""
        if self._held and (self.stopped or self._now() >= self._held_until):
            self._held = False
        return self._held

    def hold_left(self) -> float:
        """Seconds for which nothing may be sent yet."""
        return self._held_until - self._now() if self.held() else 0.0

    @property
    def load(self) -> float:
        """How busy it is: those inside and in the queue, for each that may be inside."""
        return (self.inside + len(self._queue)) / max(1, int(self.limit))

    def correct(self, headers: Mapping[str, str]) -> None:
        """Follow the `x-ratelimit-*` of a response."""
        now = self._now()
        for bucket in self._buckets:
            bucket.correct(headers, now)

    def used(self, estimate: float, tokens: float) -> None:
        """Take the tokens that an answer used instead of those that were foreseen.

        A count of less than nothing, or of more than minutes at this rate, is not believed: it
        would let everything through, or hold every other request for ever.
        """
        for bucket in self._buckets:
            most = max(estimate, _MOST_MINUTES * bucket.per_minute)
            if bucket.kind == "tokens" and 0 <= tokens <= most:
                bucket.take(tokens - estimate, self._now())

    def waiting(self) -> str | None:
        """What keeps requests from being sent, in words, with the seconds left."""
        if self.held():
            return f"rate limited, {math.ceil(self._held_until - self._now())} s"
        for bucket in self._buckets:
            wait = bucket.wait(self._now())
            if wait >= 1:
                return f"{bucket.kind}_per_minute, {math.ceil(wait)} s"
        return None

    @property
    def rated(self) -> bool:
        """Whether a rate is kept."""
        return bool(self._buckets)

    async def _end_of_hold(self) -> None:
        while self.held():
            await self._sleep(self._held_until - self._now())

    async def _place(self) -> None:
        if not self._queue and self.inside < int(self.limit):
            self.inside += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise

    def _admit(self) -> None:
        while self._queue and self.inside < int(self.limit):
            place = self._queue.popleft()
            if not place.done():
                self.inside += 1
                place.set_result(None)

    async def _rates(self, tokens: float) -> bool:
        """Wait for the rates, one after the other, and take from them; False if a hold began."""
        async with self._turn:
            while not self.stopped and not self.held() and (wait := self._debt()) > _NOTHING:
                await self._sleep(min(wait, _LOOK_AGAIN))
            if self.held():
                return False
            for bucket in self._buckets:
                bucket.take(1 if bucket.kind == "requests" else tokens, self._now())
            return True

    def _debt(self) -> float:
        now = self._now()
        return max((bucket.wait(now) for bucket in self._buckets), default=0.0)
