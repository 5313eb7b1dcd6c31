"""One request on its way to an answer: what it took so far, when it goes out again, how it ends."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from yarl import URL

from runner.core.api.exchange import Failure
from runner.io.providers.endpoint import Endpoint
from runner.io.providers.openai.bodies import readable
from runner.io.providers.openai.outcomes import Bad, request_id
from runner.io.providers.openai.retry import Verdict, delay

_SHORTEST_WAIT = 1.0  # what a named wait counts at least, so that there is an end to them
LONGEST = 1200.0  # seconds of attempts after which none is begun again: twenty minutes
_LONG_ENOUGH = 8  # a shorter header value is not a secret, and redacting it would eat the message


@dataclass(slots=True)
class Job:
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
    answered_before: int = 0
    attempts: int = 0
    retries: int = 0
    waited: float = 0.0  # seconds of the waits that the server named
    spent: float = 0.0  # seconds that its attempts took
    maybe_billed: int = 0
    moved: int = 0  # times that it went to another server without a pause

    def moves(self, servers: int) -> bool:
        """Whether it goes to another one of so many servers at once; each is tried but once before
        it pauses.
        """
        self.moved = (self.moved + 1) % servers
        return self.moved > 0

    def pause(
        self, verdict: Verdict, endpoint: Endpoint, jitter: Callable[[], float]
    ) -> float | None:
        """Seconds until it is sent again; None if it is not."""
        if verdict.action in ("fail", "fatal") or asks_too_long(verdict, endpoint):
            return None
        wait = verdict.wait or 0.0
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

    def failure(self, bad: Bad, verdict: Verdict, endpoint: Endpoint) -> Failure:
        """What it fails with once the server's error is the end of it."""
        said = bad.said
        message = said.message
        late = asks_too_long(verdict, endpoint)
        if verdict.wait is not None and (late or verdict.action == "wait"):
            message += f" (the server asks to wait {verdict.wait:g} s, longer than max_wait allows)"
        if said.status == 401 and endpoint.key is None:
            message += (
                " (no key was sent: name the variable that holds one for this host, "
                'api_key_env = "..", in its provider)'
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
        )

    def told(self, failure: Failure, secrets: tuple[str, ...]) -> Failure:
        """The failure with what the request took, and without `secrets` and its own."""
        sent = secret_values((self.headers or {}).values())
        message = readable(failure.message, (*secrets, *self.secrets, *sent))
        return self.counted(replace(failure, message=message))

    def counted(self, failure: Failure) -> Failure:
        """The failure with what the request took."""
        return replace(failure, attempts=self.attempts, maybe_billed=self.maybe_billed)


def asks_too_long(verdict: Verdict, endpoint: Endpoint) -> bool:
    """Whether the server names a wait that max_wait does not allow."""
    return verdict.wait is not None and verdict.wait > endpoint.max_wait


def secret_values(values: Iterable[str]) -> tuple[str, ...]:
    """Of the values of headers and queries, those that nothing may show."""
    return tuple(value for value in values if len(value) >= _LONG_ENOUGH)
