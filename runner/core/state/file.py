"""The state as a file: a header, then one record a line."""

import re
from collections.abc import Iterable, Iterator, Mapping
from json import dumps
from typing import Any

import msgspec
from msgspec import Struct

from runner import __version__
from runner.core.state.damage import TwiceError, damage, offset_of, way_back_to
from runner.core.state.line import decode_record, encode_record, one_line
from runner.core.state.records import STATE_VERSION, Natural, Record, State
from runner.core.state.written import UNREADABLE
from runner.errors import Where, error


class _Header(msgspec.Struct):
    version: int
    lineage: str
    serial: Natural
    runner_version: str
    root: str
    files: dict[str, str] = {}
    outputs: dict[str, Any] | None = None


class _Files(msgspec.Struct):
    files: dict[str, str] = {}


class _Serial(msgspec.Struct):
    serial: Natural


class _Version(msgspec.Struct):
    version: int
    runner_version: Any = "of an unknown version"


class _Whole(msgspec.Struct):
    records: list[msgspec.Raw]


class _MisreadError(Exception):
    def __init__(self, offset: int, cause: Exception) -> None:
        self.offset = offset
        self.cause = cause


_BOM = b"\xef\xbb\xbf"
OPEN = b'"records":['
CLOSE = b"\n]}\n"
_BEGUN = b'\n{"address":"'
_AS_TEXT = msgspec.json.Encoder().encode
_INDEX = re.compile(r"\[([0-9]+)\]")


class Document(Struct, frozen=True):
    """A state as it is written: a header, and parts by their names, in pieces that are made when
    they are asked for, and again when they are asked for again.
    """

    header: bytes
    parts: Mapping[str, Iterable[bytes]]

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
        for address in sorted(self.records, key=_natural):
            yield separator + encode_record(self.records[address])
            separator = b",\n"
        yield CLOSE


def document(state: State) -> Document:
    """The state's file: JSON as a whole, its header first."""
    header = {
        "version": state.version,
        "lineage": state.lineage,
        "serial": state.serial,
        "runner_version": state.runner_version,
        "root": state.root,
        **state.extra,
        **({"files": dict(sorted(state.files.items()))} if state.files else {}),
        **({} if state.outputs is None else {"outputs": state.outputs}),
    }
    begin = msgspec.json.encode(header)[:-1] + b"," + OPEN
    return Document(begin, {"records": _Lines(state.records)})


def encode(state: State) -> bytes:
    """The bytes of the state's file."""
    return b"".join(document(state).pieces())


def decode(data: bytes, name: str, way_back: str | None = None) -> State:
    """The state in a file's bytes; `name` is the file's, for messages.

    Raises RunnerError naming the line and the way back, for whatever is not a whole state. The
    way back is to the backup of a state in its place, unless another is given.
    """
    way = way_back or way_back_to(name)
    data = data.removeprefix(_BOM)
    if not data or data.isspace():
        raise error("State file is empty", f"It has no content. {way}", Where(name))
    try:
        return _by_line(data, name) if _laid_out(data) else _whole(data, name)
    except _MisreadError as misread:
        raise error(*damage(data, name, misread.offset, misread.cause, way)) from misread
    except UNREADABLE as cause:
        raise error(*damage(data, name, offset_of(cause), cause, way)) from cause


def line_of(data: bytes, address: str, name: str) -> bytes | None:
    """The line of one record in a file's bytes, found without reading the others; None if there is
    none. RunnerError for what is not a whole state, as far as it is looked at.
    """
    if _laid_out(data):
        for written in dict.fromkeys((_AS_TEXT(address), dumps(address).encode())):
            start = data.find(b'\n{"address":' + written + b",")
            if start >= 0:
                end = data.find(b"\n", start + 1)
                return data[start + 1 : end].removesuffix(b",")
        if _begin_with_addresses(data):
            return None
    found = decode(data, name).records.get(address)
    return None if found is None else encode_record(found)


