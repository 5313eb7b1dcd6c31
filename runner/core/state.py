"""The state: what was asked and answered, one record a line."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import msgspec

from runner import __version__
from runner.errors import Where, error

STATE_VERSION = 1

Natural = Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class Record:
    """One completion's request and its answer.

    `provider` is the name of the provider's block, `identity` what the fingerprint knows of it.
    `request` is the canonical JSON of the body as sent, sensitive parts masked; `response` the
    whole response body as it came; `triggers` canonical JSON. `issued_at` is RFC 3339 in UTC.
    `status` is `complete`, `incomplete` (length, content filter, refusal), `invalid` (the answer
    does not validate) or `failed_check` (a postcondition does not hold). `maybe_billed` counts
    the attempts that brought no answer and may have been billed all the same.

    `line` is the record's line where it says more than, or is written otherwise than, the fields
    above: it is written back as it was, and its unknown fields stay when a field changes.
    """

    address: str
    provider: str
    identity: str
    fingerprint: str
    sample: int
    request: bytes
    response: bytes
    issued_at: str
    duration_ms: int = 0
    attempts: int = 1
    depends_on: tuple[str, ...] = ()
    status: str = "complete"
    triggers: bytes | None = None
    maybe_billed: int = 0
    line: bytes | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class State:
    """Every record by its address; `serial` counts the writes of one `lineage`.

    `root` is the root module's name; `extra` are header fields this version does not know.
    """

    version: int
    lineage: str
    serial: int
    runner_version: str
    root: str
    records: Mapping[str, Record]
    extra: Mapping[str, object] = field(default_factory=dict)


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
    status: str = "complete"
    triggers: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    maybe_billed: Natural | msgspec.UnsetType = msgspec.UNSET


class _Header(msgspec.Struct):
    version: int
    lineage: str
    serial: Natural
    runner_version: str
    root: str


class _Version(msgspec.Struct):
    version: int
    runner_version: Any = "of an unknown version"


class _Whole(msgspec.Struct):
    records: list[msgspec.Raw]


_ENCODE = msgspec.json.Encoder().encode
_DECODE_LINE = msgspec.json.Decoder(_Line).decode
_DECODE_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)


class _TwiceError(ValueError):
    """An address that has a record already."""


class _MisreadError(Exception):
    def __init__(self, offset: int, cause: Exception) -> None:
        self.offset = offset
        self.cause = cause


_BOM = b"\xef\xbb\xbf"
_OPEN = b'"records":['
_CLOSE = b"\n]}\n"
_CONFLICT = re.compile(rb"^(?:<{7} |={7}\r?$|>{7} )", re.MULTILINE)
_INDEX = re.compile(r"\[([0-9]+)\]")
_BYTE = re.compile(r"\(byte ([0-9]+)\)$")


def empty(lineage: str, root: str) -> State:
    """The state of a project that has no answer yet."""
    return State(STATE_VERSION, lineage, 0, __version__, root, {})


def encode(state: State) -> bytes:
    """The state file: JSON as a whole, header first, one record a line, in order of address."""
    return b"".join(chunks(state))


def chunks(state: State) -> Iterator[bytes]:
    """The state file in pieces of one record each, so that it need not be held a second time."""
    header = {
        "version": state.version,
        "lineage": state.lineage,
        "serial": state.serial,
        "runner_version": state.runner_version,
        "root": state.root,
        **state.extra,
    }
    yield _ENCODE(header)[:-1] + b"," + _OPEN
    separator = b"\n"
    for address in sorted(state.records, key=_natural):
        yield separator + encode_record(state.records[address])
        separator = b",\n"
    yield _CLOSE


def encode_record(record: Record) -> bytes:
    """One line of JSON without its end; ValueError if a body is not JSON.

    A body that came over several lines is written on one; nothing else of it changes.
    """
    if record.line is not None and _record(record.line) == record:
        return record.line
    line = _ENCODE(_fields(record))
    _check(line)
    return line if record.line is None else _patched(record.line, line)


def decode(data: bytes, name: str, way_back: str | None = None) -> State:
    """The state in a file's bytes; `name` is the file's, for messages.

    Raises RunnerError naming the line and the way back, for whatever is not a whole state. The
    way back is to the backup of a state in its place, unless another is given.
    """
    way = way_back or _restore(name)
    data = data.removeprefix(_BOM)
    if not data or data.isspace():
        raise error("State file is empty", f"It has no content. {way}", Where(name))
    try:
        return _by_line(data, name) if _laid_out(data) else _whole(data, name)
    except _MisreadError as misread:
        summary, what, where = _damage(data, name, misread.offset, misread.cause)
        raise error(summary, f"{what} {way}", where) from misread
    except _UNREADABLE as cause:
        summary, what, where = _damage(data, name, _offset(cause), cause)
        raise error(summary, f"{what} {way}", where) from cause


def decode_records(data: bytes, name: str) -> tuple[Record, ...]:
    """The records of a file of one record a line, as a rescue leaves it.

    An unfinished last line is left out; any other line that is no record raises RunnerError.
    """
    *lines, _ = data.split(b"\n")
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(_record(line))
        except _UNREADABLE as cause:
            detail = f"This line is not a record: {cause}. Take it out of the file to use the rest."
            raise error("Record is damaged", detail, Where(name, number)) from cause
    return tuple(records)


def with_address(record: Record, address: str) -> Record:
    """The same answer under another address."""
    return replace(record, address=address)


def replace_fields(record: Record, **changes: Any) -> Record:
    """The record with some fields changed; fields of its line that are not known here stay."""
    return replace(record, **changes)


def _natural(address: str) -> tuple[str, str]:
    """Sorts `a[2]` before `a[10]`."""
    if "[" not in address:
        return address, address
    return _INDEX.sub(lambda match: f"[{match[1]:>012}]", address), address


def _fields(record: Record) -> _Line:
    return _Line(
        record.address,
        record.provider,
        record.identity,
        record.fingerprint,
        record.sample,
        msgspec.Raw(_one_line(record.request)),
        msgspec.Raw(_one_line(record.response)),
        record.issued_at,
        record.duration_ms,
        record.attempts,
        record.depends_on,
        record.status,
        msgspec.UNSET if record.triggers is None else msgspec.Raw(_one_line(record.triggers)),
        record.maybe_billed or msgspec.UNSET,
    )


def _one_line(body: bytes) -> bytes:
    if b"\n" in body or b"\r" in body:
        return msgspec.json.format(body, indent=-1)
    return body.strip()


def _patched(line: bytes, known: bytes) -> bytes:
    fields = _DECODE_FIELDS(line)
    for name in ("triggers", "maybe_billed"):  # what is not there is not written
        fields.pop(name, None)
    return _ENCODE(fields | _DECODE_FIELDS(known))


def _check(line: bytes) -> _Line:
    """Parses all of it, bodies included: only their UTF-8 is not msgspec's business."""
    if not line.isascii():
        line.decode()
    return _DECODE_LINE(line)


