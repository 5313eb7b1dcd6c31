"""A state in a folder of this machine, which is where it lives unless somebody says otherwise."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from runner.core.language.names import is_workspace
from runner.core.state.file import Document, relisted
from runner.core.state.header import serial_in
from runner.core.state.shards import StateLayout, StateText, shards_in
from runner.errors import Problem, RunnerError, Where, error
from runner.io import files
from runner.io.state.backend import (
    DEFAULT,
    KeptState,
    Snapshot,
    Version,
    Which,
    WrittenState,
    locked,
    overwriting,
)
from runner.io.state.lock import Lock, never
from runner.io.state.lock_info import LockInfo, at, has_ended, lock_info, read_lock_info
from runner.io.state.shard_files import (
    foreign_in,
    read_shards,
    remove_shards,
    shard_versions,
    shards_folder,
    tidy,
    undo_cut_off,
    write_shards,
)

NAME = "state.json"
OUTPUTS = "outputs.json"
WORKSPACES = "workspaces"
LOCK = ".lock"
_TRIES = 5


class Folder:
    """The files of one state: a backend whose versions are those of a file, and of the shards that
    this may list. The state before the last is kept beside it, and the lock is the kernel's: it
    ends with its process, however.
    """

    def __init__(self, directory: Path, layout: StateLayout | None = None) -> None:
        self.directory = directory
        self.layout = layout
        self.path = directory / NAME
        self.backup = directory / f"{NAME}.backup"
        self.name = str(self.path)
        self._info = directory / f"{LOCK}.info"
        self._lock: Lock | None = None

    @property
    def locks(self) -> tuple[Path, Path]:
        """The file that is locked, and the one that says who holds it."""
        return self.directory / LOCK, self._info

    @property
    def names(self) -> tuple[Path, ...]:
        """Everything in the folder that is read or written under a name of its own."""
        beside = self.directory / OUTPUTS, shards_folder(self.directory)
        return (self.path, self.backup, *beside, *self.locks)

    @property
    def file(self) -> Path:
        """The file of the state."""
        return self.path

    @property
    def way_back(self) -> None:
        """The backup."""
        return

    @property
    def is_counted(self) -> bool:
        """No: a state that is pushed brings its own."""
        return False

    def exists(self) -> bool:
        """Whether there is the folder."""
        return self.directory.is_dir()

    def version(self) -> Version:
        """Which files stand there; that of the state is another one after each write."""
        found, shards = files.identity(self.path), shard_versions(self.path)
        return (found, *shards) if found is not None and shards else found

    def read(self, which: Which = "last") -> Snapshot | None:
        """The file as a whole, with the shards that it lists; anew if somebody's write came between
        them.
        """
        path = self._file(which)
        if path is None:
            return None
        for left in reversed(range(_TRIES)):
            version = self.version()  # before: what is written meanwhile is never taken for it
            data = files.read(path)
            if data is None:
                break
            found = read_shards(path, data, before=path == self.backup)
            told = tuple(found.problems(self.name, is_held=self._is_held()))
            if not left or found.is_listed or self.version() == version:
                return Snapshot(data, version, found.text.shards, found.stand, found.fits, told)
        return None

    def header(self, which: Which = "last") -> bytes:
        """The first line; nothing if it cannot be read."""
        path = self._file(which)
        return b"" if path is None else _first_line(path)

    def absence(self) -> tuple[Problem, ...]:
        """A warning where the state before the last is there."""
        if files.identity(self.backup) is None:
            return ()
        detail = (
            f"{self.path} does not exist, but {self.backup} does: this is taken for a fresh start. "
            f"If it is not, stop and restore it: cp {self.backup} {self.path}"
        )
        return (Problem("State file is missing", detail, Where(self.name), severity="warning"),)

    def write(self, document: Document, after: Version) -> WrittenState:
        """The parts follow the header in one file; or the shards that changed are written, and then
        the file that lists them.
        """
        if self.version() != after:
            raise overwriting(self.name)
        files.make_directory(self.directory)
        if after is not None:
            undo_cut_off(self.path)
            self._list_as_they_are(document)
            files.keep_copy(self.path, self.backup)
        split = document.split
        if split is None:
            files.write_atomic(self.path, document.pieces())
            tidy(self.path, {}, {})
            return WrittenState(self.version())
        changed = write_shards(self.path, split)
        shards = split.shards(changed)
        files.write_atomic(self.path, split.head(changed))
        tidy(self.path, shards, changed)
        return WrittenState(self.version(), shards)

    def _list_as_they_are(self, document: Document) -> None:
        """What a merge or an edit made of the shards is what a write that is cut off leaves."""
        stand = document.split.before if document.split is not None else {}
        head = files.read(self.path) if stand else None
        if head is not None and shards_in(head) != stand:
            files.write_atomic(self.path, relisted(head, stand.values(), self.name))

    @contextmanager
    def lock(
        self, command: str, timeout: float = 0.0, given_up: Callable[[], bool] = never
    ) -> Iterator[None]:
        """Holds the folder, made if need be; one that nothing was kept in goes again."""
        made = files.make_directory(self.directory)
        held = Lock(self.directory / LOCK)
        try:
            if not held.acquire(0.0):
                _tell_waiting(self.directory, timeout)
                if not held.acquire(timeout, given_up):
                    way_out = "The lock ends with that process: there is nothing to clean up."
                    raise locked(self.name, self._holder(), way_out)
        except OSError as cause:
            raise files.failure("lock", self.directory, cause) from cause
        self._lock = held
        try:
            files.write_atomic(self._info, msgspec.json.encode(lock_info(command, self.name)))
            yield
        finally:
            if not held.lost():  # else it is another holder's
                with suppress(RunnerError):
                    files.remove(self._info)
            self._lock = None
            if made and self._is_unused():
                held.discard()
                _remove_empty(made)
            held.release()

    def unlock(self, identifier: str | None) -> None:  # noqa: ARG002
        """RunnerError if a process holds it: the kernel's lock ends with that alone."""
        if self.exists():
            with self.lock("runner force-unlock"):
                pass

    def kept(self) -> list[KeptState]:
        """That of the file, and that of the backup."""
        found = {serial_in(_first_line(path)): path for path in (self.backup, self.path)}
        return [
            KeptState(serial, held.size + _listed_bytes(path), at(held.modified / 1e9))
            for serial, path in sorted(
                ((serial, path) for serial, path in found.items() if serial is not None),
                reverse=True,
            )
            if (held := files.identity(path)) is not None
        ]

    def lost(self) -> str | None:
        """Whether the lock's file is another one, or none."""
        if self._lock is None or not self._lock.lost():
            return None
        return (
            f"the lock {self.directory / LOCK} was deleted or replaced while this command held it, "
            "and another command may have begun. Leave that file alone while a command runs"
        )

    def probe(self) -> None:
        """Writes a file beside the state, and removes it."""
        files.probe_writable(self.directory)

    def delete(self) -> None:
        """The files but for those of the lock, which go with the workspace."""
        foreign = sorted({*self.directory.iterdir()} - {*self.names}) or foreign_in(self.path)
        if foreign:
            raise error(
                "Workspace holds other files",
                f"{foreign[0]} is no part of a state (answers that could not be written elsewhere "
                "are in errored-* files). Move it away first.",
            )
        remove_shards(self.path)
        for path in (self.path, self.backup, self.directory / OUTPUTS):
            files.remove(path)

    def _file(self, which: Which) -> Path | None:
        match which:
            case "last":
                return self.path
            case "before":
                return self.backup
            case int():
                held = (p for p in (self.path, self.backup) if serial_in(_first_line(p)) == which)
                return next(held, None)

    def _is_unused(self) -> bool:
        """Whether there is nothing but the lock."""
        try:
            return [path.name for path in self.directory.iterdir()] == [LOCK]
        except OSError:
            return False

    def _is_held(self) -> bool:
        holder = self._holder()
        return holder is not None and not has_ended(holder)

    def _holder(self) -> LockInfo | None:
        data = files.read(self._info)
        return None if data is None else read_lock_info(data)


