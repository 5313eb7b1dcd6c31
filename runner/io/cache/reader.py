"""Reads a cache, and changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from runner.io.cache.database import OURS, UNPUSHED, read_only
from runner.io.cache.faults import DAMAGED, database_failure
from runner.io.cache.names import DATABASE


class Reader:
    """Reads a cache, also while an apply writes it, and changes nothing; without one it is empty.

    Its methods raise RunnerError if the cache is damaged. For use in one thread.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / DATABASE
        self._connection = read_only(self._path)

    @property
    def is_there(self) -> bool:
        """Whether there is a cache at all."""
        return self._connection is not None

    def get(self, *keys: str) -> bytes | None:
        """The answer kept under the first of these keys that there is, or None."""
        marks = ", ".join("?" * len(keys))
        query = f"SELECT key, value FROM Cache WHERE key IN ({marks}) AND {OURS}"  # noqa: S608
        found = dict(self._rows(query, keys))
        return next((bytes(found[key]) for key in keys if key in found), None)

    def contains(self, key: str) -> bool:
        """Whether `get` has an answer, without reading it."""
        return bool(self._rows(f"SELECT 1 FROM Cache WHERE key = ? AND {OURS}", (key,)))  # noqa: S608

    def keys(self) -> Iterator[str]:
        """Every key that `get` has an answer for."""
        return (key for (key,) in self._rows(f"SELECT key FROM Cache WHERE {OURS}"))  # noqa: S608

    def unpushed(self) -> list[str]:
        """The keys of what others have yet to get."""
        query = f"SELECT key FROM Cache WHERE tag = ? AND {OURS}"  # noqa: S608
        return [key for (key,) in self._rows(query, (UNPUSHED,))]

    def totals(self) -> tuple[int, int]:
        """How many answers there are, and their bytes."""
        query = f"SELECT count(*), coalesce(sum(length(value)), 0) FROM Cache WHERE {OURS}"  # noqa: S608
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
        except DAMAGED as cause:
            if str(cause).startswith("no such table"):  # an apply is just creating it
                return []
            raise database_failure(self._path, cause) from cause
