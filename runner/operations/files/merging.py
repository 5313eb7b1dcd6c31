"""The files of a project that git merges and shows: states, and the outputs beside them."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from msgspec import Struct

from runner.core.received import table_of
from runner.core.state.file import decode, decode_list, decode_shard, lines_in
from runner.core.state.header import header_line
from runner.core.state.line import decode_record
from runner.core.state.markers import both_sides, merged_file, merged_shard
from runner.core.state.merge import merge_shards, merge_states
from runner.core.state.records import Record, State, empty
from runner.core.state.shards import listing, shard_named, shards_in
from runner.core.state.written import UNREADABLE
from runner.errors import Problem, RunnerError, error
from runner.io import files
from runner.io.state.local import OUTPUTS
from runner.operations.outputs import outputs_json

_WAY_OUT = (
    "So it was not merged: both sides stand in the file. Keep the one that is whole, with `git "
    "checkout --ours` or `--theirs` and its name; `runner cache import` brings the answers of the "
    "other."
)


_MIXED = (
    "`runner state resolve` merges them, once the configuration is merged: no answer of either is "
    "lost."
)


class ThreeFiles(Struct, frozen=True):
    """What git hands to a merge driver: the file that both sides come of, which may be empty, and
    that of each side; and what the file is called in the repository.
    """

    base: Path
    ours: Path
    theirs: Path
    name: str


class MergedFile(Struct, frozen=True):
    """What `ours` holds now: the merge of both, with conflict markers at the addresses that
    `clash`; or, for what is `unreadable`, both sides between conflict markers.
    """

    name: str
    clash: tuple[str, ...] = ()
    unreadable: tuple[Problem, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left for a person to do."""
        return not self.clash and not self.unreadable


def merge_files(three: ThreeFiles) -> MergedFile:
    """Merge the three into `ours`. Whatever goes wrong, it has both sides then: git would take
    what was there for merged by hand.
    """
    base, ours, theirs = (files.read(one) or b"" for one in (three.base, three.ours, three.theirs))
    files.write_atomic(three.ours, both_sides(ours, theirs))
    clash: tuple[str, ...] = ()
    try:
        if PurePath(three.name).name == OUTPUTS:
            merged = outputs_json.merged(base, ours, theirs)
        elif shard_named(three.name) is not None:
            merged, clash = _shards(three.name, base, ours, theirs)
        elif shards_in(ours) or shards_in(theirs):
            merged = _lists(three.name, base, ours, theirs)
        else:
            merged, clash = _states(three.name, base, ours, theirs)
    except RunnerError as exc:
        return MergedFile(three.name, (), exc.problems)
    files.write_atomic(three.ours, merged)
    return MergedFile(three.name, clash)


def _states(name: str, *three: bytes) -> tuple[bytes, tuple[str, ...]]:
    base, (ours, theirs) = None, (decode(data, name, _WAY_OUT) for data in three[1:])
    with suppress(RunnerError):  # there was none, or it was broken: nothing is taken away then
        base = decode(three[0], name)
    merged = merge_states(base, ours, theirs)
    return merged_file(merged), (*merged.clashes,)


def _shards(name: str, *three: bytes) -> tuple[bytes, tuple[str, ...]]:
    """As `_states`: what was asked with an answer of another shard is not known here."""
    ours, theirs = (_with(decode_shard(data, name, _WAY_OUT)) for data in three[1:])
    base = None
    with suppress(RunnerError):
        base = _with(decode_shard(three[0], name))
    merged = merge_states(base, ours, theirs)
    return merged_shard(merged), (*merged.clashes,)


def _with(records: Mapping[str, Record]) -> State:
    return replace(empty("", ""), records=records)


def _lists(name: str, *three: bytes) -> bytes:
    """A shard that both sides changed is merged by itself, so that nobody knows its digest yet."""
    base, ours, theirs = map(shards_in, three)
    if not (ours and theirs):
        raise error(
            "State is in shards on one side", f"{name} has all records on the other. {_MIXED}"
        )
    was = decode_list(three[0], name, _WAY_OUT) if base else None
    sides = (decode_list(data, name, _WAY_OUT) for data in three[1:])
    merged = merge_states(was, *sides)
    shards = merge_shards(base, ours, theirs)
    return listing(header_line(merged.state, is_split=True), shards.values())


def told_in(data: bytes) -> list[Record] | dict[str, Any] | None:
    """The records of a state's file or of a shard, in its order, or the outputs of an outputs.json;
    None for any other. A file that lists shards has none.
    """
    try:
        return [decode_record(line) for line in lines_in(data, "")]
    except (RunnerError, *UNREADABLE):
        return table_of(data) or None
