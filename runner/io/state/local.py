"""The state's door: loaded as a whole, written as a whole, by one command at a time."""

import gc
import secrets
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from runner import __version__
from runner.core.state.file import chunks, decode, files_in
from runner.core.state.line import UNREADABLE
from runner.core.state.records import State
from runner.errors import Problem, RunnerError, Where, error
from runner.io import files
from runner.io.state.lock import Lock

NAME = "state.json"
OUTPUTS = "outputs.json"
LOCK = ".lock"


class UnsavedError(RunnerError):
    """Answers that could be written nowhere: `content` is for stdout, the last place left."""

    def __init__(self, problems: tuple[Problem, ...], content: bytes) -> None:
        super().__init__(*problems)
        self.content = content


class _Holder(msgspec.Struct):
    pid: int
    host: str
    user: str
    command: str
    since: str


class Store:
    """The files of one state directory.

    `cache` is where the answers are; workspaces share one. `runner` is how a command about this
    very state begins. `warnings` are what the last `load` found worth saying.
    """

    def __init__(self, directory: Path, cache: Path | None = None, runner: str = "runner") -> None:
        self.directory = directory
        self.runner = runner
        self.path = directory / NAME
        self.backup = directory / f"{NAME}.backup"
        self.cache = directory / "cache" if cache is None else cache
        self.warnings: tuple[Problem, ...] = ()
        self._loaded: State | None = None
        self._seen: files.Identity | None = None
        self._info = directory / f"{LOCK}.info"
        self._lock: Lock | None = None
        self._run = f"{_now().replace(':', '')}-{files.process_id()}"
        self._rescues: dict[str, Path] = {}  # by ending: one file of each for a whole run

    def load(self) -> State | None:
        """The state as last written, without waiting for anybody; None if there is none yet.

        RunnerError if the file is anything but a whole state.
        """
        seen = files.identity(self.path)
        data = files.read(self.path)
        self.warnings = self._missing() if data is None else ()
        self._loaded = None if data is None else _decode(data, str(self.path))
        self._seen = seen  # only now: what could not be read is never taken for ours
        return self._loaded

    def changed(self) -> bool:
        """Whether the file is another than the one that was loaded, or was written since."""
        return files.identity(self.path) != self._seen

    def write(self, state: State) -> State:
        """Writes the state with the next serial, and keeps the one before as backup.

        Nothing is written, and the loaded state returned, if only serial or version differ.
        RunnerError if the file is no longer the one that was loaded or cannot be written; the
        state is then in a file of its own, which the message names (else UnsavedError).
        """
        before = self._loaded
        if before is not None and _same(before, state):
            return before
        serial = max(state.serial, before.serial if before else 0) + 1
        state = replace(state, serial=serial, runner_version=__version__)
        try:
            self._refuse_overwriting()
            files.make_directory(self.directory)
            if files.identity(self.path) is not None:
                files.keep_copy(self.path, self.backup)
            files.write_atomic(self.path, chunks(state))
        except RunnerError as failed:
            raise self._rescued(state, failed) from failed
        self._loaded, self._seen = state, files.identity(self.path)
        return state

    @property
    def names(self) -> tuple[Path, ...]:
        """Every file of the state's folder that is read or written, less those of the cache."""
        outputs, lock = self.directory / OUTPUTS, self.directory / LOCK
        return (self.path, self.backup, outputs, lock, self._info)

    @property
    def cache_names(self) -> tuple[Path, ...]:
        """The cache's folder, and what SQLite reads and writes there."""
        ends = ("", "-wal", "-shm", "-journal")
        return (self.cache, *(self.cache / f"cache.db{end}" for end in ends))

    def files_in(self, path: Path) -> Mapping[str, str]:
        """The digests of the files of outputs by the header of a state: this one, its backup."""
        try:
            with path.open("rb") as file:
                return files_in(file.readline())
        except OSError:
            return {}

    @contextmanager
    def lock(self, command: str, timeout: float = 0.0) -> Iterator[None]:
        """Holds the state for `command`, waiting up to `timeout` seconds for another holder.

        RunnerError says who holds it. The kernel's lock: it ends with its process, however.
        """
        files.make_directory(self.directory)
        held = Lock(self.directory / LOCK)
        try:
            if not held.acquire(0.0):
                _tell_waiting(self.directory, timeout)
                if not held.acquire(timeout):
                    raise self._locked()
        except OSError as cause:
            raise files.failure("lock", self.directory, cause) from cause
        self._lock = held
        try:
            files.write_atomic(self._info, msgspec.json.encode(_holder(command)))
            yield
        finally:
            if not held.lost():  # else it is another holder's
                with suppress(RunnerError):
                    files.remove(self._info)
            self._lock = None
            held.release()

    def lost(self) -> str | None:
        """Why nothing further may be begun under the lock, if so."""
        if self._lock is None or not self._lock.lost():
            return None
        return (
            f"the lock {self.directory / LOCK} was deleted or replaced while this command held it, "
            "and another command may have begun. Leave that file alone while a command runs"
        )

    def probe(self) -> None:
        """Really writes beside the state and in the cache; RunnerError before anything is paid."""
        files.probe_writable(self.directory)
        files.probe_writable(self.cache, files.PRIVATE_FOLDER)

    def rescue(self, lines: Iterable[bytes]) -> Path:
        """Adds records, one a line, to this run's rescue file, here or among temporary files.

        UnsavedError, with the lines for stdout, if it can be written in neither place.
        """
        content = b"\n".join(lines)

        def add(place: Path) -> None:
            files.append_line(place, content, new=place not in self._rescues.values())

        place = self._kept(".jsonl", add)
        if place is None:
            raise self._unsaved(content + b"\n")
        return place

    def push(self, place: str) -> str:
        """The command that brings a rescued file back."""
        return f"{self.runner} state push {shlex.quote(place)}"

    def _missing(self) -> tuple[Problem, ...]:
        if files.identity(self.backup) is None:
            return ()
        detail = (
            f"{self.path} does not exist, but {self.backup} does: this is taken for a fresh start. "
            f"If it is not, stop and restore it: cp {self.backup} {self.path}"
        )
        where = Where(str(self.path))
        return (Problem("State file is missing", detail, where, severity="warning"),)

    def _refuse_overwriting(self) -> None:
        """Lets a write pass if the file is what was loaded, however it got there, or is gone."""
        if files.identity(self.path) == self._seen:
            return
        data = files.read(self.path)
        if data is None or _decode(data, str(self.path)) == self._loaded:
            return
        raise error(
            "State file was changed by somebody else",
            f"{self.path} is no longer the state this command began with (another tool, an editor "
            "or a checkout wrote it), so it was not overwritten.",
            Where(str(self.path)),
        )

    def _rescued(self, state: State, failed: RunnerError) -> RunnerError:
        place = self._kept(".json", lambda place: files.write_private(place, chunks(state)))
        if place is None:
            unsaved = self._unsaved(b"".join(chunks(state)))
            return UnsavedError((*failed.problems, *unsaved.problems), unsaved.content)
        detail = (
            f"The new state is in {place} instead, with every answer in it. When the "
            f"cause is removed, put it back: {self.push(str(place))}"
        )
        return RunnerError(
            *failed.problems, Problem("State was not written", detail, Where(str(place)))
        )

    def _unsaved(self, content: bytes) -> UnsavedError:
        detail = (
            f"Neither {self.directory} nor the directory of temporary files can be written. What "
            "was received follows on stdout: keep it in a file, make room, then: "
            f"{self.push('FILE')}"
        )
        return UnsavedError((Problem("Answers were not saved", detail),), content)

    def _kept(self, ending: str, write: Callable[[Path], None]) -> Path | None:
        """The file that `write` wrote: this run's, in the state's folder or in a private one among
        temporary files; None if it could be written nowhere. Its name cannot be guessed: who may
        write in the folder too could have put a link there.
        """
        name = f"errored-{self._run}-{secrets.token_hex(8)}{ending}"
        for place in (self._rescues.get(ending), self.directory / name):
            if place is not None:
                with suppress(RunnerError):
                    write(place)
                    self._rescues[ending] = place
                    return place
        with suppress(RunnerError), files.private_directory() as folder:
            write(folder / name)
            self._rescues[ending] = folder / name
            return folder / name
        return None

    def _locked(self) -> RunnerError:
        data = files.read(self._info)
        who = "another process"
        if data is not None:
            with suppress(*UNREADABLE):
                holder = msgspec.json.decode(data, type=_Holder)
                who = (
                    f"{holder.user} on {holder.host} (pid {holder.pid}), which runs "
                    f"`{holder.command}` since {holder.since}"
                )
        return error(
            "State is locked",
            f"{self.path} is being written by {who}. Wait until that has ended, or give "
            "--lock-timeout a number of seconds to wait. The lock ends with that process: there "
            "is nothing to clean up.",
            Where(str(self.path)),
        )


def _tell_waiting(directory: Path, timeout: float) -> None:
    import logging  # noqa: PLC0415 - costly, and only for who waits

    logging.getLogger(__name__).info("waiting up to %g s for the lock of %s", timeout, directory)


def _decode(data: bytes, name: str) -> State:
    """Without the collector looking through what is all kept: a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        return decode(data, name)
    finally:
        if enabled:
            gc.enable()


def _same(one: State, other: State) -> bool:
    return one == replace(other, serial=one.serial, runner_version=one.runner_version)


def _holder(command: str) -> _Holder:
    import getpass  # noqa: PLC0415 - only writers lock
    import platform  # noqa: PLC0415

    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        user = "unknown user"
    return _Holder(files.process_id(), platform.node(), user, command, _now())


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
