"""The state: what was asked and answered, one record for each address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from runner import __version__

if TYPE_CHECKING:
    from datetime import datetime

STATE_VERSION = 1
Natural = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A count that can be written again: JSON from elsewhere may hold any number."""

Lane = Literal["live", "batch"]
"""How a request travels, and at which price: by itself, or in a batch."""

Status = Literal["complete", "incomplete", "invalid", "failed_check"]

REJECTED: Mapping[Status, str] = {
    "invalid": "it does not fit its JSON schema",
    "failed_check": "a postcondition of it does not hold",
}
"""Statuses of answers that are kept, and are not accepted; and why not."""

SPARSE = {"sparse": True}
"""Marks the fields that are written only where they say something."""


ReadLine = Callable[[bytes], tuple[Any, ...]]
"""Gives the values of a record's fields, in their order."""


class _Unread:
    """What a record has until one of its fields is asked for: who reads its line."""

    __slots__ = ("read",)
    read: ReadLine


@dataclass(frozen=True, slots=True)
class Record(_Unread):
    """One completion's request and its answer.

    `provider` is the name of the provider's block, `identity` what the fingerprint knows of it.
    `request` is the canonical JSON of the body as sent, sensitive parts masked; `response` the
    whole response body as it came; `triggers` canonical JSON. `issued_at` is RFC 3339 in UTC.
    `status` is `complete`, `incomplete` (length, content filter, refusal), `invalid` (the answer
    does not validate) or `failed_check` (a postcondition does not hold). `maybe_billed` counts
    the attempts that brought no answer and may have been billed all the same. `mended` says that
    the response is not as it came, since nothing could hold it so (runner.core.received).
    `first_ms` is when its first token came, of one that was streamed; `duration_ms` when all of it
    had. `batch` is the id of the batch that it came in.

    A record of a state is read from its line when the first of its fields is asked for.

    `line` is the record's line where it says more than, or is written otherwise than, the fields
    above: it is written back as it was, and its unknown fields stay when a field changes.

    States and cache entries are written by these fields, in their order and by their types: a new
    one stands after the others, sparse, and nothing else has to know of it.
    """

    address: str
    provider: str
    identity: str
    fingerprint: str
    sample: Natural
    request: bytes
    response: bytes
    issued_at: str
    duration_ms: Natural = 0
    attempts: Natural = 1
    depends_on: tuple[str, ...] = ()
    status: Status = "complete"
    triggers: bytes | None = field(default=None, metadata=SPARSE)
    maybe_billed: Natural = field(default=0, metadata=SPARSE)
    mended: bool = field(default=False, metadata=SPARSE)
    first_ms: Natural | None = field(default=None, metadata=SPARSE)
    batch: str | None = field(default=None, metadata=SPARSE)
    line: bytes | None = field(default=None, compare=False, repr=False)
    unread: bytes | None = field(default=None, compare=False, repr=False, init=False)

    @classmethod
    def late(cls, address: str, line: bytes, read: ReadLine) -> "Record":
        """The record of a line that is one, read when a field besides its address is asked for.
        Until then the line is `unread`; it is None of any other record.
        """
        record = cls.__new__(cls)
        for name, value in (("address", address), ("unread", line), ("read", read)):
            object.__setattr__(record, name, value)
        return record

    if not TYPE_CHECKING:  # which would take every name for a field

        def __getattr__(self, name: str) -> Any:
            """A field for the first time; another thread may do the same."""
            line = self.unread
            if line is not None:
                for each, value in zip(_FIELDS, self.read(line), strict=True):
                    object.__setattr__(self, each, value)
                object.__setattr__(self, "unread", None)
            return object.__getattribute__(self, name)

    @property
    def lane(self) -> Lane:
        """How it was asked for."""
        return "live" if self.batch is None else "batch"

    @property
    def rejected(self) -> bool:
        """Whether the answer is kept but not accepted: it is no output, and is asked for again."""
        return self.status in REJECTED


_FIELDS = tuple(each.name for each in fields(Record) if each.init)


def time_of_record(at: "datetime") -> str:
    """A time in UTC as records have it: RFC 3339, to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class State:
    """Every record by its address; `serial` counts the writes of one `lineage`.

    `root` is the root module's name; `extra` are header fields this version does not know; `files`
    are the digests of what was last written to the files of outputs, by their names; `outputs` are
    the values that another project may read, None where whoever wrote the state kept none.
    """

    version: int
    lineage: str
    serial: int
    runner_version: str
    root: str
    records: Mapping[str, Record]
    extra: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, object] | None = None


def empty(lineage: str, root: str) -> State:
    """The state of a project that has no answer yet."""
    return State(STATE_VERSION, lineage, 0, __version__, root, {})
