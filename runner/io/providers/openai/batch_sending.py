"""One batch made of requests: written down, uploaded, created, and looked for if it got lost."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from msgspec import structs
from msgspec.structs import replace

from runner.core.api.batches import BatchSeen, input_line
from runner.core.api.exchange import Failure
from runner.core.state.sent_batches import SentBatch, SentLine, sent_line
from runner.core.values import MASK
from runner.errors import counted
from runner.io.providers.endpoint import Say
from runner.io.providers.openai.batch_api import BatchAPI
from runner.io.providers.openai.batch_lines import STOPPED, BatchLines, BatchWork, WaitingLine

_MASK = MASK.encode()


async def submit(work: BatchWork, lines: BatchLines) -> SentBatch | Failure:
    """A batch of these requests, which the journal has by its id."""
    if work.stop.is_set():
        return STOPPED
    of, journal = work.of, work.how.journal
    key, now = os.urandom(16).hex(), time.time()
    sent = SentBatch(key, "intent", of.provider, of.identity, work.how.owner, len(lines), now)
    await asyncio.to_thread(journal.begin, sent, _sent_lines(lines))
    url = work.settings.url
    written = (input_line(name, url, line.out.body) for name, line in lines.items())
    file = await work.api.upload(sent.key, written)
    if isinstance(file, Failure):
        journal.close(sent)
        return _no_batches(work, file)
    if work.stop.is_set():
        await work.api.delete(file)
        journal.close(sent)
        return STOPPED
    sent = structs.replace(sent, reached="uploaded", file=file, at=time.time())
    journal.note(sent)
    return await _create(work, sent)


async def _create(work: BatchWork, sent: SentBatch) -> SentBatch | Failure:
    """Asked for once; where the answer was lost, it is looked for before it is asked for again."""
    settle, journal = work.settings.settle, work.how.journal
    until = time.time() + settle
    tries = 0
    while True:
        if tries:
            sent = structs.replace(sent, at=time.time())
            journal.note(sent)
        made = await work.api.create(sent.key, sent.file)
        if isinstance(made, Failure) and _is_lost(made):
            found = await look_for(work.api, sent, settle, work.paused)
            if isinstance(found, Failure):
                return found  # the journal has it: whoever collects finds out
            sent = structs.replace(sent, doubtful=True)
            made = found or made
        if not isinstance(made, Failure):
            sent = structs.replace(sent, reached="created", batch=made.id, at=time.time())
            journal.note(sent)
            work.say(f"{counted(sent.requests, 'request')} in {sent.batch}")
            return sent
        soon = _has_no_file_yet(made) and time.time() < until
        tries += not soon
        if not soon and (tries > work.of.max_retries or not _is_worth_asking(made)):
            if not _is_lost(made):
                journal.close(sent)
                await work.api.delete(sent.file)
            return _no_batches(work, made)
        if await work.paused(min(1.0, settle / 10)):
            return STOPPED


async def look_for(
    api: BatchAPI,
    sent: SentBatch,
    settle: float,
    paused: Callable[[float], Awaitable[bool]],
) -> BatchSeen | Failure | None:
    """The batch whose id nobody has, once the server lists it; None where it was never made, which
    is known when lists cannot lag any more.
    """
    until = min(sent.at, time.time()) + settle  # the clock may have been set back
    while True:
        found = await api.find(sent.key, sent.file)
        if not isinstance(found, Failure) and found:
            return min(found, key=lambda one: one.stage not in ("waiting", "completed"))
        left = until - time.time()
        if left <= 0:
            return found if isinstance(found, Failure) else None
        if await paused(min(left, max(0.05, settle / 20))):
            return STOPPED


async def cancel_others(api: BatchAPI, sent: SentBatch, say: Say) -> None:
    """Ends what was made twice of one batch of ours, whose answer was lost once."""
    found = await api.find(sent.key, sent.file)
    for other in () if isinstance(found, Failure) else found:
        if other.id != sent.batch and other.stage == "waiting":
            await api.cancel(other.id)
            say(f"{other.id} asks the same as {sent.batch}, and is cancelled")


def _sent_lines(lines: Mapping[str, WaitingLine]) -> Iterable[SentLine]:
    for identifier, line in lines.items():
        draft = line.out.draft()
        yield sent_line(identifier, line.out.key, draft, masked=_MASK in draft.request)


def _no_batches(work: BatchWork, failure: Failure) -> Failure:
    if failure.status not in (404, 405, 501):
        return failure
    said = (
        f"the provider {work.of.provider} has no Batch API ({failure.message}): apply without "
        "--batch"
    )
    return replace(failure, message=said, fatal=True)


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
