"""Batches looked at, and their answers taken into the cache."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from runner.core.api.exchange import Failure
from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.secrets.redact import redact
from runner.core.state.cache_entry import to_entry
from runner.core.state.records import time_of_record
from runner.core.state.sent_batches import SentBatch, SentLine
from runner.errors import Problem, RunnerError, counted
from runner.io.batches import BatchJournal
from runner.io.cache.writer import Cache
from runner.operations.batches.asking import asked_through
from runner.operations.batches.under_way import journal_of, owner_of_batches
from runner.operations.blocking import run_to_end
from runner.operations.caches.answers import answers_of
from runner.operations.caches.sharing import Shares, shared_answers, sharing
from runner.operations.reading.loaded import Loaded

if TYPE_CHECKING:
    from runner.core.api.batches import BatchLine, BatchSeen
    from runner.io.providers.endpoint import Say
    from runner.io.providers.openai.batch_api import BatchAPI
    from runner.operations.connecting.connections import Connections


_SENDING = 3600.0  # seconds that it may take to send a batch
_LOST = 10  # looks in a row that may fail
_ENDED = {
    "completed": "is completed",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "was cancelled",
}


class Collected(Struct, frozen=True):
    """What taking the answers of all batches came to: these are still under way, of which so many
    are `hopeless`: nobody here can look at them, now or later. It `looked` if there were any.
    """

    waiting: tuple[SentBatch, ...] = ()
    problems: tuple[Problem, ...] = ()
    looked: bool = False
    hopeless: int = 0


def collect(project: Loaded, say: "Say" = lambda _: None) -> Collected:
    """Take what has been answered into the cache, while nobody else writes the state. Nothing is
    asked for that costs anything.
    """
    journal = journal_of(project)
    journal.tidy()
    every = journal.all()
    if not every:
        return Collected()
    return run_to_end(_Collecting(project, journal, say).run(every))


class _Taking:
    """The answers of a batch that the cache does not have yet: so many are `taken`, and so many
    `left` to whoever knows the sensitive values that were asked for.
    """

    @property
    def text(self) -> str:
        """What was taken, in words."""
        said = f"{counted(self.taken, 'answer')} taken into the cache"
        if self.left:
            said += f", {self.left:,} left to the next apply, which knows what in them is sensitive"
        if self._lines:
            said += f"; {counted(len(self._lines), 'request')} got none"
        return said

    def __init__(
        self, lines: Iterable[SentLine], entry: "Callable[[SentLine, BatchLine], bytes | None]"
    ) -> None:
        self.taken = self.left = 0
        self._known: set[str] = set()  # of those without an answer, those that have a line
        self._lines = {line.id: line for line in lines}
        self._entry = entry

    def lack(self) -> bool:
        """Whether there are requests without a line."""
        return not self._lines.keys() <= self._known

    def entries(
        self, found: "Sequence[BatchLine]", is_kept: Callable[[str], bool]
    ) -> Iterator[tuple[str, bytes]]:
        """What the cache gets of some lines, by its keys."""
        for one in found:
            line = self._lines.get(one.id)
            if line is None:
                continue
            if is_kept(line.key):
                del self._lines[one.id]
                continue
            entry = self._entry(line, one)
            if entry is None:
                self._known.add(one.id)
                continue
            del self._lines[one.id]
            self.left += line.masked
            self.taken += not line.masked
            if not line.masked:
                yield line.key, entry


class _Collecting:
    """One look at every batch."""

    def __init__(self, project: Loaded, journal: BatchJournal, say: "Say") -> None:
        self._project, self._journal, self._say = project, journal, say
        self._owner = owner_of_batches(project)
        self._waiting: list[SentBatch] = []
        self._problems: list[Problem] = []
        self._hopeless = 0

    async def run(self, every: Iterable[SentBatch]) -> Collected:
        from runner.operations.connecting.connections import connections  # noqa: PLC0415  # aiohttp

        project = self._project
        with answers_of(project.store, project.owner, shared_answers(project)) as answers:
            async with (
                Cache(project.store.cache) as cache,
                sharing(project, answers, cache, self._say) as shares,
                connections(project) as held,
            ):
                for sent in every:
                    try:
                        await self._look(sent, held, shares)
                    except RunnerError as exc:  # no key, not trusted, or not the server's any more
                        said = " ".join(f"{p.summary}: {p.detail}" for p in exc.problems)
                        self._unseen(sent, said, hopeless=True)
        return Collected(tuple(self._waiting), tuple(self._problems), True, self._hopeless)

    async def _look(self, sent: SentBatch, held: "Connections", shares: Shares) -> None:
        api, settle = await asked_through(self._project, sent, held)
        if sent.reached in ("intent", "uploaded"):
            if sent.owner != self._owner:
                self._leave(sent)
                return
            found = await self._known(sent, api, settle)
            if found is None:
                return
            sent = found
        from runner.io.providers.openai.batch_lines import not_there  # noqa: PLC0415  # aiohttp

        seen = await api.look(sent.batch)
        if isinstance(seen, Failure):
            self._unseen(sent, not_there(sent, seen).message, hopeless=not _passes(seen))
        elif seen.stage == "waiting":
            self._waiting.append(sent)
        else:
            await self._take(sent, seen, api, shares)

    async def _known(self, sent: SentBatch, api: "BatchAPI", settle: float) -> SentBatch | None:
        """The batch of a run that ended before its id was written down; None if none was made."""
        from runner.io.providers.openai.batch_sending import look_for  # noqa: PLC0415  # aiohttp

        found = None
        if sent.reached == "uploaded":
            found = await look_for(api, sent, settle, _paused)
        if isinstance(found, Failure):
            self._unseen(sent, found.message, hopeless=not _passes(found))
            return None
        if found is None:
            await (api.delete(sent.file) if sent.file else api.delete_named(sent.key))
            self._journal.close(sent)
            return None
        made = structs.replace(sent, reached="created", batch=found.id, doubtful=True)
        self._journal.note(made)
        return made

    async def _take(
        self, sent: SentBatch, seen: "BatchSeen", api: "BatchAPI", shares: Shares
    ) -> None:
        from runner.io.providers.openai.batch_lines import unreadable  # noqa: PLC0415  # aiohttp
        from runner.io.providers.openai.batch_sending import cancel_others  # noqa: PLC0415
        from runner.io.providers.openai.batch_settling import read_answers  # noqa: PLC0415

        taking = _Taking(self._journal.lines(sent), partial(self._entry, sent, seen))
        pause = _seconds_between_looks(self._project)
        with answers_of(self._project.store, self._project.owner) as answers:

            async def take(found: Sequence["BatchLine"]) -> None:
                entries = [*taking.entries(found, answers.holds)]
                await asyncio.gather(*(shares.save(key, entry) for key, entry in entries))

            failed = await read_answers(api, seen, take, taking.lack, lambda: asyncio.sleep(pause))
        if failed is None and sent.reached != "ended":
            self._say(f"{sent.batch} {_ENDED[seen.stage]}: {taking.text}.")
        if failed is not None:
            self._unseen(sent, unreadable(sent, failed).message, hopeless=not _passes(failed))
        elif taking.left:
            self._journal.note(structs.replace(sent, reached="ended"))
        else:
            await api.delete(sent.file)
            if sent.doubtful:
                await cancel_others(api, sent, self._say)
            self._journal.close(sent)

    def _entry(
        self, sent: SentBatch, seen: "BatchSeen", line: SentLine, got: "BatchLine"
    ) -> bytes | None:
        """What the cache holds of an answer; None of anything else."""
        from runner.io.providers.openai.batch_worth import worth  # noqa: PLC0415  # aiohttp
        from runner.io.providers.openai.outcomes import Good  # noqa: PLC0415

        good, record = worth(got), line.record()
        if record is None or not isinstance(good, Good):
            return None
        provider = self._project.providers.get(sent.provider)
        secrets = self._project.secrets.and_also(() if provider is None else provider.secrets)
        whole = replace(
            record,
            response=redact(good.body, secrets),
            issued_at=_now(),
            duration_ms=seen.seconds * 1000,
            mended=good.mended,
            batch=sent.batch,
        )
        return to_entry(whole)

    def _leave(self, sent: SentBatch) -> None:
        """Another state's, which may just be sending it."""
        if time.time() - sent.at < _SENDING:
            self._waiting.append(sent)
            return
        said = (
            "another workspace or project with this cache began to send it, and ended before its "
            "id was known. `runner batch collect` there finds it; `runner batch forget "
            f"{sent.key}` gives it up."
        )
        self._unseen(sent, said, hopeless=True)

    def _unseen(self, sent: SentBatch, why: str, *, hopeless: bool) -> None:
        self._waiting.append(sent)
        self._hopeless += hopeless
        said = f"{sent.batch or sent.key}: {why}"
        self._problems.append(Problem("Batch not looked at", said, None, "warning"))


