"""What can have to happen to a completion or a data source."""

from dataclasses import dataclass

from runner.core.expansion.session import Instance
from runner.core.state.records import Record


@dataclass(frozen=True, slots=True)
class Keep:
    """The record answers this request."""

    record: Record


@dataclass(frozen=True, slots=True)
class Reuse:
    """An answer to this very request is at hand: `record` is it, under this address.

    `origin` is the address it was recorded at, None if it comes from the cache; `old` is the
    record that it replaces; `metadata` says that the server, which stored the completion, is told
    new metadata.
    """

    record: Record
    origin: str | None
    old: Record | None
    metadata: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """A request has to be sent. `old` is the record that its answer will replace."""

    fingerprint: str
    sample: int
    old: Record | None
    reason: str


@dataclass(frozen=True, slots=True)
class Update:
    """The same request; only what travels with it changed. `record` is as it will be; `metadata`
    says that the server is told, because it stored the completion.
    """

    record: Record
    old: Record
    metadata: bool


@dataclass(frozen=True, slots=True)
class Await:
    """What has to happen depends on the answer at `on`."""

    on: str
    old: Record | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """The completion is not enabled."""


@dataclass(frozen=True, slots=True)
class Read:
    """A data source has to be read. `arguments` is sent and `recorded` is the same with sensitive
    values masked; both are canonical JSON.

    `on` is the answer that has to come first; what is asked is not known before.
    """

    arguments: bytes
    recorded: bytes
    fingerprint: str
    on: str | None = None


Decision = Keep | Reuse | Issue | Update | Await | Absent | Read


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
