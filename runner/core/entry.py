"""A record without its address: what the cache keeps of each answer."""

import msgspec

from runner.core.received import shallow
from runner.core.state import Natural, Record


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
            record.mended or msgspec.UNSET,
        )
    )


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
