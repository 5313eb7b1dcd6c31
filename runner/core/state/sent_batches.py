"""What is known of a batch that was sent: enough to take its answers whatever became of the run."""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from runner.core.state.cache_entry import from_entry, to_entry
from runner.core.state.records import Record

BATCH_VERSION: Literal[1] = 1
Reached = Literal["intent", "uploaded", "created", "ended"]
"""How far a batch got: to be sent, its file is at the server, it is known by an id, and what is
left is for whoever knows the sensitive values that were asked for.
"""


class SentBatch(Struct, frozen=True):
    """One batch. `key` is our name for it; `identity` says of which provider it is, and `owner` of
    which state. `at` is when it got so far, in seconds since the epoch. It is `doubtful` where it
    may have been made twice.
    """

    key: str
    reached: Reached
    provider: str
    identity: str
    owner: str
    requests: int
    at: float
    file: str = ""
    batch: str = ""
    doubtful: bool = False
    version: Literal[1] = BATCH_VERSION


class SentLine(Struct, frozen=True):
    """One request of a batch: `id` there, the `key` of its answer, and the `entry` that the cache
    will hold, its response still empty. What is `masked` was asked for with sensitive values.
    """

    id: str
    key: str
    address: str
    masked: bool
    entry: msgspec.Raw

    def record(self) -> Record | None:
        """The record, still without its answer."""
        asked, _, sample = self.key.rpartition(":")
        if not sample.isdecimal():
            return None
        return from_entry(bytes(self.entry), self.address, asked, int(sample))


_BATCH, _LINE = msgspec.json.Decoder(SentBatch), msgspec.json.Decoder(SentLine)
_ENCODE = msgspec.json.Encoder().encode


def sent_line(identifier: str, key: str, draft: Record, *, masked: bool) -> SentLine:
    """The line of a request whose record has no answer yet."""
    return SentLine(identifier, key, draft.address, masked, msgspec.Raw(to_entry(draft)))


def batch_document(batch: SentBatch) -> bytes:
    """A batch as a file holds it."""
    return _ENCODE(batch) + b"\n"


def read_document(data: bytes) -> SentBatch:
    """The batch of a file; one of UNREADABLE is raised if it is none."""
    return _BATCH.decode(data)


def line_documents(lines: Iterable[SentLine]) -> Iterator[bytes]:
    """The lines of a batch as a file holds them."""
    return (_ENCODE(line) + b"\n" for line in lines)


def read_lines(data: bytes) -> Iterator[SentLine]:
    """The lines of a file; one of UNREADABLE is raised by one that is none."""
    return (_LINE.decode(line) for line in data.splitlines())