def _first_line(path: Path) -> bytes:
    """Nothing if it cannot be read."""
    try:
        return files.first_line(path) or b""
    except RunnerError:
        return b""


def _listed_bytes(path: Path) -> int:
    """How many bytes the shards are that a state's file lists."""
    if not shards_folder(path.parent).is_dir():
        return 0
    return sum(shard.bytes for shard in shards_in(files.read(path) or b"").values())


def read_state_file(path: Path, data: bytes) -> StateText:
    """The state that a file holds, with the shards beside it that it lists."""
    return read_shards(path, data, before=True).text


def _remove_empty(directories: Iterable[Path]) -> None:
    """From the deepest up, as long as nobody keeps anything there."""
    with suppress(OSError):
        for directory in directories:
            directory.rmdir()


class LocalStates:
    """The states of a project in one folder of this machine: the default one's right there, each
    other one's in a folder of its own. `refuse` is called with the paths that are used before they
    are: links may lead elsewhere. `layout` is that of every state.
    """

    def __init__(
        self,
        shared: Path,
        refuse: Callable[[Iterable[Path]], None],
        layout: StateLayout | None = None,
    ) -> None:
        self._shared, self._refuse, self._layout = shared, refuse, layout

    def workspaces(self) -> list[str]:
        """The names of the folders; one whose name is none was not made here, and is nobody's."""
        folder = self._shared / WORKSPACES
        self._refuse([folder])
        found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        named = (name for name in found if is_workspace(name) and name != DEFAULT)
        return [DEFAULT, *(name for name in named if (folder / name).is_dir())]

    def backend(self, workspace: str) -> Folder:
        """Its folder."""
        found = Folder(folder_of(self._shared, workspace), self._layout)
        self._refuse(found.names)
        return found

    def make(self, workspace: str) -> None:
        """An empty folder."""
        files.make_directory(self.backend(workspace).directory)

    def remove(self, workspace: str) -> None:
        """The folder, with the files of its lock."""
        found = self.backend(workspace)
        for path in found.locks:
            files.remove(path)
        try:
            found.directory.rmdir()
        except OSError as cause:
            raise files.failure("remove", found.directory, cause) from cause


def has_states(shared: Path) -> bool:
    """Whether a folder is that of the states of a project."""
    return (shared / NAME).is_file() or (shared / WORKSPACES).is_dir()


def folder_of(shared: Path, workspace: str) -> Path:
    """The folder of a workspace, below that of all states of a project."""
    return shared if workspace == DEFAULT else shared / WORKSPACES / workspace


def _tell_waiting(directory: Path, timeout: float) -> None:
    import logging  # noqa: PLC0415 - costly, and only for who waits

    logging.getLogger(__name__).info("waiting up to %g s for the lock of %s", timeout, directory)
