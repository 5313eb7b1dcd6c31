"""What an apply tells while it runs."""

from typing import Literal

from msgspec import Struct

from runner.core.api.exchange import Failure
from runner.core.state.records import Record

How = Literal["imported", "moved", "issued", "reused", "updated", "read", "removed"]


class Started(Struct, frozen=True, gc=False):
    """A request is on its way."""

    address: str


class Done(Struct, frozen=True, gc=False):
    """A record is durable, or removed."""

    address: str
    how: How
    record: Record | None = None
    warning: str | None = None
    maybe_billed: int = 0


class Written(Struct, frozen=True):
    """What came next of an answer that is being written, where it is asked for as it is: of its
    first choice, without what is secret. `pieces` is in how many the server sent it.
    """

    address: str
    text: str
    pieces: int = 1


class CutOff(Struct, frozen=True):
    """What was written of an answer is none: it ended in the middle, and is not recorded."""

    address: str


class Failed(Struct, frozen=True):
    """There is no answer, or one that was not accepted (then it is kept in `record`)."""

    address: str
    failure: Failure
    record: Record | None = None


class Skipped(Struct, frozen=True):
    """Not issued: what it needs at `because` failed, or the run stopped first."""

    address: str
    because: str


Writing = Written | CutOff
Event = Started | Writing | Done | Failed | Skipped
