"""Batches looked at: their answers taken into the cache, and all that a person may do with them."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from runner.core.api.exchange import Failure
from runner.core.secrets.redact import redact
from runner.core.state.cache_entry import to_entry
from runner.core.state.sent_batches import SentBatch, SentLine
from runner.errors import Problem, RunnerError, counted, error
from runner.io.batches import BatchJournal
from runner.io.cache.writer import Cache
from runner.operations.batches.under_way import journal_of, owner_of_batches
from runner.operations.blocking import run_to_end
from runner.operations.caches.answers import answers_of
from runner.operations.caches.sharing import Shares, shared_answers, sharing
from runner.operations.options import ProjectPlace
from runner.operations.project.places import settings_of, store_of
from runner.operations.reading.loaded import Loaded

if TYPE_CHECKING:
    from runner.core.api.batches import BatchLine, BatchSeen
    from runner.io.providers.endpoint import Say
    from runner.io.providers.openai.batch_api import BatchAPI
    from runner.operations.connecting.connections import Connections


class Collected(Struct, frozen=True):
    """What taking the answers of all batches came to: so many are in the cache now, and these are
    still under way. It `looked` if there were any.
    """

    answers: int = 0
    waiting: tuple[SentBatch, ...] = ()
    problems: tuple[Problem, ...] = ()
    looked: bool = False


class ListedBatch(Struct, frozen=True):
    """A batch under way, and what its server said of it just now, if it was asked."""

    sent: SentBatch
    status: str
    done: int | None = None
    expires: int | None = None

    @property
    def name(self) -> str:
        """By what it is named on a command line."""
        return self.sent.batch or self.sent.key


def collect(project: Loaded, say: "Say" = lambda _: None) -> Collected:
    """Take what has been answered into the cache, while nobody else writes the state. Nothing is
    asked for that costs anything.
    """
    journal = journal_of(project)
    every = journal.all()
    if not every:
        return Collected()
    return run_to_end(_Collecting(project, journal, say).run(every))


class _Collecting:
    """One look at every batch."""

    def __init__(self, project: Loaded, journal: BatchJournal, say: "Say") -> None:
        self._project, self._journal, self._say = project, journal, say
        self._owner = owner_of_batches(project)
        self._answers = 0
        self._waiting: list[SentBatch] = []
        self._problems: list[Problem] = []

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
                        self._waiting.append(sent)
                        self._warn(sent, " ".join(f"{p.summary}: {p.detail}" for p in exc.problems))
        return Collected(self._answers, tuple(self._waiting), tuple(self._problems), looked=True)

    async def _look(self, sent: SentBatch, held: "Connections", shares: Shares) -> None:
        api, settle = await _api(self._project, sent, held)
        if sent.reached in ("intent", "uploaded"):
            if sent.owner != self._owner:
                self._waiting.append(sent)  # somebody may just be sending it
                return
            found = await self._known(sent, api, settle)
            if found is None:
                return
            sent = found
        from runner.io.providers.openai.batch_client import not_there  # noqa: PLC0415  # aiohttp

        seen = await api.look(sent.batch)
        if isinstance(seen, Failure):
            self._waiting.append(sent)
            self._warn(sent, not_there(sent, seen).message)
        elif seen.stage == "waiting":
            self._waiting.append(sent)
        else:
            await self._take(sent, seen, api, shares)

    async def _known(self, sent: SentBatch, api: "BatchAPI", settle: float) -> SentBatch | None:
        """The batch of a run that ended before its id was written down; None if none was made."""
        from runner.io.providers.openai.batch_client import look_for  # noqa: PLC0415  # aiohttp

        found = None
        if sent.reached == "uploaded":
            found = await look_for(api, sent, settle, _paused)
        if isinstance(found, Failure):
            self._waiting.append(sent)
            self._warn(sent, found.message)
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
        lines = {line.id: line for line in self._journal.lines(sent)}
        found: dict[str, BatchLine] = {}

        def take(line: "BatchLine | None") -> None:
            if line is not None and line.id in lines:
                found.setdefault(line.id, line)

        for file in seen.files:
            failed = await api.read(file, take)
            if failed is not None:
                self._waiting.append(sent)
                self._warn(sent, failed.message)
                return
        from runner.io.providers.openai.batch_client import cancel_others  # noqa: PLC0415

        left = 0
        with answers_of(self._project.store, self._project.owner) as answers:
            missing = [line for name, line in lines.items() if name in found]
            missing = [line for line in missing if answers.at(line.key) is None]
        saves = []
        for line in missing:
            entry = self._entry(sent, seen, line, found[line.id])
            if entry is not None and line.masked:
                left += 1
            elif entry is not None:
                saves.append(shares.save(line.key, entry))
        await asyncio.gather(*saves)
        self._answers += len(saves)
        if saves:
            self._say(f"{counted(len(saves), 'answer')} of {sent.batch} taken into the cache")
        if left:
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

    def _warn(self, sent: SentBatch, why: str) -> None:
        said = f"{sent.batch or sent.key}: {why}"
        self._problems.append(Problem("Batch not looked at", said, None, "warning"))


async def _paused(seconds: float) -> bool:
    await asyncio.sleep(seconds)
    return False


async def _api(project: Loaded, sent: SentBatch, held: "Connections") -> tuple["BatchAPI", float]:
    """The way to a batch: by what the configuration says of its provider, never by the journal."""
    own = project.providers.get(sent.provider)
    names = [name for name, one in project.providers.items() if one.identity == sent.identity]
    if own is not None and own.identity == sent.identity:
        names = [sent.provider]
    if not names:
        raise error(
            "Provider is gone",
            f"no provider of the configuration is {sent.identity}. Declare it again, or forget the "
            "batch.",
        )
    return await held.batch_api(names[0])


def _now() -> str:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def collect_alone(project: Loaded, command: str, say: "Say") -> Collected:
    """As `collect`, for a command that does nothing else."""
    with project.store.lock(command, project.settings.lock_timeout):
        return collect(project, say)


def wait_for_all(project: Loaded, say: "Say") -> Collected:
    """Collect, again and again, until nothing is under way or nobody can look any more."""
    answers, wait = 0, min(map(_poll, project.declared.values()), default=30.0)
    while True:
        found = collect_alone(project, "runner batch wait", say)
        answers += found.answers
        if not found.waiting or found.problems:
            return Collected(answers, found.waiting, found.problems)
        time.sleep(wait)


def _poll(declared: object) -> float:
    table = getattr(declared, "table", {}).get("batch") or {}
    return float(table.get("poll", 30.0))


def listed_here(place: ProjectPlace) -> list[ListedBatch]:
    """Every batch, without asking anybody."""
    journal = BatchJournal(store_of(place).cache)
    return [ListedBatch(sent, sent.reached) for sent in journal.all()]


def listed_there(project: Loaded) -> tuple[list[ListedBatch], list[Problem]]:
    """Every batch, and where it is now as its server says; nothing is written."""
    every = journal_of(project).all()
    problems: list[Problem] = []

    async def look() -> list[ListedBatch]:
        from runner.operations.connecting.connections import connections  # noqa: PLC0415  # aiohttp

        found = []
        async with connections(project) as held:
            for sent in every:
                try:
                    found.append(await _listed(project, sent, held))
                except RunnerError as exc:
                    problems.extend(replace(one, severity="warning") for one in exc.problems)
                    found.append(ListedBatch(sent, "unknown"))
        return found

    return (run_to_end(look()) if every else []), problems


async def _listed(project: Loaded, sent: SentBatch, held: "Connections") -> ListedBatch:
    if not sent.batch:
        return ListedBatch(sent, sent.reached)
    api, _ = await _api(project, sent, held)
    seen = await api.look(sent.batch)
    if isinstance(seen, Failure):
        raise error("Batch not looked at", f"{sent.batch}: {seen.message}")
    return ListedBatch(sent, seen.status, seen.done, seen.expires)


def cancel(project: Loaded, names: Sequence[str]) -> list[tuple[SentBatch, str]]:
    """End these batches at their server, or all; what is answered by then is not lost. With what
    each server said.
    """
    chosen = [*_chosen(journal_of(project), names)]

    async def ask() -> list[tuple[SentBatch, str]]:
        from runner.operations.connecting.connections import connections  # noqa: PLC0415  # aiohttp

        async with connections(project) as held:
            found = []
            for sent in chosen:
                if not sent.batch:
                    continue
                api, _ = await _api(project, sent, held)
                seen = await api.cancel(sent.batch)
                found.append((sent, seen.message if isinstance(seen, Failure) else seen.status))
            return found

    return run_to_end(ask()) if chosen else []


def forget(place: ProjectPlace, names: Sequence[str]) -> list[SentBatch]:
    """Await these batches no more: what they ask is asked for again, and paid for again."""
    store, held = store_of(place), settings_of(place)
    journal = BatchJournal(store.cache)
    with store.lock("runner batch forget", held.lock_timeout):
        chosen = [*_chosen(journal, names)]
        for sent in chosen:
            journal.close(sent)
    return chosen


def _chosen(journal: BatchJournal, names: Sequence[str]) -> Iterator[SentBatch]:
    every = journal.all()
    known = {name for sent in every for name in (sent.batch, sent.key)}
    for name in names:
        if name not in known:
            raise error(
                "Unknown batch",
                f"No batch {name} is under way here. `runner batch list` shows those that are.",
            )
    for sent in every:
        if not names or sent.batch in names or sent.key in names:
            yield sent
