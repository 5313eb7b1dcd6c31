"""The state as files: a header and one record a line, in one file or in shards."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from json import dumps
from typing import Literal

import msgspec
from msgspec import Struct

from runner.core.state.damage import TwiceError, damage, offset_of, way_back_of_shard, way_back_to
from runner.core.state.header import CLOSE, Header, header_line, read_header
from runner.core.state.line import encode_record
from runner.core.state.lines import (
    MisreadError,
    in_natural_order,
    is_laid_out,
    lines_of_file,
    lines_of_json,
    lines_of_shard,
    records_in,
    written_lines,
)
from runner.core.state.records import Record, State
from runner.core.state.shards import (
    RecordFile,
    Shard,
    StateLayout,
    StateText,
    listing,
    name_of,
    shard_count,
    shard_file,
    shard_of,
    shards_in,
)
from runner.core.state.written import UNREADABLE
from runner.errors import RunnerError, Where, error

_BOM = b"\xef\xbb\xbf"
_BEGUN = b'{"address":"'
_BEGUN_LATER = b"\n" + _BEGUN
_AS_TEXT = msgspec.json.Encoder().encode
_USUAL_LINE = 350  # bytes of a record's line that are no body


class _Address(msgspec.Struct):
    address: str


class Laid(Struct, frozen=True):
    """How a state stands that was read or written: its records, about how many bytes they are, and
    its shards as they are; none where it is one file. It `fits` where its file says the same.
    """

    records: Mapping[str, Record] = {}
    size: int = 0
    shards: Mapping[str, Shard] = {}
    fits: bool = True


class Split(Struct, frozen=True):
    """What is to be written of a state in shards: `named` are those that may be others than they
    were `before`; the others stay. What each holds is made when it is asked for.
    """

    begin: bytes
    before: Mapping[str, Shard]
    count: int
    named: tuple[str, ...]
    _records: Mapping[str, Record]
    _addresses: Mapping[str, list[str]]

    def content(self, name: str) -> bytes:
        """The records of a shard, one a line."""
        lines = written_lines(self._records, self._addresses.get(name, ()))
        return b"".join(line + b"\n" for line in lines)

    def head(self, changed: Mapping[str, Shard]) -> bytes:
        """The state's file where these shards are what changed."""
        return listing(self.begin, self.shards(changed).values())

    def shards(self, changed: Mapping[str, Shard]) -> dict[str, Shard]:
        """All of them."""
        held = {**self.before, **changed}
        return {name: held[name] for name in map(name_of, range(self.count))}


class Document(Struct, frozen=True):
    """A state as it is written: a header, and parts by their names, in pieces that are made when
    they are asked for, and again when they are asked for again; `split` where it may be in shards.
    About so many bytes are its records, where that decides.
    """

    header: bytes
    parts: Mapping[str, Iterable[bytes]]
    split: Split | None = None
    size: int = 0

    def pieces(self) -> Iterator[bytes]:
        """All of it as one file."""
        yield self.header
        for part in self.parts.values():
            yield from part


class _Lines(Struct, frozen=True):
    """The records in order of address, one a line, to the end of the file."""

    records: Mapping[str, Record]

    def __iter__(self) -> Iterator[bytes]:
        separator = b"\n"
        for line in written_lines(self.records, self.records):
            yield separator + line
            separator = b",\n"
        yield CLOSE


def document(
    state: State, before: Laid | None = None, layout: StateLayout | None = "one"
) -> Document:
    """The state's file: JSON as a whole, its header first; in shards if it is to be laid out so, or
    where nobody says how and it is large. It takes the place of one that stands as `before`.
    """
    held = Laid() if before is None else before
    size = 0 if layout == "one" else _estimated(state, held)
    count = shard_count(size, len(held.shards), layout)
    split = _split(state, held, count) if count else None
    return Document(header_line(state), {"records": _Lines(state.records)}, split, size)


def laid(state: State, shards: Mapping[str, Shard], size: int) -> Laid:
    """How a state stands that was just written, as a document of this size."""
    held = sum(one.bytes for one in shards.values()) if shards else size
    return Laid(state.records, held, shards)


def encode(state: State) -> bytes:
    """The bytes of the state as one file."""
    return b"".join(document(state).pieces())


