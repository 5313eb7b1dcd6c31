"""The answers of a team: in a store that its machines reach, past those of this one."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from threading import Lock
from typing import Any, Protocol

from runner.core.request.shared_answer import is_shareable
from runner.core.state.cache_entry import SHARED, asked_by_name, asked_in, cache_key, shared_name
from runner.errors import RunnerError
from runner.io.cache.crew import Crew

AT_ONCE = 64
"""So many answers are on their way at once."""

_USUAL = 8_000_000  # bytes; larger ones are read one at a time
_LARGEST = 128_000_000  # as large a request as a response may be
_WORTH = 10  # so many requests cost as much as a listing
_NOTHING = f"{SHARED}none"  # what is asked for to see whether anybody answers


class AnswerStore(Protocol):
    """What is asked of where they are; what goes wrong there is a RunnerError."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def get(self, key: str, most: int | None = None, /) -> bytes | None:
        """The bytes of an object; None if there is none. One of more than `most` bytes is not read,
        and comes out empty.
        """

    def create(self, key: str, data: bytes, /) -> bool:
        """Whether the object is there now with these bytes: else it was there with others."""

    def listed(self, prefix: str, /) -> Sequence[Any]:
        """All objects below a prefix; `key` and `size` of each."""

    def few(self, prefix: str, /) -> Sequence[Any] | None:
        """The same by one request; None where that may not be all."""


class SharedAnswers:
    """The answers that a team shares, by the keys that the cache has them under.

    A store that cannot be used is met once, by `contact`, which is the same one with less patience,
    and left alone from then on: `failure` says why. What was not there is not asked for again.
    `taken` counts what a sweep brought; `refused` are keys under which stands what nobody here
    takes: no answer to that request.
    """

    def __init__(
        self, store: AnswerStore, contact: AnswerStore, *, reads: bool = True, pushes: bool = True
    ) -> None:
        self.reads, self.pushes = reads, pushes
        self.taken = 0
        self.is_told = False  # that it cannot be used
        self.failure: RunnerError | None = None
        self.refused: set[str] = set()
        self._store, self._contact = store, contact
        self._missing: set[str] = set()
        self._crew = Crew(AT_ONCE)
        self._meeting, self._is_met = Lock(), False
        self._large = Lock()

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._store.name

    def sweep(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Those of some answers that are there, all looked for at once. Where most of a sample are
        not, what there is is listed before the others are asked for.
        """
        wanted = [key for key in dict.fromkeys(keys) if key not in self._missing]
        if wanted:
            _log().info("looking for %d answers in %s", len(wanted), self.name)
        sample = wanted[:: len(wanted) // AT_ONCE or 1]
        yield from self._taken(sample)
        asked = {*sample}
        others = [key for key in wanted if key not in asked]
        if 2 * len(asked & self._missing) > len(asked):
            self._missing |= self._unlisted(others)
        yield from self._taken(key for key in others if key not in self._missing)

    def _taken(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        if self.failure is not None:
            return
        for key, data in self._crew.each(self.get, keys):
            if data is not None:
                self.taken += 1
                yield key, data

    def _unlisted(self, keys: Iterable[str]) -> set[str]:
        """Those of some that are known not to be there, by a listing of all, or of each folder from
        which many are wanted; as far as a listing takes one request.
        """
        names = {shared_name(*asked): key for key in keys if (asked := asked_in(key)) is not None}
        if not _is_worth_it(names) or not self._is_reached():
            return set()
        if (absent := self._absent(SHARED, names)) is not None:
            return absent
        folders: dict[str, dict[str, str]] = {}
        for name, key in names.items():
            folders.setdefault(f"{name.rpartition('/')[0]}/", {})[name] = key
        listed = [folder for folder, held in folders.items() if _is_worth_it(held)]
        looked = self._crew.each(lambda folder: self._absent(folder, folders[folder]), listed)
        return {key for _, absent in looked for key in absent or ()}

    def _absent(self, prefix: str, names: Mapping[str, str]) -> set[str] | None:
        """The keys of the names that are not below a prefix; None where that cannot be told."""
        try:
            found = self._store.few(prefix)
        except RunnerError:  # a key need not be allowed to list
            return None
        held = None if found is None else {one.key for one in found}
        return held if held is None else {key for name, key in names.items() if name not in held}

    async def look(self, key: str) -> bytes | None:
        """As `get`, while the loop goes on."""
        if self.failure is not None or key in self._missing:
            return None
        return await self._crew.aside(lambda: self.get(key))

    def get(self, key: str) -> bytes | None:
        """An answer; None if there is none, or nobody can say."""
        asked = asked_in(key)
        if asked is None or not self._is_reached():
            return None
        try:
            data = self._read(shared_name(*asked))
        except RunnerError as exc:
            self.failure = self.failure or exc
            return None
        if data is not None and is_shareable(data, *asked):
            return data
        if data is not None:
            self.refused.add(key)
        self._missing.add(key)
        return None

    def _read(self, name: str) -> bytes | None:
        data = self._store.get(name, _USUAL)
        if data != b"":
            return data
        with self._large:
            return self._store.get(name, _LARGEST)

    async def push(self, key: str, data: bytes) -> bool | None:
        """As `give`, while the loop goes on."""
        if self.failure is not None:
            return None
        return await self._crew.aside(lambda: self.give(key, data))

    def give(self, key: str, data: bytes) -> bool | None:
        """Whether the answer is there now; False if another one to the same request was there
        before, and stays. None if nobody can say.
        """
        asked = asked_in(key)
        if asked is None or not self._is_reached():
            return None
        try:
            return self._store.create(shared_name(*asked), data)
        except RunnerError as exc:
            self.failure = self.failure or exc
            return None

    def give_all(self, entries: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bool | None]]:
        """As `give` for each, all at once."""
        for (key, _), given in self._crew.each(lambda one: self.give(*one), entries):
            yield key, given

    def sizes(self) -> dict[str, int]:
        """The keys of all that is there, and their bytes; RunnerError if nobody can say."""
        self._contact.get(_NOTHING)
        found = ((asked_by_name(one.key), one.size) for one in self._store.listed(SHARED))
        return {cache_key(*asked): size for asked, size in found if asked is not None}

    def drop(self) -> None:
        """What was not begun yet is not begun any more, and nobody may wait for it."""
        self._crew.drop()

    def _is_reached(self) -> bool:
        """Whether the store can be used, as far as is known: the first who comes finds out."""
        if not self._is_met:
            with self._meeting:
                if not self._is_met:
                    self._meet()
        return self.failure is None

    def _meet(self) -> None:
        try:
            self._contact.get(_NOTHING)
        except RunnerError as exc:
            self.failure = exc
        self._is_met = True


def _is_worth_it(wanted: Sized) -> bool:
    """Whether a listing is cheaper than to ask for each."""
    return len(wanted) > _WORTH


def _log() -> logging.Logger:
    return logging.getLogger(__name__)
