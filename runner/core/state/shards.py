"""A state in shards: which record stands in which of them, and how they are listed."""

import re
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Literal

import msgspec
from msgspec import Struct

from runner.core.canonical import digest
from runner.core.state.written import UNREADABLE

StateLayout = Literal["one", "split"]
"""A state in one file, or in a file that lists shards, and these."""

OutputsKept = Literal["file", "lazy"]
"""All outputs of a state in a file beside it, or each evaluated when it is asked for."""

LARGE = 32_000_000
"""So many bytes of a state, about, are the most that stand in one file unless somebody says so; and
of its outputs.
"""

SHARDS = b'"shards":['
_FOLDER, _ENDING = "records", ".jsonl"
_MOST = 4096
_USUAL = 1 << 20  # bytes of a shard where their number is chosen: at most
_SMALLEST, _LARGEST = 250_000, 1_500_000  # on average, as long as their number stays
_NAME = re.compile(r"[0-9a-f]{3}")
_BEGINNING = 4096  # bytes in which its version stands
_SPLIT = re.compile(rb'"version"\s*:\s*2\b')
_LIST = re.compile(rb'"shards":\[\r?$', re.MULTILINE)
_LISTED = re.compile(rb'^,?(\{"name":"[0-9a-f]{3}".*?\}),?\r?$', re.MULTILINE)


class Shard(Struct, frozen=True, omit_defaults=True):
    """A shard as a state lists it. Without a digest it is one that two sides of a merge changed:
    it counts as it stands.
    """

    name: str
    bytes: int = 0
    sha256: str = ""


class RecordFile(Struct, frozen=True):
    """A file of one record a line; `name` is what messages call it."""

    name: str
    data: bytes


class StateText(Struct, frozen=True):
    """A state as it stands: its file, and the shards that this lists, by their names."""

    head: bytes
    shards: Mapping[str, RecordFile] = {}

    @property
    def files(self) -> tuple[bytes, ...]:
        """Each file of it."""
        return (self.head, *(shard.data for shard in self.shards.values()))


class _Listed(msgspec.Struct):
    shards: list[Shard]


def shard_of(address: str, count: int) -> str:
    """The shard of a record, where there are so many. When their number is doubled, each gives
    half of its records to one that is new, and no record goes anywhere else.
    """
    return name_of(zlib.crc32(address.encode(errors="surrogatepass")) & (count - 1))


def name_of(index: int) -> str:
    """The name of a shard: it stays, however many there are."""
    return f"{index:03x}"


def shard_file(name: str) -> str:
    """The path of a shard, from the folder of the state's file."""
    return f"{_FOLDER}/{name}{_ENDING}"


def shard_named(path: str) -> str | None:
    """The shard whose file this is; None for any other."""
    folder, _, name = path.rpartition("/")
    stem = name.removesuffix(_ENDING)
    is_one = name.endswith(_ENDING) and folder.rpartition("/")[2] == _FOLDER
    return stem if is_one and _NAME.fullmatch(stem) else None


def shard_with(name: str, data: bytes) -> Shard:
    """A shard with this content."""
    return Shard(name, len(data), digest(data))


def shards_in(head: bytes) -> dict[str, Shard]:
    """The shards that a state's file lists, by their names; none where it holds the records, or is
    none. A merge may have left conflicts in it; one that is listed twice then has no digest.
    """
    end = max(head.find(b"\n"), 0)
    if _SPLIT.search(head, 0, _BEGINNING) and not head.startswith(SHARDS, end - len(SHARDS)):
        with suppress(*UNREADABLE):  # another tool has laid it out
            return {one.name: one for one in listed_in(head) if _NAME.fullmatch(one.name)}
    is_list = _LIST.search(head, 0, end + 1 if head[:1] == b"{" else len(head))
    found: dict[str, Shard] = {}
    for line in _LISTED.findall(head) if is_list else ():
        try:
            shard = msgspec.json.decode(line, type=Shard)
        except UNREADABLE:
            continue
        known = found.get(shard.name, shard)
        found[shard.name] = shard if shard == known else Shard(shard.name)
    return found


def listed_in(head: bytes) -> list[Shard]:
    """The list of a state's file that is JSON, however it is laid out; one of UNREADABLE is raised
    if there is none.
    """
    return msgspec.json.decode(head, type=_Listed).shards


def listing(begin: bytes, shards: Iterable[Shard]) -> bytes:
    """A state's file that lists shards, by its first line."""
    entries = sorted(shards, key=lambda one: one.name)
    lines = b",\n".join(map(msgspec.json.encode, entries))
    return begin + b"\n" + lines + b"\n]}\n"


def shard_count(size: int, before: int, layout: StateLayout | None) -> int:
    """In how many shards so many bytes are to stand that stood in so many before; 0 for one file.

    There is room between where a number changes and where it changes back: a state that grows and
    shrinks a little is not written anew each time.
    """
    is_small = size <= (LARGE if not before else LARGE // 2)
    if layout == "one" or (layout is None and is_small):
        return 0
    has_room = before * _SMALLEST <= size <= before * _LARGEST
    if before and before & (before - 1) == 0 and has_room:
        return before
    wanted = 1 << max(-(-size // _USUAL) - 1, 0).bit_length()
    return min(wanted, _MOST)
