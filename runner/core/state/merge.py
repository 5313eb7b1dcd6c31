"""Two states that come of one, merged address by address: lines know nothing of answers."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from runner.core.address import around, in_order, is_data
from runner.core.state.line import encode_record
from runner.core.state.records import Record, State
from runner.core.state.shards import Shard

Records = Mapping[str, Record]


class Clash(Struct, frozen=True):
    """Two answers to different requests at one address: which of them is wanted, what was asked
    before does not tell.
    """

    ours: Record
    theirs: Record


class MergedState(Struct, frozen=True):
    """What both sides did. Where they clash, `state` has the record of ours."""

    state: State
    clashes: Mapping[str, Clash]


_CONTESTED: Final = object()


def merge_states(base: State | None, ours: State, theirs: State) -> MergedState:
    """What was done to `base` on both sides; without one, nothing was taken away on either.

    A record that one side added or changed is there; one that a side removed is gone, unless the
    other changed it. Where both changed one, that stays which was asked with the answers that are
    there now; else the one whose request changed; of two answers to one request the accepted, the
    later one. All else clashes. The sides are equal: as theirs and ours they give the same state.
    """
    before = {} if base is None else base.records
    merged: dict[str, Record] = {}
    contested: dict[str, Clash] = {}
    for address in in_order({**ours.records, **theirs.records}):
        mine, other = ours.records.get(address, UNSET), theirs.records.get(address, UNSET)
        chosen = _decided(before.get(address, UNSET), mine, other)
        if chosen is _CONTESTED:
            contested[address] = Clash(ours.records[address], theirs.records[address])
        elif isinstance(chosen, Record):
            merged[address] = _fuller(chosen, mine, other)
    clashes = _Contest(before, ours.records, theirs.records, merged, contested).settle()
    ours_there = {address: clash.ours for address, clash in clashes.items()}
    return MergedState(_header(base, ours, theirs, {**merged, **ours_there}), clashes)


def merge_outputs(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of outputs by name. One that both changed differently is left out: it is made
    anew from the state, and until then none is better than a wrong one.
    """
    return {
        name: value
        for name, value in _by_name(base, ours, theirs).items()
        if value is not _CONTESTED
    }


def merge_shards(
    base: Mapping[str, Shard], ours: Mapping[str, Shard], theirs: Mapping[str, Shard]
) -> dict[str, Shard]:
    """The shards of a merged state, as it lists them; one that both changed has no digest."""
    found = _by_name(base, ours, theirs)
    return {name: Shard(name) if one is _CONTESTED else one for name, one in found.items()}


def _decided(was: Any, mine: Any, other: Any) -> Any:
    """What three values come to, where UNSET is none; _CONTESTED where both sides have another."""
    if other in (mine, was):
        return mine
    if mine == was or mine is UNSET:
        return other
    return mine if other is UNSET else _CONTESTED


def _fuller(chosen: Record, *sides: Any) -> Record:
    """Of records that say the same, the one whose line says more: on either side the same one."""
    same: list[Record] = [side for side in sides if side == chosen]
    return max(same, key=lambda record: record.line or b"")


class _Contest(Struct, frozen=True):
    """What both sides changed. What is chosen goes into `merged`."""

    before: Records
    ours: Records
    theirs: Records
    merged: dict[str, Record]
    contested: Mapping[str, Clash]

    def settle(self) -> dict[str, Clash]:
        """Those that clash. What others were asked with comes before them."""
        if not self.contested:
            return {}
        under = _Under([*self.merged, *self.contested])
        clashes: dict[str, Clash] = {}
        for address in self._upstream_first(under):
            both = self.contested[address]
            chosen = self._chosen(both, under)
            if chosen is None:
                clashes[address] = both
            else:
                self.merged[address] = chosen
        return clashes

    def _upstream_first(self, under: "_Under") -> list[str]:
        needs = {
            address: under.of((*both.ours.depends_on, *both.theirs.depends_on))
            & self.contested.keys()
            for address, both in self.contested.items()
        }
        try:
            return [*TopologicalSorter(needs).static_order()]
        except CycleError:  # each side the other way round
            return [*self.contested]

    def _chosen(self, both: Clash, under: "_Under") -> Record | None:
        ours, theirs = both.ours, both.theirs
        if ours.fingerprint == theirs.fingerprint or is_data(ours.address):
            return max(ours, theirs, key=_rank)
        follows = self._follows(ours, self.ours, under)
        if follows != self._follows(theirs, self.theirs, under):
            return ours if follows else theirs
        was = self.before.get(ours.address)
        if was is not None and was.fingerprint in (ours.fingerprint, theirs.fingerprint):
            return theirs if ours.fingerprint == was.fingerprint else ours
        return None

    def _follows(self, record: Record, side: Records, under: "_Under") -> bool:
        """Whether it was asked with answers that are those of the merged state."""
        needs = under.of(record.depends_on)
        return all(_answer(side.get(need)) == _answer(self.merged.get(need)) for need in needs)


class _Under:
    """The addresses that are a block, or inside of it."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._found: dict[str, list[str]] = {}
        for address in addresses:
            for block in {address, *around(address)}:
                self._found.setdefault(block, []).append(address)

    def of(self, needs: Iterable[str]) -> set[str]:
        return {address for need in needs for address in self._found.get(need, ())}


def _answer(record: Record | None) -> tuple[str, int, bytes] | None:
    return None if record is None else (record.fingerprint, record.sample, record.response)


def _rank(record: Record) -> tuple[bool, int, str, bytes]:
    """Whoever asks once more wants it in the place of what was there."""
    return not record.rejected, record.sample, record.issued_at, encode_record(record)


def _header(base: State | None, ours: State, theirs: State, records: Records) -> State:
    last = max(ours, theirs, key=_written)

    def scalar(name: str) -> Any:
        was = UNSET if base is None else getattr(base, name)
        found = _decided(was, getattr(ours, name), getattr(theirs, name))
        return getattr(last, name) if found is _CONTESTED else found

    def table(name: str) -> dict[str, Any]:
        was = {} if base is None else getattr(base, name)
        found = _by_name(was, getattr(ours, name), getattr(theirs, name))
        held = getattr(last, name)
        return {key: held[key] if one is _CONTESTED else one for key, one in found.items()}

    return State(
        max(ours.version, theirs.version),
        scalar("lineage"),
        max(ours.serial, theirs.serial) + 1,
        scalar("runner_version"),
        scalar("root"),
        records,
        table("extra"),
        table("files"),
    )


def _written(state: State) -> tuple[int, bytes]:
    """Which of two states is the later; on either side the same one."""
    about = (state.lineage, state.runner_version, state.root, state.extra, state.files)
    return state.serial, msgspec.json.encode(about, order="sorted")


def _by_name(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, Any]:
    found = {
        name: _decided(*(side.get(name, UNSET) for side in (base, ours, theirs)))
        for name in sorted({*base, *ours, *theirs})
    }
    return {name: value for name, value in found.items() if value is not UNSET}