def decode(data: bytes | StateText, name: str, way_back: str | None = None) -> State:
    """The state in a file's bytes, with its shards if it lists any; `name` is the file's, for
    messages.

    Raises RunnerError naming the line and the way back, for whatever is not a whole state. The
    way back is to the backup of a state in its place, unless another is given.
    """
    text = data if isinstance(data, StateText) else StateText(data)
    way = way_back or way_back_to(name)
    head = text.head.removeprefix(_BOM)
    if not head or head.isspace():
        raise error("State file is empty", f"It has no content. {way}", Where(name))
    try:
        return _by_line(head, name) if is_laid_out(head) else _whole(head, text, name)
    except MisreadError as misread:
        file = misread.file
        back = way if way_back or file.name == name else way_back_of_shard(file.name)
        told = damage(file.data, file.name, misread.offset, misread.cause, back)
        raise error(*told) from misread
    except UNREADABLE as cause:
        raise error(*damage(head, name, offset_of(cause), cause, way)) from cause


def decode_list(data: bytes, name: str, way_back: str) -> State:
    """The state of a file that lists shards, without its records; RunnerError for what is none."""
    try:
        return read_header(data, name).state
    except UNREADABLE as cause:
        raise error(*damage(data, name, offset_of(cause), cause, way_back)) from cause


def relisted(head: bytes, shards: Iterable[Shard], name: str) -> bytes:
    """The same file with another list."""
    state = decode_list(head, name, way_back_to(name))
    return listing(header_line(state, is_split=True), shards)


def decode_shard(data: bytes, name: str, way_back: str | None = None) -> dict[str, Record]:
    """The records of a shard; RunnerError naming the line and the way back for what is none."""
    file = RecordFile(name, data)
    try:
        return records_in([lines_of_shard(file)])
    except MisreadError as misread:
        way = way_back or way_back_of_shard(name)
        raise error(*damage(data, name, misread.offset, misread.cause, way)) from misread


def as_one_file(text: StateText, name: str) -> bytes:
    """A state as one file; RunnerError for one in shards that is no state."""
    if not text.shards:
        return text.head
    lines = [line for file in text.shards.values() for _, line in lines_of_shard(file).lines]
    try:
        header = read_header(text.head, name)
        addresses = (msgspec.json.decode(line, type=_Address).address for line in lines)
        found = in_natural_order(zip(addresses, lines, strict=True))
    except UNREADABLE:
        return encode(decode(text, name))  # which says where
    begin = header_line(header.state)
    return begin + b"\n" + b",\n".join(found) + CLOSE if found else begin + CLOSE


def line_of(data: bytes, address: str, name: str) -> bytes | None:
    """The line of one record in the bytes of any file of a state, found without reading the others;
    None if there is none. RunnerError for what is no such file, as far as it is looked at.
    """
    kind = _kind(data)
    if kind != "whole":
        for written in _written(address):
            begin = _BEGUN[:-1] + written + b","
            start = 0 if data.startswith(begin) else data.find(b"\n" + begin) + 1
            if start or data.startswith(begin):
                end = data.find(b"\n", start)
                return data[start : end if end >= 0 else None].removesuffix(b",").rstrip(b"\r")
        if kind != "laid out" or _begin_with_addresses(data):
            return None
    found = decode(data, name).records.get(address)
    return None if found is None else encode_record(found)


def lines_naming(data: bytes, address: str, name: str) -> list[bytes]:
    """The lines in which an address stands, as it does in its own record and in those that depend
    on it; none of the others is looked into. RunnerError as `lines_in` has it.
    """
    if not any(written in data for written in _written(address)):
        return []
    held = lines_in(data, name)
    return [line for line in held if any(written in line for written in _written(address))]


def _written(address: str) -> tuple[bytes, ...]:
    """How JSON may have it."""
    return (*dict.fromkeys((_AS_TEXT(address), dumps(address).encode())),)


def lines_in(data: bytes, name: str) -> list[bytes]:
    """The lines of all records in the bytes of any file of a state, of whatever layout; RunnerError
    for what is no such file, as far as it is looked at.
    """
    kind = _kind(data)
    if kind == "head":
        return []
    if kind == "shard":
        return [line for _, line in lines_of_shard(RecordFile(name, data)).lines]
    if kind == "laid out" and _begin_with_addresses(data):
        return [line.removesuffix(b",") for line in data.split(b"\n")[1:-2]]
    return [encode_record(record) for record in decode(data, name).records.values()]


def _kind(data: bytes) -> Literal["shard", "head", "laid out", "whole"]:
    """Which file of a state it is, by its first line."""
    if data.startswith(_BEGUN):
        return "shard"
    if shards_in(data):
        return "head"
    return "laid out" if is_laid_out(data) else "whole"


def _begin_with_addresses(data: bytes) -> bool:
    """Whether each line between the first and the last begins as `encode` has it."""
    return data.count(_BEGUN_LATER) == data.count(b"\n") - 2


