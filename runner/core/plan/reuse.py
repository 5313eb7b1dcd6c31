"""An answer that is at hand for a request which has none of its own."""

from dataclasses import replace

from msgspec import Struct

from runner.core.expansion.session import Instance
from runner.core.plan.actions import Issue, Reuse
from runner.core.plan.appraise import appraise
from runner.core.plan.known import Known, request_of
from runner.core.request.build import Request
from runner.core.request.server_store import is_stored, relabelled, stored_id
from runner.core.state.cache_entry import from_entry, owner_of
from runner.core.state.records import Record


class Wants(Struct, frozen=True):
    """An answer that is no record of this address yet. Its request is among the drafts if there
    was room for it; a large batch is not all held at once.
    """

    fingerprint: str
    old: Record | None
    start: int
    reason: str


def find_answer(instance: Instance, wants: Wants, known: Known) -> Reuse | Issue:
    """An answer to this request that nobody else holds; else a request has to be issued."""
    sample = known.samples.take(instance.address, wants.fingerprint, wants.start)
    return find_from(sample, instance, wants, known)


def find_from(sample: int, instance: Instance, wants: Wants, known: Known) -> Reuse | Issue:
    """As `find_answer`, beginning with the number that the address has taken."""
    while True:
        found = _at_hand(instance.address, wants.fingerprint, sample, known)
        if found is None:
            return Issue(wants.fingerprint, sample, wants.old, wants.reason)
        request = known.drafts.held(instance.address) or request_of(instance, known)
        reused = _reused(instance, request, found, wants.old)
        if reused is not None:
            return reused
        # Paid for, and not what is wanted: it stays in the cache, unused.
        sample = known.samples.take(instance.address, wants.fingerprint, sample + 1)


def _reused(
    instance: Instance, request: Request, found: tuple[Record, str | None], old: Record | None
) -> Reuse | None:
    record, origin = found
    fault = appraise(instance, request.body, record.response, mended=record.mended)
    if fault.fault is not None or (is_stored(request) and not is_stored(record)):
        return None
    kept = replace(
        record,
        address=instance.address,
        provider=request.provider,
        request=request.recorded,
        triggers=request.triggers,
        status=fault.status,
        line=None,
    )
    return Reuse(kept, origin, old, relabelled(record, request))


def _at_hand(
    address: str, fingerprint: str, sample: int, known: Known
) -> tuple[Record, str | None] | None:
    origin = known.samples.index.get((fingerprint, sample))
    if origin is not None and origin != address:
        return known.records[origin], origin
    data = known.lookup(fingerprint, sample)
    if data is None:
        return None
    record = from_entry(data, address, fingerprint, sample)
    if record is None or not _ours(record, data, known):
        return None
    return record, None


def _ours(record: Record, data: bytes, known: Known) -> bool:
    """Whether a cached answer may be used here: not what a server stored for somebody else, who
    counts on it. One of 0.1.0 names no owner: it is that state's which records it.
    """
    if not is_stored(record):
        return True
    owner = owner_of(data)
    if owner is not None:
        return owner == known.owner
    holder = known.samples.index.get((record.fingerprint, record.sample))
    return holder is not None and stored_id(known.records[holder]) == stored_id(record)
