"""Sends completions to an OpenAI-compatible endpoint until there is an answer or none to be had."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

import orjson
from msgspec.structs import replace

from runner.core.api.exchange import Answered, Failure, Outgoing, Watch
from runner.core.plan.estimate import foreseen
from runner.core.plan.events import Writing
from runner.io.providers.endpoint import Endpoint, ServerCall, url_secrets
from runner.io.providers.openai import bodies
from runner.io.providers.openai.job import Job, asks_too_long, secret_values
from runner.io.providers.openai.limits import Bucket, Gate
from runner.io.providers.openai.lines import BodyLines
from runner.io.providers.openai.outcomes import (
    Bad,
    Good,
    judged,
    redirected,
    request_id,
    streamed,
)
from runner.io.providers.openai.pace import Pace
from runner.io.providers.openai.retry import classify
from runner.io.providers.openai.servers import Server, Servers
from runner.io.providers.openai.showing import Showing, unheard_writing
from runner.io.providers.openai.stream import Stream
from runner.io.providers.openai.wire import Broken, HeldBack, OpenWire, open_wire, unsendable

_LOG = logging.getLogger(__name__)

_Attempted = Good | Bad | Broken | HeldBack | Failure


class OpenAIClient:
    """One provider, of one server or several equal ones, for as many requests at a time as one
    likes: it lets out what their limits allow.

    `attempts` counts the requests sent, `answered` the answers, since the client was opened.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        servers: Servers,
        pace: Pace,
        tell: Callable[[Writing], None] | None,
    ) -> None:
        self.attempts = 0
        self.answered = 0
        self._endpoint = endpoint
        self._servers = servers
        self._rated = servers.first.gate.rated
        self._pace = pace
        self._tell = tell
        self._pausing = self._asking = 0
        self._stopped: Failure | None = None
        values = [value for _, value in (*endpoint.headers, *endpoint.query)]
        every = (endpoint, *endpoint.others)
        in_urls = (text for one in every for text in url_secrets(one.base_url))
        self._secrets = (*(one.key or "" for one in every), *in_urls, *secret_values(values))

    @property
    def limit(self) -> int:
        """How many requests may be under way at once, as the server lets it be now."""
        return self._servers.limit

    @property
    def elsewhere(self) -> Literal[False]:
        """A request is in flight for as long as its connection is."""
        return False

    @property
    def max_response_bytes(self) -> int:
        """The most of one response, and of all the pages of one list."""
        return self._endpoint.max_response_bytes

    @property
    def in_flight(self) -> int:
        """How many requests are with the server, or next to go."""
        return self._servers.in_flight

    @property
    def waiting(self) -> str | None:
        """What requests wait for, in words (`rate limited, 12 s`), or None."""
        return self._servers.waiting(self._pausing)

    def halt(self) -> None:
        """Send nothing more: what waits to be sent, or to be sent again, fails as `halted`."""
        self._stop(Failure("the run stopped", halted=True))

    async def complete(self, out: Outgoing) -> Answered | Failure:
        """The answer to a completion, or why there is none; only cancellation is raised.

        The body goes out as it is, to `{base_url}/chat/completions` of one of the servers, and that
        of the answer comes back as it came; a streamed one is assembled. After a fatal failure
        nothing more is sent.
        """
        job = Job(
            out.address,
            "POST",
            self._servers.first.completions,
            out.body,
            secrets=out.secrets,
            tokens=foreseen(out.body) if self._rated else 0,
            streamed=out.stream,
            completion=True,
            answered_before=self.answered,
            watch=out.watch,
        )
        if out.headers:
            for name, value in out.headers:
                if unsendable(name, value):
                    return Failure(f"the header {name!r} holds a control character", attempts=0)
            job.headers = dict(out.headers)
        return await self._carry_out(job)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
    ) -> Answered | Failure:
        """The response of another JSON endpoint below the first base URL, under the same limits.

        `path` is percent-encoded, `query` is not. What is not there is a Failure of status 404.
        """
        return await self.ask(ServerCall(method, path, tuple(query), body))

    async def ask(self, call: ServerCall) -> Answered | Failure:
        """As `call`, for what is not JSON, or must not be repeated."""
        url = self._servers.first.wire.url(call.path, call.query)
        job = Job(call.path, call.method, url, call.body, answered_before=self.answered)
        job.headers = dict(call.headers) or None
        job.repeat = call.repeat
        job.take = call.take
        return await self._carry_out(job)

    async def _carry_out(self, job: Job) -> Answered | Failure:
        while True:
            result = await self._once(job)
            if not isinstance(result, float):
                return result
            if result:
                await self._rest(result)

    async def _once(self, job: Job) -> Answered | Failure | float:
        """One attempt: the end of the job, or the seconds until the next."""
        server = self._servers.first
        if job.completion and self._servers.several:
            server = self._servers.next(job.refused_by)
            job.url = server.completions
        gate = server.gate
        if not gate.enter_at_once():
            await gate.enter(job.tokens)
        try:
            if self._stopped is not None:
                return job.counted(self._stopped)
            started = self._pace.now()
            self._asking += 1
            try:
                if job.watch is None:
                    result = await self._attempt(job, server)
                else:
                    result = await self._watched(job, server, job.watch)
            finally:
                self._asking -= 1
        finally:
            gate.leave()
        took = self._pace.now() - started
        if _LOG.isEnabledFor(logging.DEBUG):
            _log(job, result, took)
        job.spent += took
        if isinstance(result, Good):
            return self._answer(job, server, result, started, took)
        if isinstance(result, HeldBack):
            return 0.0
        following = self._after(job, server, result)
        if isinstance(following, float):
            _LOG.debug("%s: again in %.1f s", job.address, following)
        return following

    async def _watched(self, job: Job, server: Server, watch: Watch) -> _Attempted:
        own, more = job.headers, watch.sends(server.shown)
        status: int | None = None
        fault: str | None = "cancelled"
        try:
            if more:
                job.headers = {**(own or {}), **more}
            result = await self._attempt(job, server)
            status, fault = _ending(result)
            return result
        finally:
            job.headers = own
            watch.ended(status, fault)

    def _attempt(self, job: Job, server: Server) -> Coroutine[None, None, _Attempted]:
        return self._streamed(job, server) if job.streamed else self._exchange(job, server, None)

    async def _streamed(self, job: Job, server: Server) -> _Attempted:
        wanted = orjson.loads(job.body or b"{}").get("n") or 1
        secrets = (*self._secrets, *job.secrets)
        showing = Showing(job.address, self._tell or unheard_writing, secrets, self._pace.now)
        on_text = None if self._tell is None else showing.text
        answered = False
        try:
            result = await self._exchange(job, server, Stream(wanted, on_text, showing.begin))
            answered = isinstance(result, Good)
        finally:
            showing.end(answered=answered)
        job.first = showing.first
        return result

    async def _exchange(self, job: Job, server: Server, stream: Stream | None) -> _Attempted:
        lines = None if job.take is None else BodyLines(job.take, self._endpoint.max_response_bytes)
        sink = lines or stream
        reply = await server.wire.send(job.method, job.url, job.body, job.headers, sink)
        if isinstance(reply, HeldBack):
            return reply
        self.attempts += 1
        job.attempts += 1
        if stream is not None and (isinstance(reply, Broken) or reply.streamed):
            return streamed(stream, reply)
        if isinstance(reply, Broken):
            return reply
        if self._rated:
            server.gate.correct(reply.headers)
        if reply.status >= 300:
            said = bodies.said(reply.status, reply.body, reply.reason)
            return Bad(said, reply.headers) if reply.status >= 400 else redirected(reply)
        if lines is not None:
            await lines.finish()
            return Good(b"", None, reply.headers)
        return judged(reply, stream, chat=job.completion)

    def _answer(
        self, job: Job, server: Server, good: Good, started: float, took: float
    ) -> Answered:
        self.answered += 1
        server.succeeded()
        if self._rated and isinstance(good.value, dict):
            usage = good.value.get("usage")
            tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
            if isinstance(tokens, int):
                server.gate.used(job.tokens, tokens)
        return Answered(
            response=good.body,
            duration_ms=int(took * 1000),
            attempts=job.attempts,
            request_id=request_id(good.headers),
            maybe_billed=job.maybe_billed,
            mended=good.mended,
            value=good.value,
            first_ms=None if job.first is None else int((job.first - started) * 1000),
        )

    def _after(self, job: Job, server: Server, result: Bad | Broken | Failure) -> Failure | float:
        match result:
            case Failure():
                return self._failed(job, result)
            case Broken(message, unreached, final):
                job.maybe_billed += not unreached and (job.completion or not job.repeat)
                self._servers.failed(server)
                if unreached and self._moves(job, server):
                    return 0.0
                pause = (
                    None
                    if final or not job.repeat
                    else job.retry(self._endpoint, self._pace.jitter)
                )
                if pause is not None:
                    return pause
                # If another request was answered in the meantime, it is not the provider.
                fatal = unreached and self.answered == job.answered_before
                if not final and job.is_late(self._endpoint):
                    message += f" ({job.attempts} attempts took {job.spent:.0f} s)"
                hint = job.asked(self._endpoint) if unreached else None
                return self._failed(job, Failure(message, fatal=fatal, hint=hint))
            case Bad():
                return self._refused(job, server, result)

    def _refused(self, job: Job, server: Server, result: Bad) -> Failure | float:
        job.maybe_billed += result.billed and job.completion
        if not result.billed:
            server.gate.used(job.tokens, 0)
        verdict = classify(result.said, result.headers, time.time())
        if verdict.limited:
            server.gate.limited()
        late = asks_too_long(verdict, self._endpoint)
        others = self._servers.others_take(server)
        held = 0.0
        if verdict.hold and verdict.wait is not None and (others or not late):
            held = server.gate.hold(verdict.wait)
            if self._moves(job, server):
                return 0.0
        if verdict.action == "retry":
            self._servers.failed(server)
        pause = job.pause(verdict, self._endpoint, self._pace.jitter, held)
        # Nobody was answered for as long as one may wait: nobody else would be.
        in_vain = self._servers.in_vain > self._endpoint.max_wait and not self._asking
        if pause is not None and not in_vain and job.repeat:
            return pause
        failure = job.failure(result, verdict, self._endpoint, answered=self.answered > 0)
        if self._servers.several and job.completion and (failure.fatal or failure.pointless):
            if self._turns_away(job, server, failure):
                return 0.0
            if failure.fatal and not self._servers.is_over:  # others take what is for other models
                failure = replace(failure, fatal=False, pointless=True)
        return self._failed(job, replace(failure, fatal=failure.fatal or in_vain))

    def _turns_away(self, job: Job, server: Server, failure: Failure) -> bool:
        """A server that answers nobody, or not for this model: whether another one may."""
        job.refused_by.append(server)
        known = server.dismissed or not failure.fatal
        others = self._servers.refused(server, job.refused_by, all_else=failure.fatal)
        if not known and others:
            said = f"status {failure.status}: nothing more goes to it in this run"
            _LOG.warning("%s The server refused, %s.", job.asked(self._endpoint), said)
        return others

    def _moves(self, job: Job, server: Server) -> bool:
        """Whether a request that nobody worked on goes to another server now."""
        if self._stopped is not None or not job.completion:
            return False
        return self._servers.others_take(server) and job.moves(len(self._servers))

    def _failed(self, job: Job, failure: Failure) -> Failure:
        failure = job.told(failure, self._secrets)
        if failure.fatal and job.completion and self._stopped is None:
            self._stop(failure)
        return failure

    def _stop(self, failure: Failure) -> None:
        self._stopped = self._stopped or failure
        self._servers.stop()
        self._pace.stop.set()

    async def _rest(self, seconds: float) -> None:
        self._pausing += 1
        try:
            await self._pace.pause(seconds)
        finally:
            self._pausing -= 1