def _by_line(data: bytes, name: str) -> State:
    header = data[: data.find(b"\n")] + b"]}"
    try:
        return _with_records(read_header(header, name), records_in([lines_of_file(data, name)]))
    except (MisreadError, *UNREADABLE):
        # A record over several lines is JSON too; else: says where.
        return _whole(data, StateText(data), name)


def _whole(data: bytes, text: StateText, name: str) -> State:
    data.decode()
    header = read_header(data, name)
    if header.shards is None:
        return _with_records(header, records_in([lines_of_json(data, name)]))
    held = _listed(header.shards, text, name)
    try:
        return _with_records(header, records_in(map(lines_of_shard, held)))
    except MisreadError as misread:
        if not isinstance(misread.cause, TwiceError):
            raise
        return _with_records(header, _later_of_each(held))


def check_listed(text: StateText, name: str) -> None:
    """RunnerError for a state that is in shards and lists or has not all of them."""
    if listed := shards_in(text.head):
        decode_list(text.head, name, way_back_to(name))
        _listed(tuple(listed), text, name)


def _listed(shards: tuple[str, ...], text: StateText, name: str) -> list[RecordFile]:
    """The shards of a list; their number is a power of two, and each of so many is there."""
    count = 1 << (len({*shards}) - 1).bit_length()
    for shard in (*shards, *map(name_of, range(count))):
        if shard not in text.shards:
            raise _no_shard(shard, name, is_listed=shard in shards)
    return [text.shards[one] for one in shards]


def _later_of_each(files: Iterable[RecordFile]) -> dict[str, Record]:
    """The records of shards where two sides of a merge had different numbers of them: a record may
    stand where it stood before, too. MisreadError where one shard has an address twice.
    """
    found: dict[str, Record] = {}
    for file in files:
        for address, record in records_in([lines_of_shard(file)]).items():
            found[address] = max(record, found.get(address, record), key=_lateness)
    return found


def _lateness(record: Record) -> tuple[bool, int, str]:
    return not record.rejected, record.sample, record.issued_at


def _with_records(header: Header, records: Mapping[str, Record]) -> State:
    held = header.state
    return State(
        held.version,
        held.lineage,
        held.serial,
        held.runner_version,
        held.root,
        records,
        held.extra,
        held.files,
        held.outputs,
    )


def _no_shard(shard: str, name: str, *, is_listed: bool) -> RunnerError:
    folder, slash, _ = name.rpartition("/")
    file = f"{folder}{slash}{shard_file(shard)}"
    if not is_listed:
        said = (
            f"It lists other shards and not {file}: lines of it are missing. Nothing was changed. "
            f'Put {{"name":"{shard}"}} among them, or restore {name} from version control.'
        )
        return error("State does not list a shard", said, Where(name))
    return error(
        "State lacks a shard",
        f"{name} lists {file}, and there is none beside it. {way_back_of_shard(file)}",
        Where(name),
    )


def _split(state: State, before: Laid, count: int) -> Split:
    """All shards are looked at where their number changes, or they are not as was written."""
    place = partial(shard_of, count=count)
    if count == len(before.shards) and before.fits:
        named = {place(address) for address in _changed(before.records, state.records)}
    else:
        named = {*map(name_of, range(count))}
    addresses: dict[str, list[str]] = defaultdict(list)
    for address in state.records:
        if (shard := place(address)) in named:
            addresses[shard].append(address)
    begin = header_line(state, is_split=True)
    return Split(begin, before.shards, count, tuple(sorted(named)), state.records, addresses)


def _changed(before: Mapping[str, Record], now: Mapping[str, Record]) -> Iterator[str]:
    """The addresses whose record is another object than it was, or is gone."""
    for address, record in now.items():
        if before.get(address) is not record:
            yield address
    for address in before:
        if address not in now:
            yield address


def _estimated(state: State, before: Laid) -> int:
    """About so many bytes are the records: what is new is added to those that there were, and what
    was in its place is taken away.
    """
    new, old = state.records, before.records
    more = sum(_length(one) for at, one in new.items() if old.get(at) is not one)
    less = sum(_length(one) for at, one in old.items() if new.get(at) is not one)
    return max(before.size + more - less, 0)


def _length(record: Record) -> int:
    line = record.unread or record.line
    if line is not None:
        return len(line)
    size = len(record.request) + len(record.response) + _USUAL_LINE
    if record.triggers or record.depends_on:  # most have neither
        size += len(record.triggers or b"") + sum(map(len, record.depends_on))
    return size
