"""What can have to happen to a completion or a data source."""

from msgspec import Struct

from runner.core.expansion.session import Instance
from runner.core.state.records import Record


class Keep(Struct, frozen=True):
    """The record answers this request."""

    record: Record


class Reuse(Struct, frozen=True):
    """An answer to this very request is at hand: `record` is it, under this address.

    `origin` is the address it was recorded at, None if it comes from the cache; `old` is the
    record that it replaces; `metadata` says that the server, which stored the completion, is told
    new metadata.
    """

    record: Record
    origin: str | None
    old: Record | None
    metadata: bool = False


class Issue(Struct, frozen=True):
    """A request has to be sent. `old` is the record that its answer will replace."""

    fingerprint: str
    sample: int
    old: Record | None
    reason: str


class Update(Struct, frozen=True):
    """The same request; only what travels with it changed. `record` is as it will be; `metadata`
    says that the server is told, because it stored the completion.
    """

    record: Record
    old: Record
    metadata: bool


class Await(Struct, frozen=True):
    """What has to happen depends on the answer at `on`."""

    on: str
    old: Record | None = None


class Absent(Struct, frozen=True):
    """The completion is not enabled."""


class Read(Struct, frozen=True):
    """A data source has to be read. `arguments` is sent and `recorded` is the same with sensitive
    values masked; both are canonical JSON.

    `on` is the answer that has to come first; what is asked is not known before.
    """

    arguments: bytes
    recorded: bytes
    fingerprint: str
    on: str | None = None


Decision = Keep | Reuse | Issue | Update | Await | Absent | Read


class Remove(Struct, frozen=True):
    """The configuration no longer has this address. `forget` leaves what a server stored."""

    record: Record
    reason: str
    forget: bool = False


class Instances(Struct, frozen=True):
    """How many instances a block has is known only after the answer at `on`."""

    on: str


Action = Decision | Remove | Instances


class Step(Struct, frozen=True):
    """What has to happen at one address."""

    address: str
    action: Action
    instance: Instance | None = None
