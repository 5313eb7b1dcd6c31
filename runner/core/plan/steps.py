"""The steps of a plan: an address, and what has to happen there."""

from dataclasses import dataclass

from runner.core.expansion.scope import Instance
from runner.core.plan.actions import Decision
from runner.core.state.records import Record


@dataclass(frozen=True, slots=True)
class Remove:
    """The configuration no longer has this address. `forget` leaves what a server stored."""

    record: Record
    reason: str
    forget: bool = False


@dataclass(frozen=True, slots=True)
class Instances:
    """How many instances a block has is known only after the answer at `on`."""

    on: str


Action = Decision | Remove | Instances


@dataclass(frozen=True, slots=True)
class Step:
    """What has to happen at one address."""

    address: str
    action: Action
    instance: Instance | None = None
