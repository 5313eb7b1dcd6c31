"""Upkeep of a cache: what it holds, and making it smaller."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from runner.core.state.cache_entry import asked_in
from runner.errors import RunnerError
from runner.io import files
from runner.io.cache.closed import Rows, write
from runner.io.cache.database import BUSY_SECONDS, OURS, connection_to, file_bytes
from runner.io.cache.faults import DAMAGED, database_failure
from runner.io.cache.names import DATABASE, database_files
from runner.io.cache.reader import Reader


class Info(Struct, frozen=True):
    """How many answers, their bytes, and the bytes of the cache's files; so many others have yet to
    get.
    """

    entries: int
    bytes: int
    file_bytes: int
    unpushed: int = 0


def info(directory: Path) -> Info:
    """What is in a cache; RunnerError if it is damaged."""
    path = directory / DATABASE
    with Reader(directory) as reader:
        entries, size = reader.totals()
        return Info(entries, size, file_bytes(path), len(reader.unpushed()))


def to_push(directory: Path, *, everything: bool) -> Iterator[tuple[str, bytes]]:
    """The answers that others have yet to get; or everything that may be anybody's."""
    with Reader(directory) as reader:
        for key in [*(reader.keys() if everything else reader.unpushed())]:
            data = reader.get(key) if asked_in(key) is not None else None
            if data is not None:
                yield key, data


def pushed(directory: Path, keys: Sequence[str]) -> None:
    """Others have these."""
    if keys:
        write(directory / DATABASE, Rows(pushed=keys))


def clear(directory: Path) -> Info | None:
    """Removes a cache, also a damaged one; returns what was removed, None if it could not be read
    as a cache.
    """
    path = directory / DATABASE
    try:
        removed = info(directory)
    except RunnerError:
        removed = None
    for file in database_files(path):
        files.remove(file)
    return removed


def prune(directory: Path, keeps: Callable[[str], bool]) -> Info:
    """Removes every answer but those whose keys it `keeps`, and returns what was removed."""
    path = directory / DATABASE
    if files.identity(path) is None:
        return Info(0, 0, 0)
    before = file_bytes(path)
    try:
        with closing(connection_to(path, "mode=rw", BUSY_SECONDS)) as connection:
            entries, size = _prune(connection, keeps)
    except DAMAGED as cause:
        raise database_failure(path, cause) from cause
    return Info(entries, size, before - file_bytes(path))


def _prune(connection: sqlite3.Connection, keeps: Callable[[str], bool]) -> tuple[int, int]:
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    connection.execute("BEGIN IMMEDIATE")
    rows = connection.execute(f"SELECT rowid, key, length(value), {OURS} FROM Cache").fetchall()  # noqa: S608
    gone = [(row, size or 0) for row, key, size, ours in rows if not ours or not keeps(key)]
    connection.executemany("DELETE FROM Cache WHERE rowid = ?", [(row,) for row, _ in gone])
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return len(gone), sum(size for _, size in gone)
