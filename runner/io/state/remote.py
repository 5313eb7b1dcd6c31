"""A state in an object store: each write is an object that was not there, and the newest counts.

An object's number is one more than that of the state that it was made from, so whoever else wrote
meanwhile has it already. All hangs on that; the lock only keeps two from paying for the same.
"""

import gzip
import logging
import re
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from runner.core.language.names import is_workspace
from runner.core.state.file import Document
from runner.core.state.header import serial_in
from runner.core.state.shards import StateLayout
from runner.errors import RunnerError, Where, error
from runner.io.objects import Objects, StoredObject
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
from runner.io.state.beat import Beat
from runner.io.state.lock import held_by, never
from runner.io.state.lock_info import LockInfo, at, has_ended, lock_info, read_lock_info

_LAST = 10**12 - 1  # numbers are counted down from here, so that the newest is listed first
_MOST = 4 << 30  # bytes of a state, unpacked
_KEY = re.compile(r"state/([0-9]{12})\.json\.gz")
_STATES, _BEATS, _WORKSPACES = "state/", "beat/", "workspace/"
_LOCK, _HERE = "lock.json", "made.json"


class ObjectState:
    """One state: the objects below `state/`, `lock.json` while somebody holds it, and `beat/ID`,
    which that one writes again as long as it runs. `keep` states are kept. `again` is how a
    command about this very state begins.
    """

    file = None
    is_counted = True
    layout: StateLayout = "one"

    def __init__(self, objects: Objects, again: str = "runner", keep: int = 50) -> None:
        self._objects, self._again, self._keep = objects, again, keep
        self._headers: dict[int, bytes] = {}
        self._held: Beat | None = None

    @property
    def name(self) -> str:
        """Such as `s3://bucket/prefix`."""
        return self._objects.name

    @property
    def way_back(self) -> str:
        """The states before it."""
        return (
            "Nothing was changed. The states before it are still there: once the newest object "
            f"below {self.name}/{_STATES} is deleted, the one before it counts again."
        )

    def exists(self) -> bool:
        """Whether there is a state, or a workspace without one."""
        return bool(self._numbers()) or self._objects.get(_HERE) is not None

    def version(self) -> Version:
        """The number of the newest."""
        return max(self._numbers(), default=None)

    def read(self, which: Which = "last") -> Snapshot | None:
        """One of the objects, unpacked. One that somebody's write took away is looked for anew."""
        while (number := self._number(which)) is not None:
            if (data := self._objects.get(_key(number))) is not None:
                text = self._unpacked(data)
                self._headers[number] = text[: text.find(b"\n") + 1]
                return Snapshot(text, number)
        return None

    def header(self, which: Which = "last") -> bytes:
        """The first line; nothing if it cannot be read."""
        try:
            number = self._number(which)
            return b"" if number is None else self._header(number)
        except RunnerError:
            return b""

    def absence(self) -> tuple[()]:
        """Nothing: no state is a beginning."""
        return ()

    def write(self, document: Document, after: Version) -> WrittenState:
        """One more object; those that are too old go."""
        self._insist_on_lock()
        number = (after if isinstance(after, int) else 0) + 1
        if (
            number > _LAST
        ):  # nobody wrote so often: it was planted, and what came after it is not seen
            said = f"No number comes after that of the newest. {self.way_back}"
            raise error("State is damaged", said, Where(self.name))
        data = gzip.compress(b"".join(document.pieces()), 6, mtime=0)
        if not self._objects.create(_key(number), data):
            raise overwriting(self.name)
        self._headers[number] = document.header
        self._prune(number)
        return WrittenState(number)

    @contextmanager
    def lock(
        self, command: str, timeout: float = 0.0, given_up: Callable[[], bool] = never
    ) -> Iterator[None]:
        """Creates the object of the lock; that of a process of this machine which is gone is taken
        over. It stays where this process is killed.
        """
        info = lock_info(command, self.name)
        self._acquire(info, timeout, given_up)
        held = Beat(lambda: self._beat(info))
        self._held = held
        try:
            with held:
                yield
        finally:
            self._held = None
            self._release(info)

    def unlock(self, identifier: str | None) -> LockInfo | None:
        """The lock goes, whoever holds it; that one notices before it writes."""
        holder = self._holder()
        if holder is None:
            return None
        if holder.identifier != identifier:
            raise self._locked(holder)
        self._objects.delete(_LOCK, _BEATS + holder.identifier, _taking(holder))
        return holder

    def kept(self) -> list[KeptState]:
        """One for each object."""
        found = {
            number: one
            for one in self._objects.listed(_STATES)
            if (number := _number_of(one)) is not None
        }
        first = self._first_serial(max(found, default=None))
        return [
            KeptState(first + number, found[number].size, at(found[number].written.timestamp()))
            for number in sorted(found, reverse=True)
        ]

    def lost(self) -> str | None:
        """As it was seen last, which asks nobody."""
        return None if self._held is None else self._held.lost

    def probe(self) -> None:
        """Creates an object twice: a store that lets the second one win, too, keeps nothing. Who
        holds the lock has just written there, in a store that was tried when it was begun with.
        """
        if self._held is not None:
            return
        key = f"probe/{lock_info('', '').identifier}"
        try:
            if not self._objects.create(key, b"one") or self._objects.create(key, b"another"):
                raise error(
                    "Object store cannot be used",
                    f"{self.name} lets two writers create the same object, and one of them loses "
                    "what it wrote. A state needs a store that knows `If-None-Match: *` (S3, GCS, "
                    "Azure, MinIO, Ceph and R2 do).",
                    Where(self.name),
                )
        finally:
            self._objects.delete(key)

    def delete(self) -> None:
        """All objects, the oldest first: what is left of a deletion that is cut off is a state."""
        for number in sorted(self._numbers()):
            self._objects.delete(_key(number))
        self._headers.clear()

    def _numbers(self) -> list[int]:
        found = map(_number_of, self._objects.listed(_STATES))
        return [number for number in found if number is not None]

    def _number(self, which: Which) -> int | None:
        numbers = sorted(self._numbers())
        match which:
            case "last":
                return numbers[-1] if numbers else None
            case "before":
                return numbers[-2] if len(numbers) > 1 else None
            case int():
                wanted = which - self._first_serial(max(numbers, default=None))
                return wanted if wanted in numbers else None

    def _first_serial(self, newest: int | None) -> int:
        """The serial that the number 0 would have: each write has one more of both."""
        serial = None if newest is None else serial_in(self._header(newest))
        return 0 if serial is None or newest is None else serial - newest

    def _header(self, number: int) -> bytes:
        if number not in self._headers:
            data = self._objects.get(_key(number))
            text = b"" if data is None else self._unpacked(data)
            self._headers[number] = text[: text.find(b"\n") + 1]
        return self._headers[number]

    def _unpacked(self, data: bytes) -> bytes:
        """RunnerError for what is none of ours, or much too large."""
        unpacking = zlib.decompressobj(wbits=31)
        try:
            text = unpacking.decompress(data, _MOST)
        except zlib.error as cause:
            raise error(
                "State is damaged", f"It cannot be unpacked. {self.way_back}", Where(self.name)
            ) from cause
        if not unpacking.eof:
            said = f"It is cut off, or larger than {_MOST >> 30} GiB. {self.way_back}"
            raise error("State is damaged", said, Where(self.name))
        return text

    def _prune(self, number: int) -> None:
        """Takes away what is older than is kept, which need not succeed. RunnerError if this very
        write was of long ago: its number was free again.
        """
        try:
            numbers = self._numbers()
        except RunnerError:
            return
        if max(numbers, default=number) >= number + self._keep:
            self._objects.delete(_key(number))
            raise overwriting(self.name)
        for old in numbers:
            if old <= number - self._keep:
                try:
                    self._objects.delete(_key(old))
                except RunnerError:
                    return

    def _acquire(self, info: LockInfo, timeout: float, given_up: Callable[[], bool]) -> None:
        if self._taken(info) is None:
            return
        _log().info("waiting up to %g s for the lock of %s", timeout, self.name)
        holder = held_by(lambda: self._taken(info), timeout, given_up)
        if holder is not None:
            raise self._locked(holder)

    def _taken(self, info: LockInfo) -> LockInfo | None:
        """Who holds it; None if that is this process now."""
        while not self._objects.create(_LOCK, msgspec.json.encode(info)):
            holder = self._holder()
            if holder is not None and not (has_ended(holder) and self._took_over(info, holder)):
                return holder
        return None

    def _took_over(self, info: LockInfo, holder: LockInfo) -> bool:
        """Whether the lock of a holder that is gone was taken away: by one alone, which looks once
        more, so that it never is another's by now.
        """
        claim = _taking(holder)
        if not self._objects.create(claim, msgspec.json.encode(info)):
            return False
        is_there = self._holder() == holder
        if is_there:
            self._objects.delete(_LOCK, _BEATS + holder.identifier)
            _log().warning("took over the lock of %s: %s has ended", self.name, holder)
        self._objects.delete(claim)
        return True

    def _release(self, info: LockInfo) -> None:
        """What cannot be taken away stays, for the next command of this machine to take over."""
        try:
            mine = (_LOCK,) if self._holder() == info else ()
            self._objects.delete(*mine, _BEATS + info.identifier)
        except RunnerError as failed:
            _log().warning("the lock of %s stays: %s", self.name, failed.problems[0].detail)

    def _holder(self) -> LockInfo | None:
        data = self._objects.get(_LOCK)
        if data is None:
            return None
        return read_lock_info(data) or LockInfo(identifier="unreadable")

    def _beat(self, info: LockInfo) -> str | None:
        """Says that this process runs; why the lock is another's by now, if so."""
        self._objects.put(_BEATS + info.identifier, at(time.time()).encode())
        holder = self._holder()
        if holder == info:
            return None
        who = "nobody holds it now" if holder is None else f"now it is held by {holder}"
        return f"the lock of {self.name} was taken away while this command held it, and {who}"

    def _insist_on_lock(self) -> None:
        if self._held is not None and (why := self._held.now()) is not None:
            raise error("Lock was lost", f"Nothing was written: {why}.", Where(self.name))

    def _locked(self, holder: LockInfo) -> RunnerError:
        beat = self._objects.get(_BEATS + holder.identifier)
        seen = f" It was last seen at {beat.decode(errors='replace')[:20]}." if beat else ""
        way_out = (
            f"{seen[1:]} Where it is no more: {self._again} force-unlock {holder.identifier}"
        ).lstrip()
        return locked(self.name, holder, way_out)


