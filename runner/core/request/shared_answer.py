"""Which answers may be shared between machines."""

import orjson

from runner.core.api.answer import has_choices
from runner.core.api.names import TRANSPORT
from runner.core.canonical import canonical, fingerprint
from runner.core.received import is_deep, table_of, value_of
from runner.core.request.provider import identity_json
from runner.core.request.server_store import is_stored
from runner.core.state.cache_entry import from_entry, owner_of
from runner.core.state.records import Record
from runner.core.values import MASK


def is_shareable(data: bytes, asked: str, sample: int) -> bool:
    """Whether bytes are an entry of the cache for this request, and anybody's: not what a server
    stored, which its owner may change there. What it says that was asked has to be what the
    fingerprint is of; where a value is masked, that cannot be told. What was answered has to be a
    completion, whatever it says, and no deeper than what is saved here.
    """
    record = None if is_deep(data, 1) else from_entry(data, "", asked, sample)
    if record is None or is_stored(record) or owner_of(data) is not None:
        return False
    if not has_choices(value_of(record.response)):
        return False
    return _is_masked(record) or _fingerprint(record) == asked


def _is_masked(record: Record) -> bool:
    mask = MASK.encode()
    return mask in record.request or mask in (record.triggers or b"")


def _fingerprint(record: Record) -> str | None:
    body = {key: value for key, value in table_of(record.request).items() if key not in TRANSPORT}
    triggers = None if record.triggers is None else canonical(orjson.loads(record.triggers))
    try:
        return fingerprint(canonical(body), identity_json(record.identity), triggers)
    except (KeyError, ValueError):  # an identity that none of our providers has
        return None
