"""A record without its address: what the cache keeps of each answer."""

import re

import msgspec
from msgspec import Struct

from runner.core.canonical import digest
from runner.core.received import shallow
from runner.core.state.records import Record
from runner.core.state.written import UNREADABLE, Form


class Owner(Struct, frozen=True):
    """Whose a completion is that a server stored: a lineage's, in one workspace. What is changed
    or deleted at the server is gone for whoever shares it, so nobody does.
    """

    lineage: str
    workspace: str


class _Owned(msgspec.Struct):
    owner: Owner | None = None


_ENTRY = Form("address", "depends_on", "status", more=[("owner", Owner)])


def cache_key(fingerprint: str, sample: int) -> str:
    """Where the cache holds an answer."""
    return f"{fingerprint}:{sample}"


def owned_key(fingerprint: str, sample: int, owner: Owner) -> str:
    """Where the cache holds the answer that is this owner's alone: several may have asked."""
    mark = digest(f"{owner.lineage} {owner.workspace}".encode())[-16:]
    return f"{fingerprint}:{sample}:{mark}"


def cache_keys(fingerprint: str, sample: int, owner: Owner) -> tuple[str, str]:
    """Where the cache may hold an answer for this owner: its own comes first."""
    return owned_key(fingerprint, sample, owner), cache_key(fingerprint, sample)


SHARED = "cas/v1/"
"""What the names of all shared answers begin with."""

_SHARED_KEY = re.compile(r"([0-9a-f]{64}):([0-9]{1,19})")
_SHARED_NAME = re.compile(rf"{SHARED}[0-9a-f]{{2}}/([0-9a-f]{{64}})-([0-9]{{1,19}})\.json")


def asked_in(key: str) -> tuple[str, int] | None:
    """The fingerprint and the sample of a key of the cache; None where the answer is not anybody's:
    it is its owner's alone, or was asked for only to be compared.
    """
    return _parts(_SHARED_KEY.fullmatch(key))


def shared_name(fingerprint: str, sample: int) -> str:
    """The name of an answer where several machines find it."""
    return f"{SHARED}{fingerprint[:2]}/{fingerprint}-{sample}.json"


def asked_by_name(name: str) -> tuple[str, int] | None:
    """The fingerprint and the sample of the answer of this name; None if it is no such name."""
    held = _parts(_SHARED_NAME.fullmatch(name))
    return held if held is not None and shared_name(*held) == name else None


def _parts(found: re.Match[str] | None) -> tuple[str, int] | None:
    return None if found is None else (found[1], int(found[2]))


_OF_DRIFT = "drift/"


def drift_key(fingerprint: str, sample: int, seed: str, number: int) -> str:
    """Where the cache holds the answer that came when a recorded one was asked for again, so often
    in the run of a seed: under no key of an answer, so that no completion ever has it.
    """
    run = digest(seed.encode())[-16:]
    return f"{_OF_DRIFT}{run}/{number}/{cache_key(fingerprint, sample)}"


def is_drift_key(key: str) -> bool:
    """Whether an answer was asked for only to be compared."""
    return key.startswith(_OF_DRIFT)


def to_entry(record: Record, owner: Owner | None = None) -> bytes:
    """The bytes that the cache holds for a record; the owner of what a server stored is named."""
    return _ENTRY.encode(record, owner or msgspec.UNSET)


def owner_of(data: bytes) -> Owner | None:
    """Whom the bytes of an entry name as their owner."""
    return msgspec.json.decode(shallow(data, 1), type=_Owned).owner


def from_entry(data: bytes, address: str, fingerprint: str, sample: int) -> Record | None:
    """The record that cached bytes stand for; None if they are not an entry of this request."""
    try:
        held = shallow(data, 1)
        values = _ENTRY.values(_ENTRY.parsed(held))
    except (ValueError, *UNREADABLE):
        return None
    fields = _ENTRY.named(values)
    if (fields["fingerprint"], fields["sample"]) != (fingerprint, sample):
        return None
    return Record(**fields | {"address": address, "mended": fields["mended"] or held is not data})
