"""States as they were: at a revision of git, in a file, in a workspace, or as one stands now."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from runner.core.address import is_address
from runner.core.state.file import decode
from runner.core.state.records import State, empty
from runner.core.state.shards import RecordFile, StateText, shard_file, shard_named, shards_in
from runner.errors import RunnerError, Where, error
from runner.io import files
from runner.io.git.repository import Commit, Repository
from runner.io.state.local import read_state_file
from runner.io.state.store import Store
from runner.operations.options import ProjectPlace
from runner.operations.project.places import project_directory, store_of, workspace_store
from runner.operations.project.workspaces import workspace_names
from runner.operations.recorded.records import unknown_serial

_SHORT = 7  # digits of a commit's id that people are shown
_WORKSPACE, _SERIAL = "workspace:", "serial:"


class WorkingState(Struct, frozen=True):
    """The state as it stands now."""


class AtRevision(Struct, frozen=True):
    """The state as a commit has it."""

    revision: str


class AtMergeBase(Struct, frozen=True):
    """The state as the last commit has it that two revisions have in common."""

    one: str
    other: str


class InFile(Struct, frozen=True):
    """A state that a file holds."""

    path: str


class InWorkspace(Struct, frozen=True):
    """The state of another workspace, as it stands now."""

    workspace: str


class AtSerial(Struct, frozen=True):
    """The state that had a serial, as far as the backend keeps it."""

    serial: int


StateSource = WorkingState | AtRevision | AtMergeBase | InFile | InWorkspace | AtSerial


@dataclass(frozen=True, slots=True)
class StateAt:
    """A state and what it is called, with the id of the commit that it is read from. Where there
    is none, it is empty, and `missing` says so in a sentence.
    """

    name: str
    state: State
    commit: str | None = None
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class StateHistory:
    """Where git holds the states of a workspace: the repository, and the state's file in it."""

    repository: Repository
    path: str

    @property
    def paths(self) -> tuple[str, str]:
        """Where its files are: the state's, and the folder of its shards."""
        return self.path, self._beside(shard_file("")).rpartition("/")[0]

    def is_of(self, path: str) -> bool:
        """Whether it is a file of it; whatever else is beside its shards is none."""
        name = shard_named(path)
        return path == self.path or (name is not None and path == self.place_of(name))

    def commits(self, after: str | None = None, since: str | None = None) -> Iterator[Commit]:
        """Those that changed any of its files, newest first (`Repository.commits`)."""
        return self.repository.commits(*self.paths, after=after, since=since, meant=self.is_of)

    def files_in(self, commit: str) -> dict[str, str]:
        """The blob of each file of the state in a commit, by its path: no shard that it does not
        list.
        """
        state, shards = (self.repository.tree(commit, path) for path in self.paths)
        if not state or not shards:
            return state
        (head,) = (data for _, data in self.repository.blobs(state.values()))
        listed = map(self.place_of, shards_in(head))
        return state | {path: shards[path] for path in listed if path in shards}

    def text_in(self, commit: str, called: str) -> StateText | None:
        """The state in a commit; None if there is none. `called` is what messages call that."""
        head = self.repository.read(commit, self.path)
        if head is None or not (listed := shards_in(head)):
            return None if head is None else StateText(head)
        blobs = self.files_in(commit)
        places = {name: self.place_of(name) for name in listed}
        there = {name: place for name, place in places.items() if place in blobs}
        held = self.repository.blobs(blobs[place] for place in there.values())
        return StateText(
            head,
            {
                name: RecordFile(f"{place} in {called}", data)
                for (name, place), (_, data) in zip(there.items(), held, strict=True)
            },
        )

    def place_of(self, shard: str) -> str:
        """The path of a shard."""
        return self._beside(shard_file(shard))

    def _beside(self, name: str) -> str:
        folder, slash, _ = self.path.rpartition("/")
        return f"{folder}{slash}{name}"


def short_id(commit: str) -> str:
    """A commit's id as people are shown it."""
    return commit[:_SHORT]


def state_at(place: ProjectPlace, source: StateSource) -> StateAt:
    """The state that is meant; RunnerError where nobody can tell: there is no such revision or
    file, or it is no state.
    """
    match source:
        case WorkingState():
            return _stored(store_of(place))
        case InWorkspace(workspace):
            return _stored(_other_store(place, workspace))
        case InFile(path):
            return StateAt(path, decode(_read_named(path), path, "Name another file."))
        case AtSerial(serial):
            return _numbered(store_of(place), serial)
        case AtRevision(revision):
            held = history_of(place)
            return _committed(held, held.repository.resolve(revision), revision)
        case AtMergeBase(one, other):
            held = history_of(place)
            base = held.repository.merge_base(one, other)
            return _committed(held, base, f"{one}...{other}")