def _record(line: bytes) -> Record:
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
        None if _ENCODE(parsed) == line else line,
    )


def _laid_out(data: bytes) -> bool:
    """Whether it is as `encode` writes it, so that lines can be read one by one."""
    first = data.find(b"\n")
    return data.endswith(_CLOSE) and data.endswith(_OPEN, 0, first)


def _by_line(data: bytes, name: str) -> State:
    first = data.find(b"\n")
    header = data[:first] + b"]}"
    try:
        _refuse_newer(header, name)
        return _state(header, _lines(data, first + 1))
    except (_MisreadError, *_UNREADABLE):
        return _whole(data, name)  # a record over several lines is JSON too; else: says where


def _lines(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    end = len(data) - len(_CLOSE)
    while start < end:
        stop = data.find(b",\n", start, end)
        if stop < 0:
            stop = end
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
        yield start, _one_line(text)
        start += len(text)


def _state(header: bytes, lines: Iterable[tuple[int, bytes]]) -> State:
    """`lines` come with the offset in the file at which each starts."""
    head = msgspec.json.decode(header, type=_Header)
    fields = _DECODE_FIELDS(header)
    known = {*_Header.__struct_fields__, "records"}
    extra = {key: msgspec.json.decode(raw) for key, raw in fields.items() if key not in known}
    records: dict[str, Record] = {}
    for start, line in lines:
        try:
            record = _record(line)
        except _UNREADABLE as cause:
            raise _MisreadError(start + _offset(cause), cause) from cause
        if record.address in records:
            raise _MisreadError(start, _TwiceError(record.address))
        records[record.address] = record
    return State(
        head.version, head.lineage, head.serial, head.runner_version, head.root, records, extra
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


def _offset(cause: Exception) -> int:
    if isinstance(cause, UnicodeDecodeError):
        return cause.start
    byte = _BYTE.search(str(cause))
    return int(byte[1]) if byte else 0


def _damage(data: bytes, name: str, offset: int, cause: Exception) -> tuple[str, str, Where]:
    """What is wrong with it, in short and in full, and where."""
    conflict = _CONFLICT.search(data)
    if conflict:
        summary, offset = "State file has merge conflicts", conflict.start()
        what = (
            "A merge left conflict markers in it. Keep the higher serial and each address once, "
            "and take the markers out."
        )
    elif isinstance(cause, _TwiceError):
        summary = "State file has an address twice"
        what = f"{cause} has another record above this one. Keep one of the two."
    elif "truncated" in str(cause):
        summary, offset = "State file is cut off", len(data)
        what = "It ends in the middle."
    else:
        summary = "State file is damaged"
        what = f"Here it stops being a state: {cause}."
    return summary, what, Where(name, data.count(b"\n", 0, offset) + 1)


def _restore(name: str) -> str:
    backup = name if name.endswith(".backup") else f"{name}.backup"
    return (
        f"Nothing was changed. If there is a {backup}, it is the state before the last write: "
        f"look at it, then copy it over {backup.removesuffix('.backup')}; or restore the file "
        "from version control. Without either, delete it and apply: what is in the cache costs "
        "nothing to record again."
    )
