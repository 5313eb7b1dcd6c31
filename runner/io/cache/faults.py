"""What SQLite complains of, in words that say how to go on."""

import sqlite3
from pathlib import Path

from runner.errors import RunnerError, Where, error
from runner.io import files

DAMAGED = (sqlite3.Error, UnicodeError)  # the latter from bytes where a name should stand
UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}


def database_failure(path: Path, cause: Exception) -> RunnerError:
    """The error for what `cause` says is wrong with the database at `path`."""
    where = Where(str(path))
    match result_code(cause):
        case sqlite3.SQLITE_FULL:
            detail = f"{path} cannot grow: {cause}. Free some space, then try again."
            return error("No space left", detail, where)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            detail = f"Another program holds {path}: {cause}. Wait for it, or end it."
            return error("Cache is in use", detail, where)
        case code if code in UNWRITABLE:
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


def translated(path: Path, cause: Exception) -> Exception:
    """The world's fault in words, a bug as it is; diskcache puts its own over the first one."""
    found: BaseException | None = cause
    while found is not None:
        if isinstance(found, RunnerError):
            return found
        if isinstance(found, DAMAGED) and found.__context__ is None:
            return database_failure(path, found)
        if isinstance(found, OSError):
            return files.failure("write", path, found)
        found = found.__context__
    return cause


def result_code(cause: BaseException) -> int:
    """SQLite's primary result code, 0 where Python itself complains."""
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF
