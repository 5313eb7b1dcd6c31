"""What a server keeps of the completions that it was asked to store."""

from collections.abc import Mapping

from runner.core.received import table_of
from runner.core.request.build import Request
from runner.core.request.provider import Provider
from runner.core.request.provider_types import type_of
from runner.core.state.cache_entry import Owner, cache_key, owned_key, to_entry
from runner.core.state.records import Record


def is_stored(record: Record | Request) -> bool:
    """Whether the server keeps this completion."""
    body = record.request if isinstance(record, Record) else record.body
    if b'"store"' not in body or not type_of(record.identity).stores:
        return False
    return table_of(body).get("store") is True


def keeper(record: Record, providers: Mapping[str, Provider]) -> str | None:
    """The name of the provider that has what it stored for this record; None if none leads there.

    It is one of the same identity, which may have another name by now, or no block any more.
    """
    own = providers.get(record.provider)
    if own is not None and own.identity == record.identity:
        return own.name
    # What has no block comes first, and is the last resort.
    named = reversed(list(providers.values()))
    return next((one.name for one in named if one.identity == record.identity), None)


def stored_id(record: Record) -> str:
    """The id under which the server keeps it; empty if its answer has none."""
    found = table_of(record.response).get("id")
    return found if isinstance(found, str) else ""


def cached(record: Record, owner: Owner | None) -> tuple[str, bytes]:
    """The key and the bytes under which the cache keeps an answer: anybody's, but what a server
    stored is its owner's.
    """
    if owner is None or not is_stored(record):
        return cache_key(record.fingerprint, record.sample), to_entry(record)
    return owned_key(record.fingerprint, record.sample, owner), to_entry(record, owner)


def relabelled(record: Record, request: Request) -> bool:
    """Whether the server has to be told new metadata of what it stored."""
    if not is_stored(record):
        return False
    before, now = table_of(record.request), table_of(request.recorded)
    return bool(before.get("metadata") != now.get("metadata"))
