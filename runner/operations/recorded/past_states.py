"""What changed from state to state: from commit to commit, or as a backend keeps states."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice

from msgspec import Struct

from runner.core.address import in_order
from runner.core.state.file import check_listed, lines_in
from runner.core.state.line import decode_record
from runner.core.state.records import Record, State
from runner.core.state.shards import RecordFile, StateText
from runner.core.state.written import UNREADABLE
from runner.core.viewing.changes import (
    AnswerChange,
    change_at,
    changes,
)
from runner.errors import Problem, RunnerError, error
from runner.io.git.repository import Commit, Repository, blob_id
from runner.io.state.backend import KeptState
from runner.io.state.store import Store
from runner.operations.options import ProjectPlace
from runner.operations.project.places import store_of
from runner.operations.recorded.revisions import StateHistory, history_of

_Asked = tuple[Commit, tuple[tuple[str, ...], ...]]
_AGO = ("ago", "yesterday", "today", "noon", "midnight", "last")  # in dates as git takes them


class Asking(Struct, frozen=True):
    """Which part of a history: what is newer than a revision or a date, and so much of that."""

    since: str | None = None
    limit: int | None = None


class ChangedIn(Struct, frozen=True):
    """What changed in one commit, or, where that is None, in the state since the last one. Changes
    are those against the commit's first parent that stand against each other parent too.
    `is_oldest` says that a shallow clone knows nothing older, so that nobody knows what changed;
    so it is with the oldest state that a backend keeps. `kept` is that state, where it was no
    commit.
    """

    commit: Commit | None
    changes: tuple[AnswerChange, ...]
    is_oldest: bool = False
    kept: KeptState | None = None


@dataclass(slots=True)
class StateReading:
    """How a state's bytes are read: as the lines that are looked at."""

    notes: list[Problem]
    lines: Callable[[bytes, str], Sequence[bytes]]
    records: dict[bytes, Record] = field(default_factory=dict)

    def held(self, data: bytes, name: str) -> Sequence[bytes]:
        """The lines of a file of a state; none of one that cannot be read, which is noted."""
        if not data:  # a shard that holds none
            return ()
        try:
            return self.lines(data, name)
        except RunnerError as exc:
            said = f"{name} of a commit is left out: {exc.problems[0].summary.lower()}."
            self.note("State cannot be read", said)
            return ()

    def all_held(self, files: Iterable[bytes], name: str) -> list[bytes]:
        """The lines of some files of a state."""
        return [line for data in files for line in self.held(data, name)]

    def changed(
        self, before: Iterable[bytes], after: Iterable[bytes], *, is_merge: bool = False
    ) -> dict[str, AnswerChange]:
        """What changed between the lines of two states, by address. What moved is not looked for
        in a merge, whose parents have it each under an address of its own.
        """
        old, new = set(before), set(after)
        if old == new:
            return {}
        then, now = self._state(old - new), self._state(new - old)
        if not is_merge:
            return {change.address: change for change in changes(then, now)}
        held = (
            change_at(at, then.records.get(at), now.records.get(at))
            for at in in_order({*then.records, *now.records})
        )
        return {change.address: change for change in held if change is not None}

    def _state(self, lines: Iterable[bytes]) -> State:
        held = [record for line in lines if (record := self._record(line)) is not None]
        return State(1, "", 0, "", "", {one.address: one for one in held})

    def _record(self, line: bytes) -> Record | None:
        if line not in self.records:
            try:
                self.records[line] = decode_record(line)
            except UNREADABLE:
                self.note("Record cannot be read", "It is left out of its commit.")
                return None
        return self.records[line]

    def note(self, summary: str, said: str) -> None:
        """What has to be said, once."""
        problem = Problem(summary, said, None, "warning")
        if problem not in self.notes:
            self.notes.append(problem)


def changed_states(
    place: ProjectPlace, asking: Asking, reading: StateReading
) -> Iterator[ChangedIn]:
    """What the state has that is not committed, then each commit; where git cannot hold it, each
    state that the backend keeps.
    """
    store = store_of(place)
    if store.backend.file is None:
        yield from _serials(store, asking, reading)
        return
    try:
        held = history_of(place)
    except RunnerError as exc:
        reading.notes.extend(replace(one, severity="warning") for one in exc.problems)
        yield from _working(place, None, reading)
        return
    head = held.repository.names_commit("HEAD")
    if not head or held.path not in held.files_in(held.repository.resolve("HEAD")):
        said = f"{held.path} is not committed, so git holds no earlier answers."
        reading.note("State is not committed", said)
    yield from _working(place, held if head else None, reading)
    if head:
        yield from _committed(held, asking, reading)


def _serials(store: Store, asking: Asking, reading: StateReading) -> Iterator[ChangedIn]:
    """What changed with each state that is kept, the newest first."""
    kept = list(store.backend.kept())
    after = None if not kept else _lines_of(store, kept[0], reading)
    for at, one in enumerate(kept):
        if asking.since is not None and not _is_since(one, asking.since):
            return
        older = kept[at + 1] if at + 1 < len(kept) else None
        before = () if older is None else _lines_of(store, older, reading)
        changed = reading.changed(before, after or ())
        is_oldest = older is None and one.serial > 1
        if changed:
            yield ChangedIn(None, (*changed.values(),), is_oldest, one)
        after = before


def _lines_of(store: Store, one: KeptState, reading: StateReading) -> Sequence[bytes]:
    found = store.backend.read(one.serial)
    return () if found is None else reading.all_held(found.text.files, f"serial {one.serial}")


