"""The cache: answers by fingerprint and sample, on the disk before they count."""

import sqlite3
import threading
from collections.abc import Iterator, Set
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from runner.errors import RunnerError, Where, error
from runner.shell import files

if TYPE_CHECKING:
    import asyncio

DATABASE = "cache.db"
BATCH = 1024  # so many answers are enough for one commit
BUSY_SECONDS = 60.0
READ_BUSY_SECONDS = 5.0

# diskcache keeps its settings in the database and would take those it finds there.
SETTINGS: dict[str, int | str] = {
    "statistics": 0,
    "tag_index": 0,
    "eviction_policy": "none",
    "size_limit": 2**60,
    "cull_limit": 0,
    "sqlite_auto_vacuum": 1,
    "sqlite_cache_size": 2**13,
    "sqlite_journal_mode": "wal",
    "sqlite_mmap_size": 0,
    "sqlite_synchronous": 2,
    "disk_min_file_size": 2**60,
    "disk_pickle_protocol": 0,
}
COUNTERS = {"count", "size", "hits", "misses"}

_RAW = 1  # diskcache's mode of a value that stands in the row itself
_OURS = (
    f"raw = 1 AND mode = {_RAW} AND filename IS NULL"
    " AND typeof(key) = 'text' AND typeof(value) = 'blob'"
)
_DAMAGED = (sqlite3.Error, UnicodeError)  # the latter from bytes where a name should stand
_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}


@dataclass(frozen=True, slots=True)
class Info:
    """How many answers, their bytes, and the bytes of the cache's files."""

    entries: int
    bytes: int
    file_bytes: int


class Lookup:
    """Reads a cache, also while an apply writes it, and changes nothing; without one it is empty.

    Its methods raise RunnerError if the cache is damaged. For use in one thread.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / DATABASE
        self._connection = _read_only(self._path)

    def get(self, key: str) -> bytes | None:
        """The answer kept under `fingerprint:sample`, or None."""
        rows = self._rows(f"SELECT value FROM Cache WHERE key = ? AND {_OURS}", (key,))  # noqa: S608
        return next((bytes(value) for (value,) in rows), None)

    def contains(self, key: str) -> bool:
        """Whether `get` has an answer, without reading it."""
        return bool(self._rows(f"SELECT 1 FROM Cache WHERE key = ? AND {_OURS}", (key,)))  # noqa: S608

    def keys(self) -> Iterator[str]:
        """Every key that `get` has an answer for."""
        return (key for (key,) in self._rows(f"SELECT key FROM Cache WHERE {_OURS}"))  # noqa: S608

    def totals(self) -> tuple[int, int]:
        """How many answers there are, and their bytes."""
        query = f"SELECT count(*), coalesce(sum(length(value)), 0) FROM Cache WHERE {_OURS}"  # noqa: S608
        return next(((entries, size) for entries, size in self._rows(query)), (0, 0))

    def close(self) -> None:
        """Lets go of the files."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, query: str, parameters: tuple[str, ...] = ()) -> list[Any]:
        if self._connection is None:
            return []
        try:
            return self._connection.execute(query, parameters).fetchall()
        except _DAMAGED as cause:
            if str(cause).startswith("no such table"):  # an apply is just creating it
                return []
            raise _failure(self._path, cause) from cause


@dataclass(frozen=True, slots=True)
class _Job:
    key: str
    value: bytes
    done: "asyncio.Future[None]"


