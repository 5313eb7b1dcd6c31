"""diskcache, closed: it unpickles nothing, opens no file and takes no foreign settings."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import cache as once
from pathlib import Path
from typing import Any

from msgspec import Struct

from runner.errors import RunnerError, Where, error
from runner.io import files
from runner.io.cache.database import BUSY_SECONDS, RAW, UNPUSHED, check_whole
from runner.io.cache.faults import DAMAGED, translated
from runner.io.cache.guard import SETTINGS, harden

_INSERT = (
    "INSERT INTO Cache (key, raw, store_time, access_time, size, mode, filename, value, tag)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key, raw) DO "
)
_SET = (
    f"{_INSERT} UPDATE SET"
    " store_time = excluded.store_time, access_time = excluded.access_time, expire_time = NULL,"
    " access_count = 0, tag = excluded.tag, size = excluded.size, mode = excluded.mode,"
    " filename = excluded.filename, value = excluded.value"
)
_ADD = f"{_INSERT} NOTHING"
_PAGE = 8192  # bytes
_PUSHED = "UPDATE Cache SET tag = NULL WHERE key = ? AND raw = 1"


class Rows(Struct, frozen=True):
    """What one commit writes. Of what is `saved`, that which others have yet to get stands among
    the `unpushed` until it is `pushed`, in the same commit; what is `taken` replaces nothing.
    """

    saved: Sequence[tuple[str, bytes]] = ()
    unpushed: Sequence[tuple[str, bytes]] = ()
    taken: Sequence[tuple[str, bytes]] = ()
    pushed: Sequence[str] = ()


def open_store(path: Path, busy_seconds: float) -> Any:
    """A diskcache.Cache on closed_disk, made if need be; what fails there is raised as it is."""
    directory = path.parent.resolve()
    files.make_directory(directory, files.PRIVATE_FOLDER)
    if not path.exists():  # without `runner init` too, no answer stands twice in git
        files.hide_from_git(directory)
    check_whole(path)
    if not path.exists():
        _lay_out(path, busy_seconds)
    store = _cache()(str(directory), timeout=busy_seconds, disk=closed_disk(), **SETTINGS)
    if store.directory != str(directory):  # it expands $NAME in paths
        store.close()
        detail = f"The name of the directory {directory} holds a variable: rename it without $."
        raise error("Cache cannot be there", detail, Where(str(directory)))
    return store


def _lay_out(path: Path, busy_seconds: float) -> None:
    """A database without a table, in pages that hold three answers each; in the usual ones of half
    the size, an answer leaves most of its own empty, and all of that is written.
    """
    with (
        suppress(sqlite3.OperationalError),  # another one makes it: as that does
        closing(sqlite3.connect(path, timeout=busy_seconds)) as connection,
    ):
        for pragma in (f"page_size = {_PAGE}", "auto_vacuum = 1", "journal_mode = wal"):
            connection.execute(f"PRAGMA {pragma}")


def write(path: Path, rows: Rows) -> None:
    """One commit, by who makes no other; RunnerError if it cannot be written."""
    try:
        with closing(open_store(path, BUSY_SECONDS)) as store:
            store.commit(rows)
    except (RunnerError, OSError, *DAMAGED) as cause:
        raise translated(path, cause) from cause


@once
def _cache() -> type[Any]:
    from diskcache import Cache  # noqa: PLC0415 - who saves nothing does without

    class Closing(Cache):  # type: ignore[misc]
        """diskcache's Cache, which leaves no connection open where it cannot be made."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            try:
                super().__init__(*args, **settings)
                harden(self._sql)
            except BaseException:
                if hasattr(self, "_local"):
                    self.close()
                raise

        def commit(self, rows: Rows) -> None:
            """All of it in one transaction, and each kind by one statement."""
            now, disk = time.time(), self._disk

            def made(items: Sequence[tuple[str, bytes]], tag: str | None = None) -> Any:
                return [
                    (*disk.put(key), now, now, *disk.store(value, False, key), tag)
                    for key, value in items
                ]

            with self.transact():
                for statement, values in (
                    (_SET, [*made(rows.saved), *made(rows.unpushed, UNPUSHED)]),
                    (_ADD, made(rows.taken)),
                    (_PUSHED, [(key,) for key in rows.pushed]),
                ):
                    if values:
                        self._con.executemany(statement, values)

    return Closing


@once
def closed_disk() -> type[Any]:
    """diskcache's Disk without pickle and without files: str keys, bytes values, all in the row.

    A row that is not so (planted, or another program's) raises ValueError and is never executed,
    opened or deleted as a file (CVE-2025-69872); therefore none of the base class's is called.
    """
    from diskcache import Disk  # noqa: PLC0415

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
            return 0, RAW, None, value

        def fetch(self, mode: object, filename: object, value: object, read: object) -> bytes:
            if read or mode != RAW or filename is not None or type(value) is not bytes:
                raise ValueError("the cache holds a value that is not plain bytes")
            return value

        def remove(self, file_path: object) -> None:
            """Deletes nothing: a file name in a row is not ours."""

    return ClosedDisk
