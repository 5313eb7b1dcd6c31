"""The answers that are at hand for one state."""

from pathlib import Path
from typing import Self

from runner.core.state.cache_entry import Owner, cache_keys
from runner.io.cache.reader import Reader


class CachedAnswers:
    """What a cache holds for an owner, by fingerprint and sample: anybody's answers, and those that
    a server stored for this owner, which come first. For use in one thread; RunnerError if the
    cache is damaged.
    """

    def __init__(self, directory: Path, owner: Owner) -> None:
        self._reader = Reader(directory)
        self._owner = owner

    def __call__(self, fingerprint: str, sample: int) -> bytes | None:
        """The entry of an answer, or None."""
        return self._reader.get(*cache_keys(fingerprint, sample, self._owner))

    def at(self, key: str) -> bytes | None:
        """The entry under a key, or None."""
        return self._reader.get(key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
