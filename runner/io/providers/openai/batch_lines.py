"""The requests that wait in batches, and what the steps of sending one work with."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from runner.core.api.exchange import Answered, Failure, LeftRequest
from runner.core.state.sent_batches import SentBatch
from runner.io.providers.batching import Batching, BatchOf, BatchRun
from runner.io.providers.endpoint import Say
from runner.io.providers.openai.batch_api import BatchAPI
from runner.io.providers.openai.bodies import readable

STOPPED = Failure("the run stopped", halted=True)


@dataclass(slots=True, eq=False)
class WaitingLine:
    """A request: how often a batch came to no end of it, and which one it is in."""

    out: LeftRequest
    tries: int = 0
    maybe_billed: int = 0
    batch: str = ""


BatchLines = dict[str, WaitingLine]
"""The requests of a batch by their custom_id, in the order of its file."""


@dataclass(slots=True)
class BatchWork:
    """Whose batches they are, at which server, how a run goes about them, and the requests that are
    `open` in their order. `stop` says that nothing more is waited for.
    """

    api: BatchAPI
    settings: Batching
    of: BatchOf
    how: BatchRun
    say: Say
    open: dict[WaitingLine, None] = field(default_factory=dict)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def end(
        self, line: WaitingLine, result: Answered | Failure | Exception
    ) -> Awaitable[object] | None:
        """A request is told what came of it, unless it was told something already."""
        if line not in self.open:
            return None
        del self.open[line]
        return line.out.take(result)

    def refuse(self, line: WaitingLine, failure: Failure) -> None:
        """A request has no answer, or none yet."""
        message = readable(failure.message, line.out.secrets)
        billed = failure.maybe_billed + line.maybe_billed
        attempts = max(1, line.tries)
        told = replace(failure, message=message, maybe_billed=billed, attempts=attempts)
        self.end(line, told)

    def fail(self, lines: Mapping[str, WaitingLine], failure: Failure) -> None:
        """None of them has an answer."""
        for line in lines.values():
            self.refuse(line, failure)

    def break_off(self, lines: Mapping[str, WaitingLine], fault: Exception) -> bool:
        """None of them can be gone on with; whether there was any to tell."""
        is_told = False
        for line in lines.values():
            is_told |= line in self.open
            self.end(line, fault)
        return is_told

    async def paused(self, seconds: float) -> bool:
        """Whether the run stopped meanwhile."""
        return await comes_within(self.stop, seconds)


async def comes_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether it came so soon."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


def under_way_in(batch: str) -> Failure:
    """What comes of a request that is left to a batch."""
    return Failure(f"under way in {batch}", halted=True, under_way=batch)


def unreadable(sent: SentBatch, failure: Failure) -> Failure:
    """Why nobody can read the answers of a batch that has ended; it stays in the journal."""
    said = f"the answers of {sent.batch} cannot be read: {failure.message}"
    return _in_words(
        sent,
        failure,
        said,
        f"the server has the answers of {sent.batch} no more: {failure.message}",
    )


def not_there(sent: SentBatch, failure: Failure) -> Failure:
    """Why nobody can wait for a batch; it stays in the journal."""
    said = f"{sent.batch} cannot be looked at: {failure.message}"
    gone = f"the server knows no {sent.batch}: it may be of another account or project"
    return _in_words(sent, failure, said, gone)


def _in_words(sent: SentBatch, failure: Failure, said: str, gone: str) -> Failure:
    if failure.status == 404:
        forget = f"`runner batch forget {sent.batch}`"
        said = f"{gone}. What it asks is not asked for again before {forget}"
    return replace(failure, message=said)
