"""The answers that are at hand for one state: on this machine, and past them those of a team."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from runner.core.plan.samples import Held
from runner.core.state.cache_entry import Owner, cache_key, cache_keys
from runner.errors import RunnerError
from runner.io.cache.names import DATABASE
from runner.io.cache.reader import Reader

if TYPE_CHECKING:
    from runner.io.cache.shared import SharedAnswers

_AT_A_TIME = 16_000_000  # bytes


class CachedAnswers:
    """What a cache holds for an owner, by fingerprint and sample: anybody's answers, and those that
    a server stored for this owner, which come first. For use in one thread; RunnerError if the
    cache is damaged.

    What is `shared` is had by a sweep alone, and kept here from then on.
    """

    def __init__(
        self, directory: Path, owner: Owner, shared: "SharedAnswers | None" = None
    ) -> None:
        self._reader = Reader(directory)
        self._directory, self._owner = directory, owner
        self.shared = shared
        self._fetched: dict[str, bytes] = {}
        self.unkept: RunnerError | None = None

    def __call__(self, fingerprint: str, sample: int) -> bytes | None:
        """The entry of an answer, or None."""
        found = None
        if self._reader.is_there:  # else no key is made: a first run asks so for each request
            found = self._reader.get(*cache_keys(fingerprint, sample, self._owner))
        if found is None and self._fetched:
            return self._fetched.get(cache_key(fingerprint, sample))
        return found

    def at(self, key: str) -> bytes | None:
        """The entry under a key, or None."""
        return self._reader.get(key)

    def holds(self, key: str) -> bool:
        """Whether `at` has one, without reading it."""
        return self._reader.contains(key)

    def sweep(self, wanted: Sequence[Held]) -> set[Held]:
        """Take those of some answers which a team has; `unkept` says why they could not be kept."""
        if self.shared is None:
            return set()
        asked = {cache_key(*held): held for held in wanted}
        found = set[Held]()
        for some in _portions(self.shared.sweep(asked)):
            self._keep(some)
            found.update(asked[key] for key in some)
        return found

    def fetched(self, key: str, data: bytes) -> None:
        """A shared answer came."""
        self._fetched[key] = data

    def unpushed(self) -> list[tuple[str, bytes]]:
        """What others have yet to get."""
        held = ((key, self._reader.get(key)) for key in self._reader.unpushed())
        return [(key, data) for key, data in held if data is not None]

    def _keep(self, found: dict[str, bytes]) -> None:
        from runner.io.cache.closed import Rows, write  # noqa: PLC0415  # most take nothing

        try:
            write(self._directory / DATABASE, Rows(taken=[*found.items()]))
        except RunnerError as exc:  # they are asked for again
            self.unkept = exc
            self._fetched |= found
            return
        self._reader.close()  # it may have been of no cache yet
        self._reader = Reader(self._directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()


def _portions(found: Iterable[tuple[str, bytes]]) -> Iterator[dict[str, bytes]]:
    """As many at a time as are written at once, and held until then."""
    some, size = dict[str, bytes](), 0
    for key, data in found:
        some[key], size = data, size + len(data)
        if size > _AT_A_TIME:
            yield some
            some, size = {}, 0
    if some:
        yield some