class ObjectStates:
    """The states of a project in one bucket: the default one's at the top, each other one's below
    `workspace/NAME/`.
    """

    def __init__(
        self, objects: Objects, again: Callable[[str], str] = lambda _: "runner", keep: int = 50
    ) -> None:
        self._objects, self._again, self._keep = objects, again, keep

    def workspaces(self) -> list[str]:
        """Those with an object of their own."""
        listed = self._objects.listed(_WORKSPACES)
        found = sorted({one.key.removeprefix(_WORKSPACES).partition("/")[0] for one in listed})
        return [DEFAULT, *(name for name in found if is_workspace(name) and name != DEFAULT)]

    def backend(self, workspace: str) -> ObjectState:
        """Its objects."""
        return ObjectState(self._below(workspace), self._again(workspace), self._keep)

    def make(self, workspace: str) -> None:
        """An object that says that it is there."""
        self._below(workspace).create(_HERE, b"{}")

    def remove(self, workspace: str) -> None:
        """That object, and what a shared folder has left of the others."""
        held = self._below(workspace)
        held.delete(_HERE)
        held.clear_folders()

    def _below(self, workspace: str) -> Objects:
        if workspace == DEFAULT:
            return self._objects
        return self._objects.below(f"{_WORKSPACES}{workspace}")


def _key(number: int) -> str:
    return f"{_STATES}{_LAST - number:012d}.json.gz"


def _number_of(one: StoredObject) -> int | None:
    """The number in a key; None for an object that is no state of ours."""
    found = _KEY.fullmatch(one.key)
    return None if found is None else _LAST - int(found[1])


def _taking(holder: LockInfo) -> str:
    return f"taking/{holder.identifier}"


def _log() -> logging.Logger:
    return logging.getLogger(__name__)