def lines_in(data: bytes, name: str) -> list[bytes]:
    """The lines of all records in a file's bytes, of whatever layout; RunnerError for what is not a
    whole state, as far as it is looked at.
    """
    if _laid_out(data) and _begin_with_addresses(data):
        return [line.removesuffix(b",") for line in data.split(b"\n")[1:-2]]
    return [encode_record(record) for record in decode(data, name).records.values()]


def _begin_with_addresses(data: bytes) -> bool:
    """Whether each line between the first and the last begins as `encode` has it."""
    return data.count(_BEGUN) == data.count(b"\n") - 2


def files_in(header: bytes) -> Mapping[str, str]:
    """The digests of the files of outputs, by a state file's first line; none if it is not as
    `encode` writes it.
    """
    try:
        return msgspec.json.decode(header.rstrip() + b"]}", type=_Files).files
    except UNREADABLE:
        return {}


def serial_in(header: bytes) -> int | None:
    """The serial, by a state file's first line; None if it is not as `encode` writes it."""
    try:
        return msgspec.json.decode(header.rstrip() + b"]}", type=_Serial).serial
    except UNREADABLE:
        return None


def _natural(address: str) -> tuple[str, str]:
    """Sorts `a[2]` before `a[10]`."""
    if "[" not in address:
        return address, address
    return _INDEX.sub(lambda match: f"[{match[1]:>012}]", address), address


def _laid_out(data: bytes) -> bool:
    """Whether it is as `encode` writes it, so that lines can be read one by one."""
    first = data.find(b"\n")
    return data.endswith(CLOSE) and data.endswith(OPEN, 0, first)


def _by_line(data: bytes, name: str) -> State:
    first = data.find(b"\n")
    header = data[:first] + b"]}"
    try:
        _refuse_newer(header, name)
        return _state(header, _lines(data, first + 1))
    except (_MisreadError, *UNREADABLE):
        return _whole(data, name)  # a record over several lines is JSON too; else: says where


def _lines(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    end = len(data) - len(CLOSE)
    while start < end:
        after = data.find(b"\n", start, end)  # one byte is found in a tenth of the time of two
        stop = after - 1 if data.startswith(b",", after - 1) and after > 0 else end
        yield start, data[start:stop]
        start = stop + 2


def _whole(data: bytes, name: str) -> State:
    """Reads a file that another tool has laid out its own way."""
    data.decode()
    _refuse_newer(data, name)
    bodies = msgspec.json.decode(data, type=_Whole).records
    return _state(data, _places(data, bodies))


def _places(data: bytes, bodies: Iterable[msgspec.Raw]) -> Iterator[tuple[int, bytes]]:
    start = 0
    for body in bodies:
        text = bytes(body)
        start = data.find(text, start)
        yield start, one_line(text)
        start += len(text)


def _state(header: bytes, lines: Iterable[tuple[int, bytes]]) -> State:
    """`lines` come with the offset in the file at which each starts."""
    head = msgspec.json.decode(header, type=_Header)
    fields = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
    known = {*_Header.__struct_fields__, "records"}
    extra = {key: msgspec.json.decode(raw) for key, raw in fields.items() if key not in known}
    records: dict[str, Record] = {}
    for start, line in lines:
        try:
            record = decode_record(line)
        except UNREADABLE as cause:
            raise _MisreadError(start + offset_of(cause), cause) from cause
        if record.address in records:
            raise _MisreadError(start, TwiceError(record.address))
        records[record.address] = record
    return State(
        head.version,
        head.lineage,
        head.serial,
        head.runner_version,
        head.root,
        records,
        extra,
        head.files,
        head.outputs,
    )


def _refuse_newer(data: bytes, name: str) -> None:
    found = msgspec.json.decode(data, type=_Version)
    if found.version > STATE_VERSION:
        raise error(
            "State file is from a newer runner",
            f"It has version {found.version} and was written by runner {found.runner_version}; "
            f"this is runner {__version__}, which reads up to version {STATE_VERSION}. "
            "Nothing was changed. Use that runner or a newer one.",
            Where(name),
        )
    if found.version < 1:
        raise msgspec.ValidationError(f"there is no version {found.version}")
