"""A batch has ended: each of its requests is told what came of it, as its files are read."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from runner.core.api.batches import BatchFault, BatchLine, BatchSeen
from runner.core.api.exchange import Answered, Failure
from runner.core.state.sent_batches import SentBatch
from runner.io.providers.openai.batch_api import BatchAPI
from runner.io.providers.openai.batch_lines import (
    BatchLines,
    BatchWork,
    WaitingLine,
    under_way_in,
    unreadable,
)
from runner.io.providers.openai.batch_sending import cancel_others
from runner.io.providers.openai.batch_worth import NOWHERE, Again, worth
from runner.io.providers.openai.outcomes import Good

_AT_ONCE = 1_000
"""So many answers are on their way into the cache before more are read."""


async def settle(
    work: BatchWork, sent: SentBatch, seen: BatchSeen, lines: BatchLines
) -> BatchLines:
    """Those that go into another batch; all others have an end. The journal is done with the batch
    when the cache has its answers: not if others than these were asked, whose answers are still to
    be collected.
    """
    results = _Results(work, sent, seen, lines)
    failed = await read_answers(
        work.api, seen, results.take, results.lack, lambda: work.paused(work.settings.poll)
    )
    if failed is not None:
        told = under_way_in(sent.batch) if failed.halted else unreadable(sent, failed)
        work.fail(lines, told)
        return {}
    await work.api.delete(sent.file)
    if sent.doubtful:
        await cancel_others(work.api, sent, work.say)
    if seen.stage == "expired":
        answered = len(results.answered)
        work.say(f"{sent.batch} expired: {answered} of {sent.requests} answered, and kept")
    again = results.rest()
    await results.kept()
    is_all = len(lines) == sent.requests
    if is_all and await asyncio.to_thread(work.how.holds, results.answered):
        work.how.journal.close(sent)
    return again


async def read_answers(
    api: BatchAPI,
    seen: BatchSeen,
    take: Callable[[Sequence[BatchLine]], Awaitable[object]],
    lack: Callable[[], bool],
    pause: Callable[[], Awaitable[object]],
) -> Failure | None:
    """Hands out what the files of a batch say; once more where a request of a batch that is done
    has no line in them, since a file may not be whole yet, and what is asked for again is paid for
    again.
    """
    for is_last in (False, True):
        for file in seen.files:
            failed = await api.read(file, take)
            if failed is not None:
                return failed
        if is_last or seen.stage != "completed" or not lack():
            break
        await pause()
    return None


class _Results:
    """What the files of a batch say; an answer counts more than another line of its request."""

    def __init__(
        self, work: BatchWork, sent: SentBatch, seen: BatchSeen, lines: BatchLines
    ) -> None:
        self.answered: dict[str, None] = {}
        self._work, self._sent, self._seen, self._lines = work, sent, seen, lines
        self._others: dict[str, Failure | Again] = {}
        self._wrong: Mapping[str, Failure] = {}
        if seen.stage == "failed":
            names = [line.id for line in work.how.journal.lines(sent)]
            self._wrong = _wrong_lines(seen.faults, names)
        self._keeping: list[Awaitable[object]] = []

    async def take(self, found: Sequence[BatchLine]) -> None:
        """Some lines of a file."""
        for one in found:
            line = self._lines.get(one.id)
            if line is None:
                continue
            match worth(one):
                case Good() as good:
                    self._answer(line, good)
                case Failure() | Again() as other:
                    self._others.setdefault(one.id, other)
        if len(self._keeping) >= _AT_ONCE:
            await self.kept()

    def lack(self) -> bool:
        """Whether there are requests without a line."""
        waiting = (name for name, line in self._lines.items() if line in self._work.open)
        return any(name not in self._others for name in waiting)

    async def kept(self) -> None:
        """Each answer so far is in the cache, or is known not to be."""
        keeping, self._keeping = self._keeping, []
        if keeping:
            await asyncio.wait([asyncio.ensure_future(one) for one in keeping])

    def rest(self) -> BatchLines:
        """What was not answered is told so; those are left that go into another batch."""
        again: BatchLines = {}
        for identifier, line in self._lines.items():
            if line not in self._work.open:
                continue
            match self._wrong.get(identifier) or self._others.get(identifier, NOWHERE):
                case Failure() as refused:
                    self._work.refuse(line, refused)
                case Again() as more:
                    end = self._once_more(line, more)
                    if end is None:
                        again[identifier] = line
                    else:
                        self._work.refuse(line, end)
        return again

    def _answer(self, line: WaitingLine, good: Good) -> None:
        self.answered[line.out.key] = None
        answer = Answered(
            response=good.body,
            duration_ms=self._seen.seconds * 1000,
            attempts=line.tries + 1,
            maybe_billed=line.maybe_billed,
            mended=good.mended,
            batch=self._sent.batch,
        )
        keeping = self._work.end(line, answer)
        if keeping is not None:
            self._keeping.append(keeping)

    def _once_more(self, line: WaitingLine, got: Again) -> Failure | None:
        """None if it goes into another batch."""
        line.tries += 1
        line.maybe_billed += got.billed and self._seen.stage == "completed"
        if self._seen.stage == "cancelled":
            return Failure(f"{self._sent.batch} was cancelled before this was answered")
        if line.tries > self._work.of.max_retries:
            return Failure(f"{got.why} (in each of {line.tries} batches)")
        return None


def _wrong_lines(faults: Sequence[BatchFault], names: Sequence[str]) -> dict[str, Failure]:
    """Of a batch that was refused as a whole, those that are to blame; all where none is named."""
    wrong = {
        names[fault.line - 1]: Failure(f"the batch was refused: {fault.message}", code=fault.code)
        for fault in faults
        if fault.line is not None and 0 < fault.line <= len(names)
    }
    if wrong:
        return wrong
    said = "; ".join(dict.fromkeys(fault.message for fault in faults)) or "no reason given"
    return dict.fromkeys(names, Failure(f"the batch was refused: {said}"))
