"""The batches under way as they are shown, ended before their time, and given up."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.core.api.exchange import Failure
from runner.core.state.sent_batches import SentBatch
from runner.errors import Problem, RunnerError, error
from runner.io.batches import BatchJournal
from runner.operations.batches.asking import asked_through
from runner.operations.batches.under_way import journal_of
from runner.operations.blocking import run_to_end
from runner.operations.options import ProjectPlace
from runner.operations.project.places import settings_of, store_of
from runner.operations.reading.loaded import Loaded

if TYPE_CHECKING:
    from runner.operations.connecting.connections import Connections


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
    api, _ = await asked_through(project, sent, held)
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
                api, _ = await asked_through(project, sent, held)
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
