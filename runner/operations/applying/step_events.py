"""What an apply tells of one address, in the shapes of schemas/events.schema.json: values that are
written as JSON many at a time.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from runner.core.api.exchange import Failure
from runner.core.api.usage import usage_of
from runner.core.plan.events import CutOff, Done, Event, Failed, How, Skipped, Started, Written
from runner.core.state.records import Record, Status
from runner.operations.spending import AskPaid, Paid

_At = float | UnsetType
_Usage = dict[str, int] | UnsetType
_Cost = float | None | UnsetType


class _Told(Struct, frozen=True, gc=False, tag_field="type"):
    address: str


class _Started(_Told, frozen=True, gc=False, tag="apply_start"):
    at: _At


class _Text(_Told, frozen=True, gc=False, tag="apply_text"):
    text: str
    at: _At


class _Cut(_Told, frozen=True, gc=False, tag="apply_cut"):
    at: _At


class _Complete(_Told, frozen=True, gc=False, tag="apply_complete"):
    action: How
    status: Status | UnsetType
    duration_ms: int | UnsetType
    attempts: int | UnsetType
    first_ms: int | UnsetType
    usage: _Usage
    cost: _Cost
    warning: str | UnsetType
    maybe_billed: int | UnsetType
    at: _At


class _Errored(_Told, frozen=True, gc=False, tag="apply_errored"):
    error: dict[str, Any]
    usage: _Usage
    cost: _Cost
    at: _At


class _Skipped(_Told, frozen=True, gc=False, tag="apply_skipped"):
    because: str
    at: _At


StepEvent = _Started | _Text | _Cut | _Complete | _Errored | _Skipped
"""What is UNSET of one is not there."""


def apply_event(event: Event, paid: AskPaid, at: _At = UNSET) -> StepEvent:
    """apply_start, apply_text, apply_cut, apply_complete, apply_errored or apply_skipped; `paid` is
    asked of each answer that the run got.
    """
    match event:
        case Started(address):
            return _Started(address, at)
        case Done():
            return _complete(event, paid, at)
        case Written(address, text):
            return _Text(address, text, at)
        case CutOff(address):
            return _Cut(address, at)
        case Failed(address, failure, record):
            usage, cost = (UNSET, UNSET) if record is None else _paid(paid(record))
            return _Errored(address, _error(failure), usage, cost, at)
        case Skipped(address, because):
            return _Skipped(address, because, at)


def _complete(event: Done, paid: AskPaid, at: _At) -> StepEvent:
    record, how = event.record, event.how
    warning = UNSET if event.warning is None else event.warning
    billed = event.maybe_billed or UNSET
    if record is None:
        return _Complete(event.address, how, *(UNSET,) * 6, warning, billed, at)
    usage, cost = _paid(paid(record)) if how == "issued" else (_usage(record), UNSET)
    return _Complete(
        event.address,
        how,
        record.status,
        record.duration_ms,
        record.attempts,
        UNSET if record.first_ms is None else record.first_ms,
        usage,
        cost,
        warning,
        billed,
        at,
    )


def _paid(paid: Paid) -> tuple[_Usage, float | None]:
    return UNSET if paid.used is None else paid.used.table, paid.cost


def _usage(record: Record) -> _Usage:
    used = usage_of(record.response)
    return UNSET if used is None else used.table


def _error(failure: Failure) -> dict[str, Any]:
    return {
        "message": failure.message,
        "hint": failure.hint,
        "status": failure.status,
        "type": failure.type,
        "code": failure.code,
        "request_id": failure.request_id,
        "attempts": failure.attempts,
        "maybe_billed": failure.maybe_billed,
    }
