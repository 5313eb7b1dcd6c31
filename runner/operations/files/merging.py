"""The files of a project that git merges and shows: states, and the outputs beside them."""

from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from msgspec import Struct

from runner.core.received import table_of
from runner.core.state.file import decode
from runner.core.state.markers import both_sides, merged_file
from runner.core.state.merge import merge_states
from runner.core.state.records import Record
from runner.errors import Problem, RunnerError
from runner.io import files
from runner.io.state.local import OUTPUTS
from runner.operations.outputs import outputs_json

_WAY_OUT = (
    "So it was not merged: both sides stand in the file. Keep the one that is whole, with `git "
    "checkout --ours` or `--theirs` and its name; `runner cache import` brings the answers of the "
    "other."
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


def told_in(data: bytes) -> list[Record] | dict[str, Any] | None:
    """The records of a state's file, in its order, or the outputs of an outputs.json; None for any
    other.
    """
    try:
        return [*decode(data, "").records.values()]
    except RunnerError:
        return table_of(data) or None
