"""The batches of a project: which of its requests are under way in them."""

from collections.abc import Iterable, Mapping

from runner.core.address import first_few
from runner.core.canonical import digest
from runner.core.plan.actions import Issue
from runner.core.plan.plan import PlannedSteps
from runner.core.state.cache_entry import cache_key
from runner.core.state.sent_batches import SentBatch
from runner.errors import Problem, counted, error
from runner.io.batches import BatchJournal
from runner.operations.caches.answers import answers_of
from runner.operations.reading.loaded import Loaded


def journal_of(project: Loaded) -> BatchJournal:
    """What is known of the batches of a project."""
    return BatchJournal(project.store.cache)


def owner_of_batches(project: Loaded) -> str:
    """Whose batches are those that nobody else may give up."""
    return digest(str(project.store.directory.resolve()).encode())[:16]


def are_kept(project: Loaded, keys: Iterable[str]) -> bool:
    """Whether the cache has these answers by now."""
    with answers_of(project.store, project.owner) as answers:
        return all(map(answers.holds, keys))


def under_way(project: Loaded) -> Mapping[str, SentBatch]:
    """The requests that are in batches by now, by the keys of their answers; of several batches,
    the newest.
    """
    journal = journal_of(project)
    found: dict[str, SentBatch] = {}
    for sent in journal.all():
        if sent.reached != "intent":
            found.update((line.key, sent) for line in journal.lines(sent))
    return found


def planned_batches(plan: PlannedSteps, found: Mapping[str, SentBatch]) -> Mapping[str, SentBatch]:
    """Those of the requests of a plan that are under way, by address."""
    if not found:
        return {}
    keys = {step.address: _key(made) for step, made in plan.of(Issue)}
    return {address: found[key] for address, key in keys.items() if key in found}


def _key(made: Issue) -> str:
    return cache_key(made.fingerprint, made.sample)


def warn_of_left(project: Loaded, names: Iterable[str]) -> None:
    """What a team has to know of batches that a run leaves to a server: others do not see them."""
    is_shared = project.shared is not None or project.store.backend.file is None
    found = [*dict.fromkeys(names)]
    if not found or not is_shared:
        return
    are = "is" if len(found) == 1 else "are"
    said = (
        f"{first_few(found, 5)} {are} written down in {journal_of(project).directory}, which is "
        "neither in the state nor in the shared cache. On another machine, or where that folder is "
        "not kept, an apply sends the same requests again, and pays for them again. Collect here "
        "(`runner batch wait`), or keep or copy the folder."
    )
    project.warnings.append(Problem("Batches are known here alone", said, None, "warning"))


def refuse_twice(found: Mapping[str, SentBatch], again: str, *, batch: bool) -> None:
    """RunnerError where requests are under way that would be sent, and paid for, once more."""
    doubtful = [name for name, sent in found.items() if sent.reached == "uploaded"]
    waiting = [name for name, sent in found.items() if sent.reached == "created" and not batch]
    if waiting:
        names = ", ".join(dict.fromkeys(found[name].batch for name in waiting))
        raise error(
            "Requests are under way",
            f"{counted(len(waiting), 'request')} of this plan would be paid twice: they are under "
            f"way in {names} ({first_few(waiting, 3)}). `{again} apply --batch` waits for them, "
            f"and `{again} batch list` shows where they are; --ignore-batches sends them all the "
            "same.",
        )
    if doubtful:
        key = found[doubtful[0]].key
        raise error(
            "Batch may have been made",
            f"Nobody knows yet whether the server made a batch of {first_few(doubtful, 3)}: the "
            f"run that asked for it ended first. Apply again when its lists can be read; `{again} "
            f"batch forget {key}` sends all of it again, --ignore-batches what this plan asks.",
        )
