"""Who holds which answer, when several completions ask the very same thing."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from runner.core.state.line import answered
from runner.core.state.records import Record

Held = tuple[str, int]  # fingerprint, sample number


class Samples(Struct):
    """N declared completions have N answers: the cache key is fingerprint + sample number.

    An address keeps the number of its record; a new one takes that of an address which is gone,
    so that a rename keeps its answer, else the lowest that no other address holds after this
    plan. A number whose holder has not been decided yet is borrowed; if the
    holder turns out to keep it, that is a conflict, and the plan is made again with the number
    contested. Once the plan is made (`lends` is false) nothing is borrowed any more: an apply
    cannot be made again.
    """

    records: Mapping[str, Record]
    is_declared: Callable[[str], bool] = lambda _: False  # set when the walk is known
    contested: frozenset[Held] = frozenset()
    taken: dict[Held, str] = {}
    kept: set[str] = set()
    moved: set[str] = set()
    lends: bool = True
    _borrowed: dict[Held, str] = {}
    _conflicts: set[Held] = set()
    _lowest: dict[str, int] = {}
    _index: dict[Held, str] | None = None
    _numbers: dict[str, list[int]] | None = None

    @property
    def index(self) -> dict[Held, str]:
        """The addresses of the records by what they answer; made when first needed."""
        if self._index is None:
            self._index = {answered(record): address for address, record in self.records.items()}
        return self._index

    def keep(self, record: Record) -> None:
        """The record still answers its address."""
        if self.taken:
            held = answered(record)
            if self.taken.get(held, record.address) != record.address:
                self._conflicts.add(held)
        self.kept.add(record.address)

    def leave(self, address: str) -> None:
        """The address, of which there is a record, asks something else now, or nothing."""
        self.moved.add(address)

    def take(self, address: str, fingerprint: str, start: int = 0) -> int:
        """The number that the address may have for this request; from `start`, the lowest."""
        inherited = None if start or not self.index else self._inherited(fingerprint)
        if inherited is not None:
            self.taken[fingerprint, inherited] = address
            return inherited
        sample = start or self._lowest.get(fingerprint, 0)
        while not self._free(address, held := (fingerprint, sample)):
            sample += 1
        if sample and not start:
            self._lowest[fingerprint] = sample
        self.taken[held] = address
        return sample

    def conflicts(self) -> frozenset[Held]:
        """Borrowed numbers whose holders keep them, or may keep them once answers are known."""
        decided = self.kept | self.moved
        undecided = {
            held
            for held, holder in self._borrowed.items()
            if holder not in decided and self.is_declared(holder)  # its block has expanded since
        }
        return frozenset(self._conflicts | undecided)

    def _inherited(self, fingerprint: str) -> int | None:
        """The lowest number of a record whose address is gone, each once.

        Only what was issued more than once has another than 0, which is the lowest anyway.
        """
        if self._numbers is None:
            self._numbers = {}
            for asked, sample in self.index:
                if sample:
                    self._numbers.setdefault(asked, [0]).append(sample)
            for numbers in self._numbers.values():
                numbers.sort(reverse=True)
        numbers = self._numbers.get(fingerprint, [])
        while numbers:
            held = fingerprint, numbers.pop()
            holder = self.index.get(held)
            if holder is not None and held not in self.taken and not self.is_declared(holder):
                return held[1]
        return None

    def _free(self, address: str, held: Held) -> bool:
        if held in self.taken:
            return self.taken[held] == address
        holder = self.index.get(held)
        if holder is None or holder == address or holder in self.moved:
            return True
        if holder in self.kept:
            return False
        if not self.is_declared(holder):
            return True
        if held in self.contested or not self.lends:
            return False
        self._borrowed[held] = holder
        return True
