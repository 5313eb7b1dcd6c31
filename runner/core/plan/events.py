"""What an apply tells while it runs."""

from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from runner.core.api.exchange import Failure
from runner.core.state.records import Record

How = Literal["imported", "moved", "issued", "reused", "updated", "read", "removed"]


class Started(Struct, frozen=True):
    """A request is on its way."""

    address: str


class Done(Struct, frozen=True):
    """A record is durable, or removed."""

    address: str
    how: How
    record: Record | None = None
    warning: str | None = None
    maybe_billed: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer, or one that was not accepted (then it is kept in `record`)."""

    address: str
    failure: Failure
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Not issued: what it needs at `because` failed, or the run stopped first."""

    address: str
    because: str


Event = Started | Done | Failed | Skipped
