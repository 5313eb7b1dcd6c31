"""Why an answer is another one than before, told from the two records alone."""

from collections.abc import Iterator

from runner.core.canonical import dotted
from runner.core.state.records import Record
from runner.core.values import MASK
from runner.core.viewing.answers import recorded_changes, served_differently
from runner.core.viewing.changes import (
    AnswerAdded,
    AnswerChange,
    AnsweredDifferently,
    AnswerMoved,
    AnswerRemoved,
    AskedDifferently,
)

_NAMED, _DEEP = 2, 2  # paths that are named, and steps of each


def why_changed(change: AnswerChange) -> str:
    """In a few words: what of the request changed, or that the same was asked again."""
    match change:
        case AnswerAdded():
            return "first asked"
        case AnswerRemoved():
            return "removed"
        case AnswerMoved(_, before):
            return f"moved from {before.address}"
        case AskedDifferently(_, before, after):
            return f"{_named([*dict.fromkeys(changed_paths(before, after))])} changed"
        case AnsweredDifferently(_, before, after):
            return _asked_again(before, after)


def changed_paths(before: Record, after: Record) -> Iterator[str]:
    """Where two requests differ: which parameter, message or tool; who is asked first."""
    for change in recorded_changes(before, after):
        yield dotted(change.path[:_DEEP])
    masked = MASK.encode() in before.request or MASK.encode() in after.request
    if masked and (before.request, before.identity) == (after.request, after.identity):
        yield "a sensitive value"


def _named(paths: list[str]) -> str:
    if not paths:
        return "its fingerprint"
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more


def _asked_again(before: Record, after: Record) -> str:
    if before.response == after.response:
        return f"{before.status} -> {after.status}"
    if after.sample < before.sample:
        return "an earlier answer again"
    served = any(fact.name == "model served" for fact in served_differently(before, after))
    return f"asked again{', another model served' if served else ''}"