class Cache:
    """Saves answers: one thread, one connection, one commit for all that wait.

    An async context manager; leaving it waits until what was given is saved. After a first
    failure every save fails. It waits `busy_seconds` for another program that writes.
    """

    def __init__(self, directory: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        self._path = directory / DATABASE
        self._busy_seconds = busy_seconds
        self._given: list[_Job] = []
        self._queue: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._refusal: Exception | None = None

    async def __aenter__(self) -> Self:
        """Opens the cache, created if need be; RunnerError if it cannot be written."""
        import asyncio  # noqa: PLC0415 - reading needs no event loop, and starts faster

        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        threading.Thread(target=self._work, args=(opened,), name="cache", daemon=True).start()
        await opened
        return self

    async def __aexit__(self, *_: object) -> None:
        self._refusal = self._refusal or RuntimeError("the cache is closed")
        from asyncio import shield  # noqa: PLC0415

        self._hand_over()
        self._queue.put(None)
        await shield(self._closed)

    async def save(self, key: str, value: bytes) -> None:
        """Returns when the answer is on the disk; RunnerError if it cannot be written there."""
        if self._refusal is not None:
            raise self._refusal
        done: asyncio.Future[None] = self._loop.create_future()
        if not self._given:
            self._loop.call_soon(self._hand_over)
        self._given.append(_Job(key, value, done))
        await done

    def _hand_over(self) -> None:
        """Wakes the writer once for all that came in one turn of the event loop."""
        given, self._given = self._given, []
        self._queue.put(given)

    def _work(self, opened: "asyncio.Future[None]") -> None:
        try:
            store = _open(self._path, self._busy_seconds)
        except Exception as cause:  # noqa: BLE001 - somebody awaits it, whatever it is
            self._settle([opened], _translated(self._path, cause))
            return
        self._settle([opened], None)
        born = files.identity(self._path)
        failed: Exception | None = None
        last = False
        while not last:
            jobs, last = self._next()
            failed = failed or _committed(store, jobs, self._path, born)
            if failed is not None:
                self._refusal = failed
            self._settle([job.done for job in jobs], failed)
        with suppress(sqlite3.Error):
            store.close()
        self._settle([self._closed], None)

    def _next(self) -> tuple[list[_Job], bool]:
        """All that waits; and whether it is the last."""
        given = self._queue.get()
        jobs: list[_Job] = []
        while given is not None:
            jobs += given
            if len(jobs) >= BATCH:
                return jobs, False
            try:
                given = self._queue.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _settle(self, waiting: "list[asyncio.Future[None]]", failed: Exception | None) -> None:
        """Wakes the event loop once for all of them."""
        with suppress(RuntimeError):  # the loop is gone, and with it everybody who waited
            self._loop.call_soon_threadsafe(_settle, waiting, failed)


def open_cache(directory: Path) -> Cache:
    """The cache of a directory, to be entered with `async with`."""
    return Cache(directory)


def info(directory: Path) -> Info:
    """What is in a cache; RunnerError if it is damaged."""
    path = directory / DATABASE
    with Lookup(directory) as lookup:
        entries, size = lookup.totals()
    return Info(entries, size, _file_bytes(path))


def clear(directory: Path) -> Info:
    """Removes a cache, also a damaged one; returns what was removed, as far as it could be read."""
    path = directory / DATABASE
    try:
        removed = info(directory)
    except RunnerError:
        removed = Info(0, 0, _file_bytes(path))
    for file in _database_files(path):
        files.remove(file)
    return removed


def prune(directory: Path, keep: Set[str]) -> Info:
    """Removes every answer whose key is not in `keep`, and returns what was removed."""
    path = directory / DATABASE
    if files.identity(path) is None:
        return Info(0, 0, 0)
    before = _file_bytes(path)
    try:
        with closing(_connect(path, "mode=rw", BUSY_SECONDS)) as connection:
            entries, size = _prune(connection, keep)
    except _DAMAGED as cause:
        raise _failure(path, cause) from cause
    return Info(entries, size, before - _file_bytes(path))


@once
def closed_disk() -> type[Any]:
    """diskcache's Disk without pickle and without files: str keys, bytes values, all in the row.

    A row that is not so (planted, or another program's) raises ValueError and is never executed,
    opened or deleted as a file (CVE-2025-69872); therefore none of the base class's is called.
    """
    from diskcache import Disk  # noqa: PLC0415 - reading needs no diskcache, and starts faster

    class ClosedDisk(Disk):  # type: ignore[misc]
        """Rows of text keys and plain bytes."""

        def put(self, key: object) -> tuple[str, bool]:
            if type(key) is not str:
                raise TypeError(f"a cache key is a str, not {type(key).__name__}")
            return key, True

        def get(self, key: object, raw: object) -> str:
            if not raw or type(key) is not str:
                raise ValueError("the cache holds a key that is not a text")
            return key

        def store(
            self, value: object, read: object, key: object = None
        ) -> tuple[int, int, None, bytes]:
            if read or type(value) is not bytes:
                raise TypeError(f"a cached value is bytes, not {type(value).__name__} ({key})")
            return 0, _RAW, None, value

        def fetch(self, mode: object, filename: object, value: object, read: object) -> bytes:
            if read or mode != _RAW or filename is not None or type(value) is not bytes:
                raise ValueError("the cache holds a value that is not plain bytes")
            return value

        def remove(self, file_path: object) -> None:
            """Deletes nothing: a file name in a row is not ours."""

    return ClosedDisk


def _open(path: Path, busy_seconds: float) -> Any:
    from diskcache import Cache as DiskCache  # noqa: PLC0415

    directory = path.parent.resolve()
    files.make_directory(directory)
    _refuse_foreign_settings(path)
    store = DiskCache(str(directory), timeout=busy_seconds, disk=closed_disk(), **SETTINGS)
    if store.directory != str(directory):  # it expands $NAME in paths
        store.close()
        detail = f"The name of the directory {directory} holds a variable: rename it without $."
        raise error("Cache cannot be there", detail, Where(str(directory)))
    return store


def _refuse_foreign_settings(path: Path) -> None:
    """diskcache would make attributes and pragmas of whatever it finds there."""
    connection = _read_only(path)
    if connection is None:
        return
    with closing(connection):
        try:
            found = connection.execute("SELECT key FROM Settings").fetchall()
        except sqlite3.OperationalError:  # not created yet
            return
    if not {key for (key,) in found} <= SETTINGS.keys() | COUNTERS:
        raise _failure(path, sqlite3.DatabaseError("it has settings this program does not make"))


def _committed(
    store: Any, jobs: list[_Job], path: Path, born: files.Identity | None
) -> Exception | None:
    """Saves all in one commit; what went wrong, if anything did."""
    if not jobs:
        return None
    failed: Exception | None = None
    try:
        with store.transact():
            for job in jobs:
                store.set(job.key, job.value)
    except Exception as cause:  # noqa: BLE001 - somebody awaits it, whatever it is
        failed = _translated(path, cause)
    now = files.identity(path)
    if born is None or now is None or not now.same_file(born):
        return error(
            "Cache was deleted",
            f"{path} was removed or replaced while this command wrote answers to it. Nothing "
            "further is asked for. Leave the directory alone while a command runs, and start "
            "again.",
            Where(str(path)),
        )
    return failed


def _settle(waiting: "list[asyncio.Future[None]]", failed: Exception | None) -> None:
    for future in waiting:
        if future.done():  # its task was cancelled
            continue
        if failed is None:
            future.set_result(None)
        else:
            future.set_exception(failed)


def _connect(path: Path, how: str, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?{how}", uri=True, timeout=timeout, isolation_level=None
    )


def _read_only(path: Path) -> sqlite3.Connection | None:
    """None if there is no cache; RunnerError if it is none, or cannot be read."""
    if not files.exists(path):
        return None
    try:
        return _tried(path, "mode=ro")
    except sqlite3.OperationalError as cause:
        # SQLite has to create its -shm file, except where nobody can be writing.
        wal = files.identity(path.with_name(f"{DATABASE}-wal"))
        if _code(cause) not in _UNWRITABLE or (wal is not None and wal.size):
            raise _failure(path, cause) from cause
    except _DAMAGED as cause:
        raise _failure(path, cause) from cause
    try:
        return _tried(path, "mode=ro&immutable=1")
    except _DAMAGED as cause:
        raise _failure(path, cause) from cause


def _tried(path: Path, how: str) -> sqlite3.Connection:
    connection = _connect(path, how, READ_BUSY_SECONDS)
    try:
        connection.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _prune(connection: sqlite3.Connection, keep: Set[str]) -> tuple[int, int]:
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    connection.execute("BEGIN IMMEDIATE")
    rows = connection.execute(f"SELECT rowid, key, length(value), {_OURS} FROM Cache").fetchall()  # noqa: S608
    gone = [(row, size or 0) for row, key, size, ours in rows if not ours or key not in keep]
    connection.executemany("DELETE FROM Cache WHERE rowid = ?", [(row,) for row, _ in gone])
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return len(gone), sum(size for _, size in gone)


def _database_files(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(f"{DATABASE}{end}") for end in ("", "-wal", "-shm"))


def _file_bytes(path: Path) -> int:
    return sum(found.size for file in _database_files(path) if (found := files.identity(file)))


def _code(cause: BaseException) -> int:
    """SQLite's primary result code, 0 where Python itself complains."""
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF


def _translated(path: Path, cause: Exception) -> Exception:
    """The world's fault in words; diskcache puts its own error over the first one."""
    found: BaseException | None = cause
    while found is not None:
        if isinstance(found, RunnerError):
            return found
        if isinstance(found, _DAMAGED) and found.__context__ is None:
            return _failure(path, found)
        if isinstance(found, OSError):
            return files.failure("write", path, found)
        found = found.__context__
    return cause


def _failure(path: Path, cause: Exception) -> RunnerError:
    where = Where(str(path))
    match _code(cause):
        case sqlite3.SQLITE_FULL:
            detail = f"{path} cannot grow: {cause}. Free some space, then try again."
            return error("No space left", detail, where)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            detail = f"Another program holds {path}: {cause}. Wait for it, or end it."
            return error("Cache is in use", detail, where)
        case code if code in _UNWRITABLE:
            detail = (
                f"{path} cannot be used: {cause}. SQLite writes beside it, also after a crash: "
                "make the directory and its files writable for you."
            )
            return error("Cache is not writable", detail, where)
        case sqlite3.SQLITE_IOERR:
            detail = (
                f"{path} cannot be read or written: {cause}. Check the disk and its free space, "
                "and whether the directory was deleted."
            )
            return error("Cache cannot be used", detail, where)
        case _:
            detail = (
                f"{path} cannot be read: {cause}. The state keeps every answer that is recorded: "
                "empty the cache with `runner cache clear` and go on."
            )
            return error("Cache is damaged", detail, where)
