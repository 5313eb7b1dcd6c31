"""A record as one line of JSON."""

from typing import Any

import msgspec

from runner.core.received import shallow
from runner.core.state.records import Record
from runner.core.state.written import UNREADABLE, Form
from runner.errors import Where, error


def one_line(body: bytes) -> bytes:
    """JSON without line ends."""
    if b"\n" in body or b"\r" in body:
        return msgspec.json.format(body, indent=-1)
    return body.strip()


_LINE = Form()
_SAMPLE = b',"sample":'
_REQUEST = b',"request":'
_COMPLETE = b',"status":"complete"}'
_ENCODE = msgspec.json.Encoder().encode
_DECODE_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def encode_record(record: Record) -> bytes:
    """One line of JSON without its end; ValueError if a body is not JSON.

    A body that came over several lines is written on one; nothing else of it changes.
    """
    if record.unread is not None:
        return record.unread
    if record.line is not None and decode_record(record.line) == record:
        return record.line
    line = _LINE.encode(record, body=bytes.strip)
    if b"\n" in line or b"\r" in line:
        line = _LINE.encode(record, body=one_line)
    _LINE.check(line)
    return line if record.line is None else _patched(record.line, line)


def decode_record(line: bytes) -> Record:
    """The record of one line; one of UNREADABLE is raised if it is none.

    What nests too deeply in a body is text (an older version kept such answers as they came).
    """
    line = shallow(line, 1)
    parsed = _LINE.parsed(line)
    if _LINE.is_as_written(parsed, line):
        return Record.late(parsed.address, line, _read)
    return Record(*(*_LINE.values(parsed), line))


def _read(line: bytes) -> tuple[Any, ...]:
    """The fields of a record whose line says them and no more."""
    return (*_LINE.values(_LINE.parsed_again(line)), None)


def answers(record: Record, fingerprint: str, recorded: bytes) -> bool:
    """Whether a record is a whole answer to this request, which has no triggers, as far as that can
    be told without reading it: its fields stand in their order.
    """
    line = record.unread
    if line is None or not line.endswith(_COMPLETE):
        return False
    start = line.find(_REQUEST)  # there are texts and numbers before it, whose quotes are escaped
    if not line.startswith(b'%b%b,"response":' % (_REQUEST, recorded), start):
        return False
    return line.endswith(
        b',"fingerprint":"%b"' % fingerprint.encode(), 0, line.rfind(_SAMPLE, 0, start)
    )


def answered(record: Record) -> tuple[str, int]:
    """Which request a record answers, and which sample of it is its answer; without reading it."""
    line = record.unread
    if line is None:
        return record.fingerprint, record.sample
    end = line.find(_REQUEST)
    at = line.rfind(_SAMPLE, 0, end)
    begin = line.rfind(b'"', 0, at - 1) + 1
    return line[begin : at - 1].decode(), int(line[at + len(_SAMPLE) : end])


def is_complete(record: Record) -> bool:
    """Whether the status says so; that of most is told without reading them."""
    line = record.unread
    return record.status == "complete" if line is None else line.endswith(_COMPLETE)


def may_hold(record: Record, text: bytes) -> bool:
    """Whether a text may stand in what was asked; a record that has it nowhere is not read."""
    return record.unread is None or text in record.unread


def decode_records(data: bytes, name: str) -> tuple[Record, ...]:
    """The records of a file of one record a line, as a rescue leaves it.

    An unfinished last line is left out; any other line that is no record raises RunnerError.
    """
    *lines, _ = data.split(b"\n")
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(decode_record(line))
        except UNREADABLE as cause:
            detail = f"This line is not a record: {cause}. Take it out of the file to use the rest."
            raise error("Record is damaged", detail, Where(name, number)) from cause
    return tuple(records)


def _patched(line: bytes, known: bytes) -> bytes:
    fields = _DECODE_FIELDS(line)
    for name in _LINE.sparse:  # what is not there is not written
        fields.pop(name, None)
    return _ENCODE(fields | _DECODE_FIELDS(known))
