"""A provider whose requests wait in batches: gathered, sent when nothing more comes, waited for."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Literal, Self

from runner.core.api.batches import BatchSeen, line_id
from runner.core.api.exchange import Failure, LeftRequest
from runner.core.received import table_of
from runner.core.state.sent_batches import SentBatch
from runner.errors import counted
from runner.io.providers.batching import Batching, BatchOf, BatchRun
from runner.io.providers.endpoint import Say
from runner.io.providers.openai.batch_api import BatchAPI
from runner.io.providers.openai.batch_lines import (
    STOPPED,
    BatchLines,
    BatchWork,
    WaitingLine,
    comes_within,
    not_there,
    under_way_in,
)
from runner.io.providers.openai.batch_sending import submit
from runner.io.providers.openai.batch_settling import settle

PENDING = 100_000
"""How many requests may wait at once."""

_GROWS, _MOST = 1.5, 10.0  # how the time between looks grows, and how far
_FULL = 10.0  # looks that pass before a full queue is tried again; twice as many each time
_LOST = 10  # looks in a row that may fail
_LEFT = 5.0  # seconds that whoever leaves waits for what is on the wire
_AROUND = 200  # bytes of a line beside its body, at most


@dataclass(slots=True)
class _Wave:
    """The requests for one model that go into the next batch."""

    lines: BatchLines = field(default_factory=dict)
    bytes: int = 0


class BatchClient:
    """Gathers requests, sends them in batches when nothing more comes, and tells each what came of
    it when its batch has ended.
    """

    limit = PENDING

    def __init__(
        self,
        api: BatchAPI,
        settings: Batching,
        of: BatchOf,
        how: BatchRun,
        say: Say,
    ) -> None:
        self._work = BatchWork(api, settings, of, how, say)
        self._waves: dict[str, _Wave] = {}
        self._joining: dict[str, tuple[SentBatch, BatchLines]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen: dict[str, tuple[SentBatch, BatchSeen | None]] = {}
        self._under_way = dict(self._known()) if how.joins else {}
        self._uploading = asyncio.Lock()
        self._one_ended = asyncio.Event()
        self._fault: Exception | None = None  # that no request was told of
        self._telling = 0  # so many batches whose answers are being handed out
        self._wake: Callable[[], None] = lambda: None

    def _known(self) -> Iterable[tuple[str, SentBatch]]:
        journal = self._work.how.journal
        for sent in journal.all():
            if sent.identity == self._work.of.identity and sent.reached != "intent":
                for line in journal.lines(sent):
                    yield line.key, sent

    @property
    def elsewhere(self) -> Literal[True]:
        """Requests wait at the server."""
        return True

    @property
    def waiting(self) -> str | None:
        """What requests wait for, in words."""
        if not self._seen:
            return None
        seen = [one for _, one in self._seen.values() if one is not None]
        total = sum(sent.requests for sent, _ in self._seen.values())
        return f"{counted(len(self._seen), 'batch')}: {sum(one.done for one in seen)} of {total}"

    def leave(self, out: LeftRequest) -> None:
        """A request, which is told what comes of it when its batch has ended."""
        line = WaitingLine(out)
        self._work.open[line] = None
        sent = self._under_way.get(out.key) if self._under_way else None
        if self._work.stop.is_set():
            self._work.end(line, STOPPED)
        elif sent is None:
            self._gather(line)
        elif sent.reached == "uploaded":
            said = "nobody knows yet whether a batch was made of it: apply again later"
            self._work.end(line, Failure(said, attempts=0))
        elif self._work.how.waits:
            _, lines = self._joining.setdefault(sent.key, (sent, {}))
            lines[line_id(out.key)] = line
            line.batch = sent.batch
        else:
            self._work.end(line, under_way_in(sent.batch))

    def has_told(self, wake: Callable[[], None]) -> bool:
        """Whether all answers are handed out that there are; if not, `wake` is called once they
        are.
        """
        self._wake = wake
        return not self._telling

    def rest(self) -> None:
        """Nothing more comes: what was gathered is sent."""
        joining, self._joining = self._joining, {}
        for sent, lines in joining.values():
            self._begin(self._carry(lines, sent))
        for model in [*self._waves]:
            self._send(model)

    def halt(self) -> None:
        """Wait for nothing more; batches go on at the server."""
        work = self._work
        work.stop.set()
        under_way = {line.batch for line in work.open if line.batch}
        if under_way and work.how.waits:
            go = "goes" if len(under_way) == 1 else "go"
            work.say(
                f"{counted(len(under_way), 'batch')} {go} on at the server; `runner apply --batch` "
                "takes up the answers, `runner batch list` shows where they are"
            )
        for line in [*work.open]:
            work.end(line, under_way_in(line.batch) if line.batch else STOPPED)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """What is durable is awaited no more; what is not stays in the journal."""
        self.halt()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LEFT)
            for task in self._tasks:
                task.cancel()
        if self._fault is not None:
            raise self._fault

    # -- gathering

    def _gather(self, line: WaitingLine) -> None:
        body, settings = line.out.body, self._work.settings
        model = str(table_of(body).get("model"))
        wave = self._waves.setdefault(model, _Wave())
        size = len(body) + len(settings.url) + _AROUND
        identifier = line_id(line.out.key)
        if wave.lines and (identifier in wave.lines or wave.bytes + size > settings.max_bytes):
            self._send(model)
            wave = self._waves[model] = _Wave()
        wave.lines[identifier] = line
        wave.bytes += size
        if len(wave.lines) >= settings.max_requests:
            self._send(model)

    def _send(self, model: str) -> None:
        self._begin(self._carry(self._waves.pop(model).lines))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- one batch after the other, until each of its requests has an end

    async def _carry(self, lines: BatchLines, sent: SentBatch | None = None) -> None:
        full = 0
        try:
            while lines:
                made = sent or await self._submitted(lines)
                sent = None
                if isinstance(made, Failure):
                    self._work.fail(lines, made)
                    return
                for line in lines.values():
                    line.batch = made.batch
                if not self._work.how.waits:
                    self._work.fail(lines, under_way_in(made.batch))
                    return
                seen = await self._ended(made)
                if isinstance(seen, Failure):
                    self._work.fail(lines, seen)
                    return
                if seen.is_full:
                    await self._give_up(made)
                    await self._room(_FULL * 2.0**full)
                    full += 1
                else:
                    lines = await self._settled(made, seen, lines)
        except Exception as exc:  # noqa: BLE001  # whoever waits for an answer is told
            if not self._work.break_off(lines, exc):
                self._fault = exc

    async def _settled(self, sent: SentBatch, seen: BatchSeen, lines: BatchLines) -> BatchLines:
        self._telling += 1
        try:
            return await settle(self._work, sent, seen, lines)
        finally:
            self._telling -= 1
            if not self._telling:
                self._wake()

    async def _submitted(self, lines: BatchLines) -> SentBatch | Failure:
        async with self._uploading:  # one file in memory at a time
            return await submit(self._work, lines)

    async def _ended(self, sent: SentBatch) -> BatchSeen | Failure:
        """The batch, when it has ended; the Failure of whoever cannot or must not wait for it."""
        self._seen[sent.key] = sent, None
        try:
            seen = await self._looked_at(sent)
        finally:
            self._seen.pop(sent.key, None)
        if not isinstance(seen, Failure):
            self._one_ended.set()
        return seen

    async def _looked_at(self, sent: SentBatch) -> BatchSeen | Failure:
        work = self._work
        wait, lost = work.settings.poll, 0
        while True:
            seen = await work.api.look(sent.batch)
            if not isinstance(seen, Failure):
                lost = 0
                self._seen[sent.key] = sent, seen
                if seen.stage != "waiting":
                    return seen
            elif seen.halted:
                return under_way_in(sent.batch)
            else:
                is_new = time.time() - sent.at < work.settings.settle
                lost += 1
                if seen.fatal or lost > _LOST or (seen.status == 404 and not is_new):
                    return not_there(sent, seen)
            if await work.paused(wait):
                return under_way_in(sent.batch)
            wait = min(wait * _GROWS, work.settings.poll * _MOST)

    async def _give_up(self, sent: SentBatch) -> None:
        """The server took none of it."""
        self._work.how.journal.close(sent)
        await self._work.api.delete(sent.file)

    async def _room(self, looks: float) -> None:
        """Until a batch of ours has ended, or for so many looks."""
        self._work.say("the queue of the server is full: what waits is sent when there is room")
        self._one_ended.clear()
        await comes_within(self._one_ended, min(looks, 4 * _FULL) * self._work.settings.poll)
