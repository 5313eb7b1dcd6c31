"""What an apply tells while it runs."""

from dataclasses import dataclass

from runner.core.api.exchange import Failure
from runner.core.state.records import Record


@dataclass(frozen=True, slots=True)
class Started:
    """A request is on its way."""

    address: str


@dataclass(frozen=True, slots=True)
class Done:
    """A record is durable. `how` is issued, reused, updated, read, imported, moved or
    removed.
    """

    address: str
    how: str
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
