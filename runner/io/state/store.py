"""The state's door: loaded as a whole, written as a whole, by one command at a time."""

import gc
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from runner import __version__
from runner.core.state.file import Laid, decode, document, laid
from runner.core.state.header import files_in
from runner.core.state.records import State
from runner.core.state.shards import StateText
from runner.errors import Problem, RunnerError
from runner.io import files
from runner.io.state.backend import Backend, Snapshot, Version, Which, overwriting
from runner.io.state.lock import never
from runner.io.state.rescue import Rescue


class Store:
    """One state, wherever its backend keeps it, and what is always in a folder of this machine:
    its outputs and rescued answers in `directory`, answers in `cache`, which workspaces share.

    `runner` is how a command about this very state begins. `warnings` are what the last `load`
    found worth saying. It `has_new_shards` where a state that was one file was written in shards.
    """

    def __init__(
        self, backend: Backend, directory: Path, cache: Path, runner: str = "runner"
    ) -> None:
        self.backend = backend
        self.directory = directory
        self.cache = cache
        self.warnings: tuple[Problem, ...] = ()
        self.has_new_shards = False
        self._loaded: State | None = None
        self._laid = Laid()
        self._seen: Version = None
        self._rescue = Rescue(directory, runner)
        self.rescue, self.push = self._rescue.add, self._rescue.push

    @property
    def name(self) -> str:
        """What messages call the state."""
        return self.backend.name

    @property
    def version(self) -> Version:
        """What was loaded or written last."""
        return self._seen

    def load(self) -> State | None:
        """The state as last written, without waiting for anybody; None if there is none yet.

        RunnerError if what is there is anything but a whole state.
        """
        found = self.backend.read()
        self.warnings = self.backend.absence() if found is None else found.problems
        self._loaded = None if found is None else self._decode(found.text)
        self._laid = (
            Laid() if found is None or self._loaded is None else _as_read(found, self._loaded)
        )
        # Only now: what could not be read is never taken for ours.
        self._seen = None if found is None else found.version
        return self._loaded

    def before(self) -> State | None:
        """The state before the last write; None if there is none, or it cannot be read."""
        try:
            found = self.backend.read("before")
            return None if found is None else self._decode(found.text)
        except RunnerError:
            return None

    def of_serial(self, serial: int) -> State | None:
        """The state of a serial; None where it is not kept."""
        found = self.backend.read(serial)
        return None if found is None else self._decode(found.text)

    @property
    def is_laid_out(self) -> bool:
        """Whether the state that was loaded stands as it is to be laid out, and as its file says
        that it does; else it is to be written, be it with the same records.
        """
        wanted, is_split = self.backend.layout, bool(self._laid.shards)
        is_as_wanted = wanted is None or is_split == (wanted == "split")
        return self._loaded is None or (self._laid.fits and is_as_wanted)

    def changed(self) -> bool:
        """Whether there is another state than the one that was loaded or written."""
        return self.backend.version() != self._seen

    def write(self, state: State) -> State:
        """Writes the state with the next serial; the one before is kept.

        Nothing is written, and the loaded state returned, if only serial or version differ, and
        it `is_laid_out`.
        RunnerError if another state than the loaded one is there or it cannot be written; the
        state is then in a file of its own, which the message names (else UnsavedError).
        """
        before = self._loaded
        if before is not None and self.is_laid_out and _same(before, state):
            return before
        serial = self._next(state)
        state = replace(state, serial=serial, runner_version=__version__)
        try:
            after = self._replaceable()
            made = document(state, self._laid, self.backend.layout)
            written = self.backend.write(made, after)
        except RunnerError as failed:
            raise self._rescue.replaced(document(state).pieces, failed) from failed
        self._loaded, self._seen = state, written.version
        if before is not None and written.shards and not self._laid.shards:
            self.has_new_shards = True
        self._laid = laid(state, written.shards, made.size)
        return state

    def _next(self, state: State) -> int:
        if self._loaded is None:
            return state.serial + 1
        held = self._loaded.serial
        return (held if self.backend.is_counted else max(state.serial, held)) + 1

    def mend(self, state: State, broken: Version) -> State:
        """Writes the state in the place of a version that is none, as `write` does."""
        self._loaded, self._laid, self._seen = None, Laid(), broken
        return self.write(state)

    def files_written(self, which: Which = "last") -> Mapping[str, str]:
        """The digests of the files of outputs, by the header of a state alone."""
        return files_in(self.backend.header(which))

    def lock(
        self, command: str, timeout: float = 0.0, given_up: Callable[[], bool] = never
    ) -> AbstractContextManager[None]:
        """Holds the state for `command`, waiting up to `timeout` seconds for another holder, as
        long as nobody has `given_up`.

        RunnerError says who holds it.
        """
        return self.backend.lock(command, timeout, given_up)

    def lost(self) -> str | None:
        """Why nothing further may be begun under the lock, if so."""
        return self.backend.lost()

    def probe(self) -> None:
        """Really writes beside the state and in the cache; RunnerError before anything is paid."""
        self.backend.probe()
        files.probe_writable(self.cache, files.PRIVATE_FOLDER)

    def _replaceable(self) -> Version:
        """The version that may be written over: what was loaded, however it got there, or none."""
        version = self.backend.version()
        if version == self._seen:
            return version
        found = self.backend.read()
        if found is None:
            return None
        if self._loaded is not None and self._decode(found.text) == self._loaded:
            self._laid = _as_read(found, self._loaded)
            return found.version
        raise overwriting(self.name)

    def _decode(self, text: StateText) -> State:
        """Without the collector looking through what is all kept: a quarter of the time."""
        enabled = gc.isenabled()
        gc.disable()
        try:
            return decode(text, self.name, self.backend.way_back)
        finally:
            if enabled:
                gc.enable()


def _as_read(found: Snapshot, state: State) -> Laid:
    size = sum(shard.bytes for shard in found.stand.values()) or len(found.data)
    return Laid(state.records, size, found.stand, found.fits)


def _same(one: State, other: State) -> bool:
    return one == replace(other, serial=one.serial, runner_version=one.runner_version)
