"""The port to where a state lives: what is asked of a folder, a bucket or a server."""

from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

from runner.core.state.file import Document
from runner.core.state.shards import RecordFile, Shard, StateLayout, StateText
from runner.errors import Problem, RunnerError, Where, error
from runner.io.state.lock_info import LockInfo

DEFAULT = "default"
"""The workspace that every project has."""

Version = Hashable
"""What tells one write of a state from any other; None where there is no state."""

Which = Literal["last", "before"] | int
"""The state as last written, the one before that, or the one of a serial."""


class Snapshot(Struct, frozen=True):
    """A state as it was found, and which version of it that is. `stand` are its shards as they are;
    it `fits` where its file lists the same. `problems` are what is worth saying of it.
    """

    data: bytes
    version: Version
    shards: Mapping[str, RecordFile] = {}
    stand: Mapping[str, Shard] = {}
    fits: bool = True
    problems: tuple[Problem, ...] = ()

    @property
    def text(self) -> StateText:
        """All of it."""
        return StateText(self.data, self.shards)


class WrittenState(Struct, frozen=True):
    """The version that a write made, and the shards that stand there then."""

    version: Version
    shards: Mapping[str, Shard] = {}


class KeptState(Struct, frozen=True):
    """A state that is kept; `written` is RFC 3339 in UTC, `size` in bytes as it is kept."""

    serial: int
    size: int
    written: str


class Backend(Protocol):
    """Where one state lives. It keeps bytes and knows nothing of records; what goes wrong is a
    RunnerError. `name` is what messages call the state, with nothing in it that is secret.
    """

    @property
    def name(self) -> str:
        """Such as `state/state.json`."""

    @property
    def file(self) -> Path | None:
        """The file that it is, where a repository may hold it; None where it is none."""

    @property
    def way_back(self) -> str | None:
        """How to go on where the state is damaged; None where a backup lies beside it."""

    @property
    def is_counted(self) -> bool:
        """Whether each state has the serial after the one before it, whatever somebody pushes."""

    @property
    def layout(self) -> StateLayout | None:
        """How the state is to be laid out; None where its size says it."""

    def exists(self) -> bool:
        """Whether there is anything, be it only an empty place for a state."""

    def version(self) -> Version:
        """The version that stands there now, without reading it."""

    def read(self, which: Which = "last") -> Snapshot | None:
        """The state as a whole; None if there is none."""

    def header(self, which: Which = "last") -> bytes:
        """The beginning of a state, up to its first line's end; nothing if there is none."""

    def absence(self) -> tuple[Problem, ...]:
        """What is worth saying where `read` found no state."""

    def write(self, document: Document, after: Version) -> WrittenState:
        """Put a state in the place of the version `after`, which stays as the one before. It is
        there as a whole or not at all; `overwriting` is raised where another version stands. Only
        a backend whose `layout` is not "one" is given a document that is to be in shards.
        """

    def lock(
        self, command: str, timeout: float, given_up: Callable[[], bool]
    ) -> AbstractContextManager[None]:
        """Hold the state, waiting up to `timeout` seconds for another holder, as long as nobody
        has `given_up`; else `locked`.
        """

    def unlock(self, identifier: str | None) -> LockInfo | None:
        """Take the lock from whoever holds it, if this is its ID; who held it, None for nobody.
        RunnerError for another ID, and where a lock cannot be taken away.
        """

    def kept(self) -> list[KeptState]:
        """Every state that `read` gives by its serial, the newest first."""

    def lost(self) -> str | None:
        """Why the lock that was taken may be another's by now, if so."""

    def probe(self) -> None:
        """Really write there, so that what would fail does before anything is paid."""

    def delete(self) -> None:
        """Take the state away, and the one before; RunnerError, and all is as it was, for what is
        there and no part of them. Its lock is held.
        """


class States(Protocol):
    """Where the states of a project live: one for each of its workspaces, under its name."""

    def workspaces(self) -> list[str]:
        """Those that are there, in order; first DEFAULT, which always is."""

    def backend(self, workspace: str) -> Backend:
        """The state of one, which may not be there."""

    def make(self, workspace: str) -> None:
        """A workspace that was not there, without a state."""

    def remove(self, workspace: str) -> None:
        """A workspace whose state was deleted is there no more."""


def overwriting(name: str) -> RunnerError:
    """The error of a write after a version that is no longer there."""
    return error(
        "State file was changed by somebody else",
        f"{name} is no longer the state this command began with (another tool, an editor or a "
        "checkout wrote it), so it was not overwritten.",
        Where(name),
    )


def locked(name: str, held_by: LockInfo | None, way_out: str) -> RunnerError:
    """The error of a lock that another has; `way_out` says what becomes of it."""
    who = "another process" if held_by is None else held_by
    return error(
        "State is locked",
        f"{name} is being written by {who}. Wait until that has ended, or give --lock-timeout a "
        f"number of seconds to wait. {way_out}",
        Where(name),
    )
