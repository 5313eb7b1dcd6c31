"""A database that somebody else may have made: only what this program makes is taken for a cache.

A cache may come with a repository. SQLite and diskcache would obey what stands in it: triggers that
delete what is saved, views that never end, pragmas among the settings, a journal that names files.
"""

import sqlite3
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runner.errors import RunnerError, Where, error
from runner.io import files
from runner.io.cache.faults import database_failure

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
_COUNTERS = {"count", "size", "hits", "misses"}

_AFTER = "ON Cache FOR EACH ROW BEGIN UPDATE Settings SET value = value"
_SCHEMA = {
    "Settings": "CREATE TABLE Settings ( key TEXT NOT NULL UNIQUE, value)",
    "sqlite_autoindex_Settings_1": None,
    "Cache": (
        "CREATE TABLE Cache ( rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL,"
        " expire_time REAL, access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB,"
        " size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0, filename TEXT, value BLOB)"
    ),
    "Cache_key_raw": "CREATE UNIQUE INDEX Cache_key_raw ON Cache(key, raw)",
    "Cache_expire_time": "CREATE INDEX Cache_expire_time ON Cache (expire_time)",
    **{
        name: f'CREATE TRIGGER {name} AFTER {event} {_AFTER} {change} WHERE key = "{counter}"; END'
        for name, event, change, counter in (
            ("Settings_count_insert", "INSERT", "+ 1", "count"),
            ("Settings_count_delete", "DELETE", "- 1", "count"),
            ("Settings_size_insert", "INSERT", "+ NEW.size", "size"),
            ("Settings_size_update", "UPDATE", "+ NEW.size - OLD.size", "size"),
            ("Settings_size_delete", "DELETE", "- OLD.size", "size"),
        )
    },
}
"""What diskcache 5.6 makes; a process that was killed may have made a part of it."""

_PRAGMAS = (
    *("trusted_schema = 0", "cell_size_check = 1"),
    *("fullfsync = 1", "checkpoint_fullfsync = 1"),  # macOS: as far as the disk, see files
)
_NAMES_A_FILE = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"  # so ends a journal that does
_STEPS = 1_000_000  # of SQLite's machine between two looks
_LARGEST = 128 * 1024 * 1024  # bytes of a value in a database that is smaller than this
_LARGEST_OF_ALL = 2**31 - 1  # SQLite counts them in an int
_LOOKED_THROUGH = 64 * 1024 * 1024  # bytes: takes 0.2 s, and no repository holds a larger one
_HELD = 2_000  # KiB of pages, whatever their size: the system holds them too


class Guarded(sqlite3.Connection):
    """A connection whose statements end: in as many steps as the size of the database allows."""

    _most = _left = 16

    def guard(self, size: int) -> None:
        """Before the first statement; `size` is that of the database's files."""
        self._most = 16 + size // _STEPS
        self.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(max(size, _LARGEST), _LARGEST_OF_ALL))
        self.set_progress_handler(self._step, _STEPS)
        if sys.version_info >= (3, 12):
            self.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        harden(self.execute)

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """As ever."""
        self._left = self._most
        return super().execute(*arguments)

    def _step(self) -> bool:
        self._left -= 1
        return self._left < 0


def harden(execute: Any) -> None:
    """What a connection is told before it is used."""
    for pragma in (*_PRAGMAS, f"cache_size = -{_HELD}"):
        execute(f"PRAGMA {pragma}")


def refuse_odd_files(path: Path, names: Iterable[Path]) -> None:
    """RunnerError if one of the database's files is none that can be opened without harm."""
    for name in names:
        try:
            mode = name.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as cause:
            raise files.failure("read", name, cause) from cause
        if stat.S_ISDIR(mode):
            raise _not_a_file(path, name)
        if not stat.S_ISREG(mode):
            raise foreign(path, f"{name.name} is not a plain file")
        if name.name.endswith("-journal") and _names_a_file(name):
            raise foreign(path, f"{name.name} names another file")


def refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """RunnerError unless the database holds what this program makes, or a part of it."""
    made = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    for kind, name, sql in made:
        if name not in _SCHEMA or _SCHEMA[name] != sql:
            raise foreign(path, f"the {kind} {str(name)[:60]!r} is not as the runner makes it")
    try:
        found = connection.execute("SELECT key, value FROM Settings").fetchall()
    except sqlite3.OperationalError as cause:
        if "no such table" in str(cause):  # it is just being made
            return
        raise
    for key, value in found:
        if key not in _COUNTERS and SETTINGS.get(key) != value:
            raise foreign(path, f"it has the setting {str(key)[:60]!r}")


def refuse_tangled(connection: sqlite3.Connection, path: Path, size: int) -> None:
    """RunnerError if two of its tables share a page, or an index leads elsewhere: what is written
    to one place would be gone from another. A large database is not looked through.
    """
    if size <= _LOOKED_THROUGH:
        ((said, *_),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
        if said != "ok":
            raise database_failure(path, sqlite3.DatabaseError(str(said)[:200]))


def foreign(path: Path, what: str) -> RunnerError:
    """The error of a cache that another program made, whoever put it there."""
    return error(
        "Cache of another program",
        f"{path} was not made by the runner ({what}); it may have come with the repository. "
        f"Nothing in it is used. Move {path.parent} away, or empty it: `runner cache clear`. The "
        "state keeps every answer that is recorded.",
        Where(str(path)),
    )


def _not_a_file(path: Path, name: Path) -> RunnerError:
    said = f"{name} is a folder, where the runner has a file. Move it away"
    return error("Cache of another program", f"{said}, or all of {path.parent}.", Where(str(path)))


def _names_a_file(journal: Path) -> bool:
    """Whether a journal names a journal of several databases, which SQLite would open and delete.
    One that this program left as it was killed does not.
    """
    try:
        with journal.open("rb") as file:
            file.seek(max(0, journal.stat().st_size - len(_NAMES_A_FILE)))
            return file.read() == _NAMES_A_FILE
    except FileNotFoundError:  # just done with
        return False
    except OSError as cause:
        raise files.failure("read", journal, cause) from cause
