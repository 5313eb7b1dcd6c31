"""A record without its address: what the cache keeps of each answer."""

from dataclasses import dataclass

import msgspec

from runner.core.canonical import digest
from runner.core.received import shallow
from runner.core.state.records import Natural, Record


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a completion is that a server stored: a lineage's, in one workspace. What is changed
    or deleted at the server is gone for whoever shares it, so nobody does.
    """

    lineage: str
    workspace: str


class _Entry(msgspec.Struct, gc=False):
    provider: str
    identity: str
    fingerprint: str
    sample: Natural
    request: msgspec.Raw
    response: msgspec.Raw
    issued_at: str
    duration_ms: Natural = 0
    attempts: Natural = 1
    triggers: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    maybe_billed: Natural | msgspec.UnsetType = msgspec.UNSET
    mended: bool | msgspec.UnsetType = msgspec.UNSET
    owner: Owner | msgspec.UnsetType = msgspec.UNSET


class _Owned(msgspec.Struct):
    owner: Owner | None = None


_DECODER = msgspec.json.Decoder(_Entry)
_ENCODER = msgspec.json.Encoder()


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


def to_entry(record: Record, owner: Owner | None = None) -> bytes:
    """The bytes that the cache holds for a record; the owner of what a server stored is named."""
    return _ENCODER.encode(
        _Entry(
            record.provider,
            record.identity,
            record.fingerprint,
            record.sample,
            msgspec.Raw(record.request),
            msgspec.Raw(record.response),
            record.issued_at,
            record.duration_ms,
            record.attempts,
            msgspec.UNSET if record.triggers is None else msgspec.Raw(record.triggers),
            record.maybe_billed or msgspec.UNSET,
            record.mended or msgspec.UNSET,
            owner or msgspec.UNSET,
        )
    )


def owner_of(data: bytes) -> Owner | None:
    """Whom the bytes of an entry name as their owner."""
    return msgspec.json.decode(shallow(data, 1), type=_Owned).owner


def from_entry(data: bytes, address: str, fingerprint: str, sample: int) -> Record | None:
    """The record that cached bytes stand for; None if they are not an entry of this request."""
    try:
        held = shallow(data, 1)
        entry = _DECODER.decode(held)
        if not held.isascii():
            held.decode()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if (entry.fingerprint, entry.sample) != (fingerprint, sample):
        return None
    request, response = bytes(entry.request), bytes(entry.response)
    if request[:1] != b"{" or response[:1] != b"{":
        return None
    return Record(
        address=address,
        provider=entry.provider,
        identity=entry.identity,
        fingerprint=fingerprint,
        sample=sample,
        request=request,
        response=response,
        issued_at=entry.issued_at,
        duration_ms=entry.duration_ms,
        attempts=entry.attempts,
        triggers=None if entry.triggers is msgspec.UNSET else bytes(entry.triggers),
        maybe_billed=entry.maybe_billed or 0,
        mended=bool(entry.mended) or held is not data,
    )