def _passes(failure: Failure) -> bool:
    """Whether it may be otherwise in a while."""
    return failure.status is None or failure.status >= 500 or failure.status in (408, 429)


async def _paused(seconds: float) -> bool:
    await asyncio.sleep(seconds)
    return False


def _now() -> str:
    from datetime import UTC, datetime  # noqa: PLC0415

    return time_of_record(datetime.now(UTC))


def collect_alone(project: Loaded, command: str, say: "Say") -> Collected:
    """As `collect`, for a command that does nothing else."""
    with project.store.lock(command, project.settings.lock_timeout):
        return collect(project, say)


def wait_for_all(project: Loaded, say: "Say") -> Collected:
    """Collect, again and again, until nothing is under way or nobody can look any more."""
    lost, wait = 0, _seconds_between_looks(project)
    while True:
        found = collect_alone(project, "runner batch wait", say)
        lost = lost + 1 if found.problems else 0
        if len(found.waiting) == found.hopeless or lost > _LOST:
            return found
        time.sleep(wait)


def _seconds_between_looks(project: Loaded) -> float:
    return min(map(_poll, project.declared.values()), default=30.0)


def _poll(declared: DeclaredProvider) -> float:
    table = declared.table.get("batch") or {}
    return float(table.get("poll", 30.0))
