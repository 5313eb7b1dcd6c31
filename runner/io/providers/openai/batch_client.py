"""A provider whose requests wait in batches: a client like any other, only slower and cheaper."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from msgspec import structs

from runner.core.api.batches import BatchLine, BatchSeen, input_line, line_id
from runner.core.api.exchange import Answered, Failure, Outgoing
from runner.core.received import table_of
from runner.core.state.sent_batches import SentBatch, SentLine, sent_line
from runner.core.values import MASK
from runner.errors import counted
from runner.io.providers.batching import Batching, BatchOf, BatchRun
from runner.io.providers.endpoint import Say
from runner.io.providers.openai.batch_api import BatchAPI
from runner.io.providers.openai.batch_worth import Again, worth
from runner.io.providers.openai.bodies import readable
from runner.io.providers.openai.outcomes import Good

PENDING = 100_000
"""How many requests may wait at once."""

_GROWS, _MOST = 1.5, 10.0  # how the time between looks grows, and how far
_FULL = 10.0  # looks that pass before a full queue is tried again; twice as many each time
_LOST = 10  # looks in a row that may fail
_LEFT = 5.0  # seconds that whoever leaves waits for what is on the wire
_AROUND = 200  # bytes of a line beside its body, at most
_MASK = MASK.encode()


@dataclass(slots=True, eq=False)
class _Waiting:
    out: Outgoing
    answer: asyncio.Future[Answered | Failure]
    tries: int = 0
    maybe_billed: int = 0
    batch: str = ""


_Lines = dict[str, _Waiting]


@dataclass(slots=True)
class _Wave:
    """The requests for one model that go into the next batch."""

    lines: _Lines = field(default_factory=dict)
    bytes: int = 0


class BatchClient:
    """Gathers requests, sends them in batches when nothing more comes, and answers each when its
    batch has ended.
    """

    elsewhere = True
    limit = PENDING

    def __init__(
        self,
        api: BatchAPI,
        settings: Batching,
        of: BatchOf,
        how: BatchRun,
        say: Say,
    ) -> None:
        self._api, self._settings, self._of, self._say = api, settings, of, say
        self._journal, self._owner = how.journal, how.owner
        self._waits, self._holds = how.waits, how.holds
        self._waves: dict[str, _Wave] = {}
        self._joining: dict[str, tuple[SentBatch, _Lines]] = {}
        self._open: dict[_Waiting, None] = {}  # in their order
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen: dict[str, tuple[SentBatch, BatchSeen | None]] = {}
        self._over: list[tuple[SentBatch, tuple[str, ...]]] = []
        self._under_way = dict(self._known()) if how.joins else {}
        self._uploading = asyncio.Lock()
        self._stop, self._one_ended = asyncio.Event(), asyncio.Event()

    def _known(self) -> Iterable[tuple[str, SentBatch]]:
        for sent in self._journal.all():
            if sent.identity == self._of.identity and sent.reached != "intent":
                for line in self._journal.lines(sent):
                    yield line.key, sent

    @property
    def waiting(self) -> str | None:
        """What requests wait for, in words."""
        if not self._seen:
            return None
        seen = [one for _, one in self._seen.values() if one is not None]
        total = sum(sent.requests for sent, _ in self._seen.values())
        return f"{batches(len(self._seen))}: {sum(one.done for one in seen)} of {total}"

    async def complete(self, out: Outgoing) -> Answered | Failure:
        """The answer, when its batch has ended."""
        if self._stop.is_set():
            return Failure("the run stopped", halted=True)
        line = _Waiting(out, asyncio.get_running_loop().create_future())
        self._open[line] = None
        try:
            sent = self._under_way.get(out.key)
            if sent is None:
                self._gather(line)
            elif sent.reached == "uploaded":
                said = "nobody knows yet whether a batch was made of it: apply again later"
                return Failure(said, attempts=0)
            elif self._waits:
                _, lines = self._joining.setdefault(sent.key, (sent, {}))
                lines[line_id(out.key)] = line
                line.batch = sent.batch
            else:
                return _left(sent.batch)
            return await line.answer
        finally:
            self._open.pop(line, None)

    def rest(self) -> None:
        """Nothing more comes: what was gathered is sent."""
        joining, self._joining = self._joining, {}
        for sent, lines in joining.values():
            self._begin(self._carry(lines, sent))
        for model in [*self._waves]:
            self._send(model)

    def halt(self) -> None:
        """Wait for nothing more; batches go on at the server."""
        self._stop.set()
        under_way = {line.batch for line in self._open if line.batch}
        if under_way and self._waits:
            go = "goes" if len(under_way) == 1 else "go"
            self._say(
                f"{batches(len(under_way))} {go} on at the server; `runner apply --batch` takes up "
                "the answers, `runner batch list` shows where they are"
            )
        for line in [*self._open]:
            self._answer(line, _left(line.batch) if line.batch else _STOPPED)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """What is durable is awaited no more; what is not stays in the journal."""
        self.halt()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LEFT)
            for task in self._tasks:
                task.cancel()
        for sent, keys in self._over:
            if self._holds(keys):
                self._journal.close(sent)

    # -- gathering

    def _gather(self, line: _Waiting) -> None:
        model = str(table_of(line.out.body).get("model"))
        wave = self._waves.setdefault(model, _Wave())
        size = len(line.out.body) + len(self._settings.url) + _AROUND
        identifier = line_id(line.out.key)
        if wave.lines and (
            identifier in wave.lines or wave.bytes + size > self._settings.max_bytes
        ):
            self._send(model)
            wave = self._waves[model] = _Wave()
        wave.lines[identifier] = line
        wave.bytes += size
        if len(wave.lines) >= self._settings.max_requests:
            self._send(model)

    def _send(self, model: str) -> None:
        self._begin(self._carry(self._waves.pop(model).lines))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- one batch after the other, until each of its requests has an end

    async def _carry(self, lines: _Lines, sent: SentBatch | None = None) -> None:
        every = [*lines.values()]
        full = 0
        try:
            while lines:
                if sent is None:
                    async with self._uploading:  # one file in memory at a time
                        made = await self._submit(lines)
                    if isinstance(made, Failure):
                        self._fail(lines, made)
                        return
                    sent = made
                for line in lines.values():
                    line.batch = sent.batch
                if not self._waits:
                    self._leave(lines, sent)
                    return
                self._seen[sent.key] = sent, None
                seen = await self._end_of(sent)
                self._seen.pop(sent.key, None)
                if isinstance(seen, Failure):
                    self._fail(lines, seen)
                    return
                if seen.is_full:
                    self._journal.close(sent)
                    await self._api.delete(sent.file)
                    await self._room(_FULL * 2.0**full)
                    full += 1
                else:
                    lines = await self._settle(sent, seen, lines)
                sent = None
        except Exception as exc:  # noqa: BLE001  # whoever waits for an answer is told
            for line in every:
                if not line.answer.done():
                    line.answer.set_exception(exc)

    async def _submit(self, lines: _Lines) -> SentBatch | Failure:
        """A batch of these requests, which the journal has by its id."""
        if self._stop.is_set():
            return _STOPPED
        of = self._of
        sent = SentBatch(
            os.urandom(16).hex(),
            "intent",
            of.provider,
            of.identity,
            self._owner,
            len(lines),
            time.time(),
        )
        await asyncio.to_thread(self._journal.begin, sent, _sent_lines(lines))
        url = self._settings.url
        written = (input_line(name, url, line.out.body) for name, line in lines.items())
        file = await self._api.upload(sent.key, written)
        if isinstance(file, Failure):
            self._journal.close(sent)
            return self._no_batches(file)
        if self._stop.is_set():
            await self._api.delete(file)
            self._journal.close(sent)
            return _STOPPED
        sent = structs.replace(sent, reached="uploaded", file=file, at=time.time())
        self._journal.note(sent)
        return await self._create(sent)

    async def _create(self, sent: SentBatch) -> SentBatch | Failure:
        """Asked for once; where the answer was lost, it is looked for before it is asked for
        again.
        """
        until = time.time() + self._settings.settle
        tries = 0
        while True:
            if tries:
                sent = structs.replace(sent, at=time.time())
                self._journal.note(sent)
            made = await self._api.create(sent.key, sent.file)
            if isinstance(made, Failure) and _is_lost(made):
                found = await self._look_for(sent)
                if isinstance(found, Failure):
                    return found  # the journal has it: whoever collects finds out
                sent = structs.replace(sent, doubtful=True)
                made = found or made
            if not isinstance(made, Failure):
                sent = structs.replace(sent, reached="created", batch=made.id, at=time.time())
                self._journal.note(sent)
                self._say(f"{counted(sent.requests, 'request')} in {sent.batch}")
                return sent
            soon = _has_no_file_yet(made) and time.time() < until
            tries += not soon
            if not soon and (tries > self._of.max_retries or not _is_worth_asking(made)):
                if not _is_lost(made):
                    self._journal.close(sent)
                    await self._api.delete(sent.file)
                return self._no_batches(made)
            if await self._paused(min(1.0, self._settings.settle / 10)):
                return _STOPPED

    async def _look_for(self, sent: SentBatch) -> BatchSeen | Failure | None:
        return await look_for(self._api, sent, self._settings.settle, self._paused)

    async def _end_of(self, sent: SentBatch) -> BatchSeen | Failure:
        """The batch, when it has ended; the Failure of whoever cannot or must not wait for it."""
        wait, lost = self._settings.poll, 0
        while True:
            seen = await self._api.look(sent.batch)
            if not isinstance(seen, Failure):
                lost = 0
                self._seen[sent.key] = sent, seen
                if seen.stage != "waiting":
                    self._one_ended.set()
                    return seen
            elif seen.halted:
                return _left(sent.batch)
            else:
                is_new = time.time() - sent.at < self._settings.settle
                lost += 1
                if seen.fatal or lost > _LOST or (seen.status == 404 and not is_new):
                    return not_there(sent, seen)
            if await self._paused(wait):
                return _left(sent.batch)
            wait = min(wait * _GROWS, self._settings.poll * _MOST)

    async def _settle(self, sent: SentBatch, seen: BatchSeen, lines: _Lines) -> _Lines:
        """Answers what has an answer or none to be had; what is left goes into another batch."""
        found: dict[str, BatchLine] = {}

        def take(line: BatchLine | None) -> None:
            if line is not None and line.id in lines:
                found.setdefault(line.id, line)

        for file in seen.files:
            failed = await self._api.read(file, take)
            if failed is not None:
                self._fail(lines, _left(sent.batch) if failed.halted else failed)
                return {}
        await self._api.delete(sent.file)
        if sent.doubtful:
            await cancel_others(self._api, sent, self._say)
        wrong = _wrong_lines(seen, lines)
        again: _Lines = {}
        answered = []
        for identifier, line in lines.items():
            match wrong.get(identifier) or worth(found.pop(identifier, None)):
                case Good() as good:
                    answered.append(line.out.key)
                    self._answer(line, _answered(line, good, sent, seen))
                case Failure() as refused:
                    self._refuse(line, refused)
                case Again() as more:
                    end = self._once_more(line, more, sent, seen)
                    if end is None:
                        again[identifier] = line
                    else:
                        self._refuse(line, end)
        self._over.append((sent, tuple(answered)))
        if seen.stage == "expired":
            self._say(
                f"{sent.batch} expired: {len(answered)} of {sent.requests} answered, and kept"
            )
        return again

    def _once_more(
        self, line: _Waiting, got: Again, sent: SentBatch, seen: BatchSeen
    ) -> Failure | None:
        """None if it goes into another batch."""
        line.tries += 1
        line.maybe_billed += got.billed and seen.stage == "completed"
        if seen.stage == "cancelled":
            return Failure(f"{sent.batch} was cancelled before this was answered")
        if line.tries > self._of.max_retries:
            return Failure(f"{got.why} (in each of {line.tries} batches)")
        return None

    # -- ends

    def _answer(self, line: _Waiting, result: Answered | Failure) -> None:
        if not line.answer.done():
            line.answer.set_result(result)

    def _refuse(self, line: _Waiting, failure: Failure) -> None:
        message = readable(failure.message, line.out.secrets)
        billed = failure.maybe_billed + line.maybe_billed
        attempts = max(1, line.tries)
        told = replace(failure, message=message, maybe_billed=billed, attempts=attempts)
        self._answer(line, told)

    def _fail(self, lines: _Lines, failure: Failure) -> None:
        for line in lines.values():
            self._refuse(line, failure)

    def _leave(self, lines: _Lines, sent: SentBatch) -> None:
        for line in lines.values():
            self._answer(line, _left(sent.batch))

    def _no_batches(self, failure: Failure) -> Failure:
        if failure.status not in (404, 405, 501):
            return failure
        said = (
            f"the provider {self._of.provider} has no Batch API ({failure.message}): apply without "
            "--batch"
        )
        return replace(failure, message=said, fatal=True)

    async def _paused(self, seconds: float) -> bool:
        """Whether the run stopped meanwhile."""
        return await _within(self._stop, seconds)

    async def _room(self, looks: float) -> None:
        """Until a batch of ours has ended, or for so many looks."""
        self._say("the queue of the server is full: what waits is sent when there is room")
        self._one_ended.clear()
        await _within(self._one_ended, min(looks, 4 * _FULL) * self._settings.poll)


def batches(number: int) -> str:
    """So many of them."""
    return f"{number:,} batch{'' if number == 1 else 'es'}"


_STOPPED = Failure("the run stopped", halted=True)


def _left(batch: str) -> Failure:
    return Failure(f"under way in {batch}", halted=True, under_way=batch)


def _answered(line: _Waiting, good: Good, sent: SentBatch, seen: BatchSeen) -> Answered:
    return Answered(
        response=good.body,
        duration_ms=seen.seconds * 1000,
        attempts=line.tries + 1,
        maybe_billed=line.maybe_billed,
        mended=good.mended,
        batch=sent.batch,
    )


def _sent_lines(lines: Mapping[str, _Waiting]) -> Iterable[SentLine]:
    for identifier, line in lines.items():
        assert line.out.draft is not None  # noqa: S101  # what waits elsewhere has one
        yield sent_line(
            identifier, line.out.key, line.out.draft, masked=_MASK in line.out.draft.request
        )


def _wrong_lines(seen: BatchSeen, lines: Mapping[str, _Waiting]) -> dict[str, Failure]:
    """Of a batch that was refused as a whole, those that are to blame; all where none is named."""
    if seen.stage != "failed":
        return {}
    names = [*lines]
    wrong = {
        names[fault.line - 1]: Failure(f"the batch was refused: {fault.message}", code=fault.code)
        for fault in seen.faults
        if fault.line is not None and 0 < fault.line <= len(names)
    }
    if wrong:
        return wrong
    said = "; ".join(dict.fromkeys(fault.message for fault in seen.faults)) or "no reason given"
    return dict.fromkeys(names, Failure(f"the batch was refused: {said}"))


def _is_lost(failure: Failure) -> bool:
    """Whether the server may have done it all the same."""
    if failure.halted:
        return False
    if failure.status is None:
        return failure.maybe_billed > 0
    return failure.status < 400 or failure.status >= 500


def _has_no_file_yet(failure: Failure) -> bool:
    return failure.status in (400, 404) and "file" in failure.message.lower()


def _is_worth_asking(failure: Failure) -> bool:
    return _is_lost(failure) or failure.status in (408, 409, 429) or failure.status is None


def not_there(sent: SentBatch, failure: Failure) -> Failure:
    """Why nobody can wait for a batch; it stays in the journal."""
    said = f"{sent.batch} cannot be looked at: {failure.message}"
    if failure.status == 404:
        said = (
            f"the server knows no {sent.batch}: it may be of another account or project. What it "
            f"asks is not asked for again before `runner batch forget {sent.batch}`"
        )
    return replace(failure, message=said)


async def look_for(
    api: BatchAPI,
    sent: SentBatch,
    settle: float,
    paused: Callable[[float], Awaitable[bool]],
) -> BatchSeen | Failure | None:
    """The batch whose id nobody has, once the server lists it; None where it was never made, which
    is known when lists cannot lag any more.
    """
    until = sent.at + settle
    while True:
        found = await api.find(sent.key, sent.file)
        if not isinstance(found, Failure) and found:
            return min(found, key=lambda one: one.stage not in ("waiting", "completed"))
        left = until - time.time()
        if left <= 0:
            return found if isinstance(found, Failure) else None
        if await paused(min(left, max(0.05, settle / 20))):
            return _STOPPED


async def cancel_others(api: BatchAPI, sent: SentBatch, say: Say) -> None:
    """Ends what was made twice of one batch of ours, whose answer was lost once."""
    found = await api.find(sent.key, sent.file)
    for other in () if isinstance(found, Failure) else found:
        if other.id != sent.batch and other.stage == "waiting":
            await api.cancel(other.id)
            say(f"{other.id} asks the same as {sent.batch}, and is cancelled")


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
