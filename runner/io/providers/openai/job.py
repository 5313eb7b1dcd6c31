"""One request on its way to an answer: what it took so far, when it goes out again, how it ends."""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace
from yarl import URL

from runner.core.api.exchange import Failure, Watch
from runner.core.plan.estimate import foreseen
from runner.io.providers.endpoint import Endpoint, TakeLines
from runner.io.providers.openai.advice import About, about, advice, who_was_asked
from runner.io.providers.openai.bodies import Said, readable
from runner.io.providers.openai.lengths import excess, is_too_long
from runner.io.providers.openai.outcomes import Bad, request_id
from runner.io.providers.openai.retry import Verdict, delay
from runner.io.providers.openai.waits import grown

_SHORTEST_WAIT = 1.0  # what a named wait counts at least, so that there is an end to them
LONGEST = 1200.0  # seconds of attempts after which none is begun again: twenty minutes
_LONG_ENOUGH = 8  # a shorter header value is not a secret, and redacting it would eat the message


class Job(Struct):
    """`address` is the completion's; of any other request, its path."""

    address: str
    method: str
    url: URL
    body: bytes | None
    headers: Mapping[str, str] | None = None
    secrets: tuple[str, ...] = ()
    tokens: int = 0
    streamed: bool = False
    completion: bool = False
    repeat: bool = True
    take: TakeLines | None = None  # hears the lines of what is no JSON
    answered_before: int = 0
    watch: Watch | None = None
    attempts: int = 0
    retries: int = 0
    waited: float = 0.0  # seconds of the waits that the server named
    waits: int = 0  # how many of them
    spent: float = 0.0  # seconds that its attempts took
    first: float | None = None  # when the first token of this attempt came, if it is streamed
    maybe_billed: int = 0
    refused_by: list[object] = []  # servers, for what they are
    moved: int = 0  # times that it went to another server without a pause

    def moves(self, servers: int) -> bool:
        """Whether it goes to another one of so many servers at once; each is tried but once before
        it pauses.
        """
        self.moved = (self.moved + 1) % servers
        return self.moved > 0

    def pause(
        self,
        verdict: Verdict,
        endpoint: Endpoint,
        jitter: Callable[[], float],
        held: float = 0.0,
    ) -> float | None:
        """Seconds until it is sent again, `held` of them with all others; None if it is not."""
        if verdict.action in ("fail", "fatal") or asks_too_long(verdict, endpoint):
            return None
        wait = verdict.wait or 0.0
        if verdict.wait is not None:
            self.waits += 1
            wait = max(held, grown(wait, self.waits))
        if verdict.wait is not None or verdict.action == "wait":
            self.waited += max(wait, _SHORTEST_WAIT)
            if self.waited > endpoint.max_wait:
                return None
        return wait if verdict.action == "wait" else self.retry(endpoint, jitter, wait)

    def retry(
        self, endpoint: Endpoint, jitter: Callable[[], float], wait: float = 0.0
    ) -> float | None:
        """As `pause`, for an attempt that is counted against max_retries."""
        if self.retries >= endpoint.max_retries or self.is_late(endpoint):
            return None
        self.retries += 1
        return delay(self.retries - 1, jitter, wait)

    def is_late(self, endpoint: Endpoint) -> bool:
        """Whether its attempts took so long that nobody would expect another one: with the
        defaults, two that ended in a timeout.
        """
        return self.spent >= max(LONGEST, 2 * endpoint.timeout)

    def failure(
        self, bad: Bad, verdict: Verdict, endpoint: Endpoint, *, answered: bool = False
    ) -> Failure:
        """What it fails with once the server's error is the end of it; `answered` says that other
        requests were.
        """
        said = bad.said
        message = said.message
        late = asks_too_long(verdict, endpoint)
        if verdict.wait is not None and late:
            message += f" (the server asks to wait {verdict.wait:g} s, longer than max_wait allows)"
        elif verdict.action == "wait":
            message += (
                f" (the server named {self.waits} waits one after the other, {self.waited:g} s "
                "with the last, longer than max_wait allows)"
            )
        topic = self._topic(bad)
        hint = (
            None if topic is None else f"{self.asked(endpoint)} {advice(topic, endpoint, self.url)}"
        )
        fatal = verdict.action == "fatal" or (late and verdict.hold)
        if not self.completion and said.status == 403:
            fatal = False  # a restricted key may be good for completions and for nothing else
        return Failure(
            message=message,
            status=said.status,
            type=said.type,
            code=said.code,
            request_id=request_id(bad.headers),
            fatal=fatal,
            hint=hint or self._length(said),
            pointless=topic == "model" or (topic == "path" and not answered),
        )

    def asked(self, endpoint: Endpoint) -> str:
        """Who was asked, where, and with whose key."""
        return who_was_asked(endpoint, self.method, self.url)

    def _length(self, said: Said) -> str | None:
        """By how much it is too long, if that is what is wrong with it."""
        if not self.completion or not is_too_long(said):
            return None
        tokens = excess(said.message)
        if tokens is not None:
            return f"That is {tokens:,} tokens too many."
        return (
            f"The runner reckons it at about {foreseen(self.body or b'{}'):,} tokens, what may be "
            "answered among them."
        )

    def _topic(self, bad: Bad) -> About | None:
        """Of another request than a completion, a 404 says that what it names is not there."""
        topic = about(bad.said)
        return topic if self.completion or topic == "key" else None

    def told(self, failure: Failure, secrets: tuple[str, ...]) -> Failure:
        """The failure with what the request took, and without `secrets` and its own."""
        sent = secret_values((self.headers or {}).values())
        every = (*secrets, *self.secrets, *sent)
        hint = None if failure.hint is None else readable(failure.hint, every)
        told = replace(failure, message=readable(failure.message, every), hint=hint)
        return self.counted(told)

    def counted(self, failure: Failure) -> Failure:
        """The failure with what the request took."""
        return replace(failure, attempts=self.attempts, maybe_billed=self.maybe_billed)


def asks_too_long(verdict: Verdict, endpoint: Endpoint) -> bool:
    """Whether the server names a wait that max_wait does not allow."""
    return verdict.wait is not None and verdict.wait > endpoint.max_wait


def secret_values(values: Iterable[str]) -> tuple[str, ...]:
    """Of the values of headers and queries, those that nothing may show."""
    return tuple(value for value in values if len(value) >= _LONG_ENOUGH)
