"""The cache's database: its files, the rows that count, and connections to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from runner.io import files
from runner.io.cache.faults import DAMAGED, UNWRITABLE, database_failure, result_code
from runner.io.cache.guard import Guarded, refuse_foreign, refuse_odd_files, refuse_tangled
from runner.io.cache.names import DATABASE, database_files

BUSY_SECONDS = 60.0
_READ_BUSY_SECONDS = 5.0

RAW = 1  # diskcache's mode of a value that stands in the row itself
UNPUSHED = "unpushed"
"""The tag of an answer that others have yet to get."""

OURS = (
    f"raw = 1 AND mode = {RAW} AND filename IS NULL"
    " AND typeof(key) = 'text' AND typeof(value) = 'blob'"
)


def connection_to(path: Path, how: str, timeout: float) -> sqlite3.Connection:
    """A connection that commits by itself and waits `timeout` seconds; `how` is SQLite's query.

    RunnerError unless it is a cache as this program makes it.
    """
    refuse_odd_files(path, database_files(path))
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?{how}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        factory=Guarded,
    )
    try:
        connection.guard(file_bytes(path))
        refuse_foreign(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def check_whole(path: Path) -> None:
    """RunnerError if there is a cache that this program has not made, or it is damaged."""
    refuse_odd_files(path, database_files(path))
    if files.exists(path):
        try:  # as a writer: it takes back what a killed one began, and that is what counts
            with closing(connection_to(path, "mode=rw", BUSY_SECONDS)) as connection:
                refuse_tangled(connection, path, file_bytes(path))
        except DAMAGED as cause:
            raise database_failure(path, cause) from cause


def read_only(path: Path) -> sqlite3.Connection | None:
    """A connection that cannot write; None if there is no cache, RunnerError if it is none, or
    cannot be read.
    """
    refuse_odd_files(path, database_files(path))
    if not files.exists(path):
        return None
    try:
        return connection_to(path, "mode=ro", _READ_BUSY_SECONDS)
    except sqlite3.OperationalError as cause:
        # SQLite has to create its -shm file, except where nobody can be writing.
        wal = files.identity(path.with_name(f"{DATABASE}-wal"))
        if result_code(cause) not in UNWRITABLE or (wal is not None and wal.size):
            raise database_failure(path, cause) from cause
    except DAMAGED as cause:
        raise database_failure(path, cause) from cause
    try:
        return connection_to(path, "mode=ro&immutable=1", _READ_BUSY_SECONDS)
    except DAMAGED as cause:
        raise database_failure(path, cause) from cause


def file_bytes(path: Path) -> int:
    """What the database's files take on the disk, in bytes."""
    return sum(found.size for file in database_files(path) if (found := files.identity(file)))
