"""Where each record stands in the files of a state."""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from runner.core.state.damage import TwiceError, offset_of
from runner.core.state.header import CLOSE, OPEN
from runner.core.state.line import decode_record, encode_record, one_line
from runner.core.state.records import Record
from runner.core.state.shards import RecordFile
from runner.core.state.written import UNREADABLE

_INDEX = re.compile(r"\[([0-9]+)\]")


class RecordLines(Struct, frozen=True):
    """The lines of a file's records, each with the offset in the file at which it begins."""

    file: RecordFile
    lines: Iterable[tuple[int, bytes]]


class MisreadError(Exception):
    """Something in a file that is no record, and at which byte."""

    def __init__(self, file: RecordFile, offset: int, cause: Exception) -> None:
        self.file = file
        self.offset = offset
        self.cause = cause


class _Whole(msgspec.Struct):
    records: list[msgspec.Raw]


def records_in(held: Iterable[RecordLines]) -> dict[str, Record]:
    """The records of some files by their addresses; MisreadError for what is none, and for an
    address that has one already.
    """
    records: dict[str, Record] = {}
    for one in held:
        for start, line in one.lines:
            try:
                record = decode_record(line)
            except UNREADABLE as cause:
                raise MisreadError(one.file, start + offset_of(cause), cause) from cause
            if record.address in records:
                raise MisreadError(one.file, start, TwiceError(record.address))
            records[record.address] = record
    return records


def written_lines(records: Mapping[str, Record], addresses: Iterable[str]) -> Iterator[bytes]:
    """The lines of the records at some addresses, in order, without their ends."""
    for address in sorted(addresses, key=_natural):
        yield encode_record(records[address])


def in_natural_order(lines: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """Lines in the order of the addresses beside them."""
    return [line for _, line in sorted(lines, key=lambda pair: _natural(pair[0]))]


def is_laid_out(data: bytes) -> bool:
    """Whether one file with records is as it is written, so that lines can be read one by one."""
    first = data.find(b"\n")
    return data.endswith(CLOSE) and data.endswith(OPEN, 0, first)


def lines_of_file(data: bytes, name: str) -> RecordLines:
    """Those of a state that stands in one file, as it is written."""
    return RecordLines(RecordFile(name, data), _lines(data, data.find(b"\n") + 1))


def lines_of_json(data: bytes, name: str) -> RecordLines:
    """Those of a state in one file that another tool has laid out its own way."""
    bodies = msgspec.json.decode(data, type=_Whole).records
    return RecordLines(RecordFile(name, data), _places(data, bodies))


def lines_of_shard(file: RecordFile) -> RecordLines:
    """Those of a shard; whoever edited it may have left its last line without an end."""
    return RecordLines(file, _shard_lines(file.data))


def _natural(address: str) -> tuple[str, str]:
    """Sorts `a[2]` before `a[10]`."""
    if "[" not in address:
        return address, address
    return _INDEX.sub(lambda match: f"[{match[1]:>012}]", address), address


def _lines(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    end = len(data) - len(CLOSE)
    while start < end:
        after = data.find(b"\n", start, end)  # one byte is found in a tenth of the time of two
        stop = after - 1 if data.startswith(b",", after - 1) and after > 0 else end
        yield start, data[start:stop]
        start = stop + 2


def _places(data: bytes, bodies: Iterable[msgspec.Raw]) -> Iterator[tuple[int, bytes]]:
    start = 0
    for body in bodies:
        text = bytes(body)
        start = data.find(text, start)
        yield start, one_line(text)
        start += len(text)


def _shard_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    for line in data.split(b"\n"):
        if line and not line.isspace():
            yield start, line.rstrip(b"\r")
        start += len(line) + 1