def history_of(place: ProjectPlace) -> StateHistory:
    """Where git holds the states of the workspace that is meant; RunnerError where it holds none:
    there is no repository, or the state is outside of it.
    """
    store = store_of(place)
    file = store.backend.file
    if file is None:
        raise error("No file of a state", f"{store.name} is no file that git could hold.")
    folder = file.parent if file.parent.is_dir() else project_directory(place)
    repository = Repository.around(folder)
    path = None if repository is None else repository.path_of(file)
    if repository is None or path is None:
        raise error(
            "No git repository",
            f"{store.name} is in no git repository (or git is not installed), so there are no "
            "earlier states of it to look at.",
            Where(store.name),
        )
    return StateHistory(repository, path)


def source_of(place: ProjectPlace, text: str) -> StateSource:
    """What names one state on a command line: a revision of git, a file, `workspace:NAME`, or
    `serial:N`. RunnerError for what can be none of them.
    """
    if text.startswith(_WORKSPACE):
        return InWorkspace(text.removeprefix(_WORKSPACE))
    if text.startswith(_SERIAL):
        number = text.removeprefix(_SERIAL)
        if not re.fullmatch("[0-9]{1,12}", number):
            raise error("No serial", f"{text} has no number. Write one such as {_SERIAL}7.")
        return AtSerial(int(number))
    if Path(text).is_file() and (_is_path(text) or not _names_commit(place, text)):
        return InFile(text)
    if (_is_path(text) or is_address(text)) and not _names_commit(place, text):
        raise _no_state(text)
    return AtRevision(text)


def _no_state(text: str) -> RunnerError:
    what = "is an address of answers" if is_address(text) else "is no file"
    return error(
        "No state of that name",
        f'"{text}" {what}, and names no commit. A state is named by a revision of git (HEAD~1, a '
        f"tag, a branch), the path of its file, {_WORKSPACE}NAME or {_SERIAL}N.",
    )


def sources_of(place: ProjectPlace, words: Sequence[str]) -> tuple[StateSource, StateSource]:
    """What is compared with what, as `git diff` has it: nothing is HEAD and what stands now, A is
    A and what stands now, A B and A..B are those two, and A...B is what B has since it left A. A
    side of the dots that is left out is HEAD.
    """
    match words:
        case []:
            return _usual(place), WorkingState()
        case [one] if "..." in one and not _is_path(one):
            left, _, right = one.partition("...")
            return AtMergeBase(left or "HEAD", right or "HEAD"), AtRevision(right or "HEAD")
        case [one] if ".." in one and not _is_path(one):
            left, _, right = one.partition("..")
            return source_of(place, left or "HEAD"), source_of(place, right or "HEAD")
        case [one]:
            return source_of(place, one), WorkingState()
        case [one, other]:
            return source_of(place, one), source_of(place, other)
        case _:
            raise error("Too many revisions", f"{' '.join(words)} are more than two.")


def _usual(place: ProjectPlace) -> StateSource:
    """The last commit; where the state is no file that git could hold, the state before this."""
    backend = store_of(place).backend
    if backend.file is not None:
        return AtRevision("HEAD")
    kept = backend.kept()
    return AtSerial(kept[1].serial) if len(kept) > 1 else WorkingState()


def _stored(store: Store) -> StateAt:
    state = store.load()
    if state is None:
        return StateAt(store.name, empty("", ""), missing=f"There is no {store.name}.")
    return StateAt(store.name, state)


def _numbered(store: Store, serial: int) -> StateAt:
    state = store.of_serial(serial)
    if state is None:
        raise unknown_serial(store, serial)
    return StateAt(f"{_SERIAL}{serial}", state)


def _other_store(place: ProjectPlace, workspace: str) -> Store:
    known = workspace_names(place)
    if workspace not in known:
        said = f'There is no workspace "{workspace}": there are {", ".join(known)}.'
        raise error("Unknown workspace", said)
    return workspace_store(place, workspace)


def _committed(held: StateHistory, commit: str, revision: str) -> StateAt:
    short = short_id(commit)
    name = short if commit.startswith(revision) else f"{revision} ({short})"
    text = held.text_in(commit, name)
    if text is None:
        missing = (
            f"{name} holds no {held.path}: whoever wants its answers in git commits that file."
        )
        return StateAt(name, empty("", ""), commit, missing)
    return StateAt(name, decode(text, f"{held.path} in {name}", "Name another revision."), commit)


def _read_named(path: str) -> StateText:
    data = files.read_named(path)
    return read_state_file(Path(path), data) if shards_in(data) else StateText(data)


def _is_path(text: str) -> bool:
    """Whether it is written as the path of a file, and as no revision."""
    return text.startswith(("/", "./", "../", "~")) or text.endswith(".json")


def _names_commit(place: ProjectPlace, text: str) -> bool:
    try:
        return history_of(place).repository.names_commit(text)
    except RunnerError:
        return False
