"""What a state's file says before its records, or before the list of its shards."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from runner import __version__
from runner.core.state.records import STATE_VERSION, Natural, State
from runner.core.state.shards import SHARDS, listed_in
from runner.core.state.written import UNREADABLE
from runner.errors import Where, error

OPEN = b'"records":['
CLOSE = b"\n]}\n"
_SPLIT_VERSION = 2  # the same state, whose records stand in shards


class _Version(msgspec.Struct):
    version: int
    runner_version: Any = "of an unknown version"


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


class Header(Struct, frozen=True):
    """A state without its records, and where these stand: in `shards`, or, where that is None, in
    the same file.
    """

    state: State
    shards: tuple[str, ...] | None


def header_line(state: State, *, is_split: bool = False) -> bytes:
    """The first line of a state's file, without its end."""
    header = {
        "version": _SPLIT_VERSION if is_split else STATE_VERSION,
        "lineage": state.lineage,
        "serial": state.serial,
        "runner_version": state.runner_version,
        "root": state.root,
        **state.extra,
        **({"files": dict(sorted(state.files.items()))} if state.files else {}),
        **({} if state.outputs is None else {"outputs": state.outputs}),
    }
    return msgspec.json.encode(header)[:-1] + b"," + (SHARDS if is_split else OPEN)


def read_header(data: bytes, name: str) -> Header:
    """What a whole state's file says, or its first line closed; RunnerError if it is of a newer
    runner, one of UNREADABLE if it is none.
    """
    version = _read_version(data, name)
    head = msgspec.json.decode(data, type=_Header)
    fields = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    is_split = version == _SPLIT_VERSION
    shards = listed_in(data) if is_split else None
    known = {*_Header.__struct_fields__, "shards" if is_split else "records"}
    extra = {key: msgspec.json.decode(raw) for key, raw in fields.items() if key not in known}
    state = State(
        STATE_VERSION,
        head.lineage,
        head.serial,
        head.runner_version,
        head.root,
        {},
        extra,
        head.files,
        head.outputs,
    )
    return Header(state, None if shards is None else tuple(shard.name for shard in shards))


def files_in(line: bytes) -> Mapping[str, str]:
    """The digests of the files of outputs, by a state file's first line; none if it is not as
    `header_line` writes it.
    """
    try:
        return msgspec.json.decode(line.rstrip() + b"]}", type=_Files).files
    except UNREADABLE:
        return {}


def serial_in(line: bytes) -> int | None:
    """The serial, by a state file's first line; None if it is not as `header_line` writes it."""
    try:
        return msgspec.json.decode(line.rstrip() + b"]}", type=_Serial).serial
    except UNREADABLE:
        return None


def _read_version(data: bytes, name: str) -> int:
    found = msgspec.json.decode(data, type=_Version)
    if found.version > _SPLIT_VERSION:
        raise error(
            "State file is from a newer runner",
            f"It has version {found.version} and was written by runner {found.runner_version}; "
            f"this is runner {__version__}, which reads up to version {_SPLIT_VERSION}. "
            "Nothing was changed. Use that runner or a newer one.",
            Where(name),
        )
    if found.version < 1:
        raise msgspec.ValidationError(f"there is no version {found.version}")
    return found.version