def _is_since(one: KeptState, text: str) -> bool:
    """Whether a state is newer than a serial or a date; RunnerError for what is neither."""
    if text.startswith("serial:") and text[7:].isdecimal():
        return one.serial > int(text[7:])
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        said = f'"{text}" is neither a serial, such as serial:7, nor a date, such as 2026-09-01.'
        raise error("Unknown serial or date", said) from None
    since = since if since.tzinfo is not None else since.replace(tzinfo=UTC)
    return bool(one.written) and datetime.fromisoformat(one.written) >= since


def _working(
    place: ProjectPlace, held: StateHistory | None, reading: StateReading
) -> Iterator[ChangedIn]:
    """What the state has otherwise than the last commit, where there is any; RunnerError if it
    cannot be read. Files that are as they were committed are not looked into.
    """
    store = store_of(place)
    found = store.backend.read()
    if found is not None:
        check_listed(found.text, store.name)
    here = {} if found is None else _files(held, found.text, store.name)
    tip = {} if held is None else held.files_in(held.repository.resolve("HEAD"))
    same = {
        path
        for path, blob in tip.items()
        if path in here and blob_id(here[path].data, blob) == blob
    }
    before: list[bytes] = []
    if held is not None:
        blobs = [blob for path, blob in tip.items() if path not in same]
        before = reading.all_held((data for _, data in held.repository.blobs(blobs)), held.path)
    now = [reading.lines(one.data, one.name) for path, one in here.items() if path not in same]
    changed = reading.changed(before, chain(*now))
    if changed:
        yield ChangedIn(None, (*changed.values(),))


def _files(held: StateHistory | None, text: StateText, name: str) -> dict[str, RecordFile]:
    """The files of a state by their paths in a repository; a shard without a record is left out."""
    head = RecordFile(name, text.head)
    shards = {shard: one for shard, one in text.shards.items() if one.data}
    if held is None:
        return {"": head, **shards}
    return {held.path: head, **{held.place_of(shard): one for shard, one in shards.items()}}


def _committed(held: StateHistory, asking: Asking, reading: StateReading) -> Iterator[ChangedIn]:
    repository = held.repository
    cut_off = repository.cut_off()
    if cut_off:
        said = "What is older than its first commit is not here: `git fetch --unshallow` brings it."
        reading.note("Clone is shallow", said)
    after, since = _since(repository, asking.since)
    commits = held.commits(after, since)
    asked = ((commit, (commit.blobs, *commit.before)) for commit in commits)
    lines = partial(reading.held, name=held.path)
    for commit, (now, *before) in lines_of_commits(repository, asked, lines):
        is_merge = len(before) > 1
        changed = [reading.changed(side, now, is_merge=is_merge) for side in before]
        of_all = set(changed[0]).intersection(*changed[1:])
        kept = tuple(change for at, change in changed[0].items() if at in of_all)
        if kept:
            yield ChangedIn(commit, kept, commit.id in cut_off)


def lines_of_commits(
    repository: Repository, commits: Iterable[_Asked], lines: Callable[[bytes], Sequence[bytes]]
) -> Iterator[tuple[Commit, tuple[tuple[bytes, ...], ...]]]:
    """Each commit with the lines of some groups of blobs; each blob is read once."""
    asked: dict[str, None] = {}
    known: dict[str, Sequence[bytes]] = {}
    waiting: deque[_Asked] = deque()

    def wanted() -> Iterator[str]:
        for one in commits:
            waiting.append(one)
            new = dict.fromkeys(blob for blob in chain(*one[1]) if blob not in asked)
            asked.update(new)
            yield from new

    def ready() -> Iterator[tuple[Commit, tuple[tuple[bytes, ...], ...]]]:
        while waiting and all(blob in known for blob in chain(*waiting[0][1])):
            commit, groups = waiting.popleft()
            found = ((line for blob in group for line in known[blob]) for group in groups)
            yield commit, tuple(map(tuple, found))

    for blob, data in repository.blobs(wanted()):
        known[blob] = lines(data)
        yield from ready()
    yield from ready()


def _since(repository: Repository, text: str | None) -> tuple[str | None, str | None]:
    """A revision after which, or a date since which; RunnerError for what is neither."""
    if text is None:
        return None, None
    if repository.names_commit(text):
        return text, None
    try:
        datetime.fromisoformat(text)
    except ValueError:
        if not any(word in _AGO for word in text.replace(".", " ").split()):
            said = (
                f'"{text}" is neither a revision of this repository nor a date, such as 2026-09-01 '
                'or "2 weeks ago".'
            )
            raise error("Unknown revision or date", said) from None
    return None, text


def lines_over(place: ProjectPlace, limit: int) -> Iterator[tuple[Commit, tuple[bytes, ...]]]:
    """The lines of the state in each of so many last commits that changed it, newest first, each
    line once in memory. RunnerError where git holds none.
    """
    held = history_of(place)
    if not held.repository.names_commit("HEAD"):
        return
    known: dict[bytes, bytes] = {}
    reading = StateReading([], lines_in)

    def lines(blob: bytes) -> tuple[bytes, ...]:
        return tuple(known.setdefault(line, line) for line in reading.held(blob, held.path))

    commits = islice(held.commits(), limit)
    whole = ((commit, ((*held.files_in(commit.id).values(),),)) for commit in commits)
    for commit, (now,) in lines_of_commits(held.repository, whole, lines):
        yield commit, now
