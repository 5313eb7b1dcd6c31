"""A record as one line of JSON."""

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


_LINE = Form(one_line)
_ENCODE = msgspec.json.Encoder().encode
_DECODE_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def encode_record(record: Record) -> bytes:
    """One line of JSON without its end; ValueError if a body is not JSON.

    A body that came over several lines is written on one; nothing else of it changes.
    """
    if record.line is not None and decode_record(record.line) == record:
        return record.line
    line = _LINE.encode(record)
    _LINE.check(line)
    return line if record.line is None else _patched(record.line, line)


def decode_record(line: bytes) -> Record:
    """The record of one line; one of UNREADABLE is raised if it is none.

    What nests too deeply in a body is text (an older version kept such answers as they came).
    """
    line = shallow(line, 1)
    values, plain = _LINE.decode(line)
    return Record(*(*values, None if plain else line))


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
