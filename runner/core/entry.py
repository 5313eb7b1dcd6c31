"""A record without its address: what the cache keeps of each answer."""

import msgspec

from runner.core.state import Record


class _Entry(msgspec.Struct, gc=False):
    provider: str
    identity: str
    fingerprint: str
    sample: int
    request: msgspec.Raw
    response: msgspec.Raw
    issued_at: str
    duration_ms: int = 0
    attempts: int = 1
    triggers: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    maybe_billed: int | msgspec.UnsetType = msgspec.UNSET


_DECODER = msgspec.json.Decoder(_Entry)
_ENCODER = msgspec.json.Encoder()


def cache_key(fingerprint: str, sample: int) -> str:
    """Where the cache holds an answer."""
    return f"{fingerprint}:{sample}"


def to_entry(record: Record) -> bytes:
    """The bytes that the cache holds for a record."""
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
        )
    )


def from_entry(data: bytes, address: str, fingerprint: str, sample: int) -> Record | None:
    """The record that cached bytes stand for; None if they are not an entry of this request."""
    try:
        entry = _DECODER.decode(data)
    except (msgspec.DecodeError, ValueError):
        return None
    if (entry.fingerprint, entry.sample) != (fingerprint, sample):
        return None
    if not bytes(entry.response).startswith(b"{"):
        return None
    return Record(
        address=address,
        provider=entry.provider,
        identity=entry.identity,
        fingerprint=fingerprint,
        sample=sample,
        request=bytes(entry.request),
        response=bytes(entry.response),
        issued_at=entry.issued_at,
        duration_ms=entry.duration_ms,
        attempts=entry.attempts,
        triggers=None if entry.triggers is msgspec.UNSET else bytes(entry.triggers),
        maybe_billed=entry.maybe_billed or 0,
    )