@asynccontextmanager
async def connect(
    endpoint: Endpoint,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    jitter: Callable[[], float] = random.random,
    tell: Callable[[Writing], None] | None = None,
    wires: OpenWire = open_wire,
) -> AsyncIterator[OpenAIClient]:
    """A client of an endpoint; RunnerError if its URL or a header cannot be used.

    `tell` hears each new piece of text of a streamed completion.
    `now`, `sleep` and `jitter` (0 to 1) are the clock that waits go by. `wires` opens the way to
    each of its servers: what is sent there, when, and how often, is decided here.
    """
    pace = Pace(now, sleep, jitter)
    rates: tuple[tuple[Literal["requests", "tokens"], float | None], ...] = (
        ("requests", endpoint.requests_per_minute),
        ("tokens", endpoint.tokens_per_minute),
    )
    async with AsyncExitStack() as stack:
        servers = []
        for one in (endpoint, *endpoint.others):
            buckets = tuple(Bucket(rate, kind) for kind, rate in rates if rate)
            gate = Gate(one.concurrency, buckets, now, pace.pause)
            servers.append(Server(await stack.enter_async_context(wires(one, gate.held)), gate))
        client = OpenAIClient(endpoint, Servers(tuple(servers), now), pace, tell)
        try:
            yield client
        finally:
            client.halt()


def _ending(result: _Attempted) -> tuple[int | None, str | None]:
    """The status of an attempt, and what was wrong with it in a word, as a watch is told."""
    match result:
        case Good():
            return 200, None
        case Bad(said):
            return said.status, str(said.status)
        case Failure(status=status):
            return status, "redirected"
        case Broken(unreached=unreached):
            return None, "unreached" if unreached else "no_response"
        case HeldBack():
            return None, None


def _log(job: Job, result: _Attempted, seconds: float) -> None:
    """An attempt in one line: no body, no header, no query, and no word of the server's."""
    match result:
        case Good():
            end = "answered"
        case Bad(said):
            end = f"status {said.status}"
        case Broken(_, unreached):
            end = "no connection" if unreached else "no answer"
        case HeldBack():
            end = "held back"
        case Failure():
            end = f"status {result.status}"
    what = f"{job.method} {job.url.path}"
    _LOG.debug("%s: %s, attempt %d: %s in %.3f s", job.address, what, job.attempts, end, seconds)
