"""A record as one line of JSON."""

import msgspec

from runner.core.received import shallow
from runner.core.state.records import Natural, Record, Status
from runner.errors import Where, error


class _Line(msgspec.Struct, gc=False):
    address: str
    provider: str
    identity: str
    fingerprint: str
    sample: Natural
    request: msgspec.Raw
    response: msgspec.Raw
    issued_at: str
    duration_ms: Natural = 0
    attempts: Natural = 1
    depends_on: tuple[str, ...] = ()
    status: Status = "complete"
    triggers: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    maybe_billed: Natural | msgspec.UnsetType = msgspec.UNSET
    mended: bool | msgspec.UnsetType = msgspec.UNSET


_ENCODE = msgspec.json.Encoder().encode
_DECODE_LINE = msgspec.json.Decoder(_Line).decode
_DECODE_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)


def encode_record(record: Record) -> bytes:
    """One line of JSON without its end; ValueError if a body is not JSON.

    A body that came over several lines is written on one; nothing else of it changes.
    """
    if record.line is not None and decode_record(record.line) == record:
        return record.line
    line = _ENCODE(_fields(record))
    _check(line)
    return line if record.line is None else _patched(record.line, line)


def decode_record(line: bytes) -> Record:
    """The record of one line; one of UNREADABLE is raised if it is none.

    What nests too deeply in a body is text (an older version kept such answers as they came).
    """
    line = shallow(line, 1)
    parsed = _check(line)
    request, response, triggers = bytes(parsed.request), bytes(parsed.response), parsed.triggers
    if request[:1] != b"{" or response[:1] != b"{":  # their readers count on tables
        raise msgspec.ValidationError("`request` and `response` have to be JSON objects")
    return Record(
        parsed.address,
        parsed.provider,
        parsed.identity,
        parsed.fingerprint,
        parsed.sample,
        request,
        response,
        parsed.issued_at,
        parsed.duration_ms,
        parsed.attempts,
        parsed.depends_on,
        parsed.status,
        None if isinstance(triggers, msgspec.UnsetType) else bytes(triggers),
        parsed.maybe_billed or 0,
        bool(parsed.mended),
        None if _ENCODE(parsed) == line else line,
    )


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


def _fields(record: Record) -> _Line:
    return _Line(
        record.address,
        record.provider,
        record.identity,
        record.fingerprint,
        record.sample,
        msgspec.Raw(one_line(record.request)),
        msgspec.Raw(one_line(record.response)),
        record.issued_at,
        record.duration_ms,
        record.attempts,
        record.depends_on,
        record.status,
        msgspec.UNSET if record.triggers is None else msgspec.Raw(one_line(record.triggers)),
        record.maybe_billed or msgspec.UNSET,
        record.mended or msgspec.UNSET,
    )


def one_line(body: bytes) -> bytes:
    """JSON without line ends."""
    if b"\n" in body or b"\r" in body:
        return msgspec.json.format(body, indent=-1)
    return body.strip()


def _patched(line: bytes, known: bytes) -> bytes:
    fields = _DECODE_FIELDS(line)
    for name in ("triggers", "maybe_billed", "mended"):  # what is not there is not written
        fields.pop(name, None)
    return _ENCODE(fields | _DECODE_FIELDS(known))


def _check(line: bytes) -> _Line:
    """Parses all of it, bodies included: only their UTF-8 is not msgspec's business."""
    if not line.isascii():
        line.decode()
    return _DECODE_LINE(line)
