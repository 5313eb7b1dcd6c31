"""The Batch API's words: the lines of its files, and what a server says of a batch."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import orjson
from msgspec import Struct

from runner.core.canonical import encoded
from runner.core.received import value_of

Stage = Literal["waiting", "completed", "failed", "expired", "cancelled"]
"""Where a batch is; `waiting` is whatever has no end yet."""

_ENDS: dict[str, Stage] = {
    "completed": "completed",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "cancelled",
}
_NO_ID = re.compile(r"[^A-Za-z0-9_-]")


class BatchFault(Struct, frozen=True):
    """What a server says is wrong with a batch; `line` counts from 1."""

    message: str
    code: str
    line: int | None = None


class BatchSeen(Struct, frozen=True):
    """A batch as its server tells of it; the counts are for people, and never to be relied on."""

    id: str
    stage: Stage
    status: str
    files: tuple[str, ...] = ()  # of answers, then of errors
    input: str = ""
    name: str = ""  # what we called it
    total: int = 0
    done: int = 0
    seconds: int = 0  # from its beginning to its end
    expires: int | None = None  # seconds since the epoch
    faults: tuple[BatchFault, ...] = ()

    @property
    def is_full(self) -> bool:
        """Whether it was refused for what others have in the queue, not for what it asks."""
        return self.stage == "failed" and any(
            fault.code == "token_limit_exceeded" for fault in self.faults
        )


class BatchLine(Struct, frozen=True):
    """One line of a file of answers or errors. `body` is the response's, as it came; `error` stands
    where there was none.
    """

    id: str
    status: int
    body: bytes
    error: Any = None

    @property
    def is_good(self) -> bool:
        """Whether it may hold an answer."""
        return 200 <= self.status < 300


def line_id(key: str) -> str:
    """The custom_id of a request, by the key of its answer: at most 64 characters of those that
    every server takes.
    """
    asked, _, sample = key.partition(":")
    return _NO_ID.sub("_", f"{asked[:48]}-{sample}")[:64]


def input_line(identifier: str, url: str, body: bytes) -> bytes:
    """The line of a request, with its end; nobody waits for a stream."""
    if b'"stream' in body:
        held = orjson.loads(body)
        body = encoded(
            {name: held[name] for name in held if name not in ("stream", "stream_options")}
        )
    return b'{"custom_id":"%b","method":"POST","url":%b,"body":%b}\n' % (
        identifier.encode(),
        orjson.dumps(url),
        body,
    )


class _Response(Struct):
    status_code: Any = 0
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Line(Struct):
    custom_id: str
    response: _Response | None = None
    error: Any = None


_DECODE = msgspec.json.Decoder(_Line).decode


def output_line(line: bytes) -> BatchLine | None:
    """What a server says of one request; None if nobody can read it."""
    try:
        held = _DECODE(line)
        response = held.response or _Response()
        body = bytes(response.body)
        if body[:1] == b'"':  # some servers write the body as a text
            body = msgspec.json.decode(body, type=str).encode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    status = response.status_code
    return BatchLine(held.custom_id, status if isinstance(status, int) else 0, body, held.error)


def batch_seen(value: object) -> BatchSeen | None:
    """A batch out of a parsed response; None if it is none."""
    if not isinstance(value, Mapping) or not isinstance(value.get("id"), str):
        return None
    status = str(value.get("status", "")).lower()
    files = (value.get("output_file_id"), value.get("error_file_id"))
    counts, metadata = _table(value.get("request_counts")), _table(value.get("metadata"))
    begun, ended = _number(value.get("created_at")), _number(value.get("completed_at"))
    return BatchSeen(
        value["id"],
        _ENDS.get(status, "waiting"),
        status,
        tuple(file for file in files if isinstance(file, str) and file),
        str(value.get("input_file_id") or ""),
        str(metadata.get(OUR_NAME) or ""),
        _number(counts.get("total")),
        _number(counts.get("completed")) + _number(counts.get("failed")),
        max(0, ended - begun) if begun and ended else 0,
        _number(value.get("expires_at")) or None,
        tuple(map(_fault, _list(_table(value.get("errors")).get("data")))),
    )


OUR_NAME = "runner_batch"
"""The member of a batch's metadata that says which one of ours it is."""


def batch_of(response: bytes) -> BatchSeen | None:
    """As `batch_seen`, of a response."""
    return batch_seen(value_of(response))


def _fault(value: object) -> BatchFault:
    held = _table(value)
    line = held.get("line")
    return BatchFault(
        str(held.get("message") or held.get("code") or "no reason given"),
        str(held.get("code") or ""),
        line if isinstance(line, int) else None,
    )


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and abs(value) < 2**53 else 0
