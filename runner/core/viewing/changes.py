"""What changed between two states, address by address, and what they amount to."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import astuple

from runner.core.address import in_order
from runner.core.api.usage import usage_of
from runner.core.state.records import Record, State

Priced = Callable[[Record], float | None]
"""What an answer cost in USD; None where that is not known."""


class AnswerAdded(Struct, frozen=True):
    """There is an answer where there was none."""

    address: str
    after: Record


class AnswerRemoved(Struct, frozen=True):
    """There is an answer no longer."""

    address: str
    before: Record


class AskedDifferently(Struct, frozen=True):
    """What is asked there, or who, is another request than before."""

    address: str
    before: Record
    after: Record


class AnsweredDifferently(Struct, frozen=True):
    """The same request has another answer, or its answer is accepted otherwise than before."""

    address: str
    before: Record
    after: Record


class AnswerMoved(Struct, frozen=True):
    """The same request stands under another address: `before` is its record under the old one."""

    address: str
    before: Record
    after: Record


AnswerChange = AnswerAdded | AnswerRemoved | AskedDifferently | AnsweredDifferently | AnswerMoved

ChangeWord = Literal["new", "removed", "asked differently", "answered differently", "moved"]
CHANGE_WORDS: tuple[ChangeWord, ...] = get_args(ChangeWord)


def kind_of_change(change: AnswerChange) -> ChangeWord:
    """What happened at an address, in a word or two."""
    match change:
        case AnswerAdded():
            return "new"
        case AnswerRemoved():
            return "removed"
        case AskedDifferently():
            return "asked differently"
        case AnsweredDifferently():
            return "answered differently"
        case AnswerMoved():
            return "moved"


def changes(before: State, after: State) -> tuple[AnswerChange, ...]:
    """What changed at each address, in order; what only moved stands under its new address."""
    old, new = before.records, after.records
    gone = {address: old[address] for address in old if address not in new}
    came = {address: new[address] for address in new if address not in old}
    moved = _moved(gone, came)
    left = {change.before.address for change in moved}
    found: dict[str, AnswerChange] = {change.address: change for change in moved}
    for address in (*came, *gone, *(one for one in new if one in old)):
        if address in came:
            found.setdefault(address, AnswerAdded(address, came[address]))
        elif address in gone:
            if address not in left:
                found[address] = AnswerRemoved(address, gone[address])
        elif (change := change_at(address, old[address], new[address])) is not None:
            found[address] = change
    return tuple(found[address] for address in in_order(found))


def addresses_in(change: AnswerChange) -> tuple[str, ...]:
    """The addresses that a change is about: two where it moved."""
    if isinstance(change, AnswerMoved):
        return change.address, change.before.address
    return (change.address,)


def change_at(address: str, before: Record | None, after: Record | None) -> AnswerChange | None:
    """What changed at one address; None where request and answer are as they were."""
    if before is None or after is None:
        if after is not None:
            return AnswerAdded(address, after)
        return None if before is None else AnswerRemoved(address, before)
    if before is after:
        return None
    if before.fingerprint != after.fingerprint:
        return AskedDifferently(address, before, after)
    if (before.response, before.status) != (after.response, after.status):
        return AnsweredDifferently(address, before, after)
    return None


def _moved(gone: Mapping[str, Record], came: Mapping[str, Record]) -> list[AnswerMoved]:
    """Each that came with one that went and asks the same: where several do, the same answer
    first.
    """
    left, waiting = ([side[one] for one in in_order(side)] for side in (gone, came))
    found: list[AnswerMoved] = []
    for alike in (_asked_and_answered, _asked_alike):
        mates: dict[Hashable, deque[Record]] = {}
        for record in left:
            mates.setdefault(alike(record), deque()).append(record)
        pairs = [(mates[alike(one)].popleft(), one) for one in waiting if mates.get(alike(one))]
        found += [AnswerMoved(new.address, old, new) for old, new in pairs]
        taken = {old.address for old, _ in pairs} | {new.address for _, new in pairs}
        left, waiting = (
            [one for one in side if one.address not in taken] for side in (left, waiting)
        )
    return found


def _asked_and_answered(record: Record) -> Hashable:
    return record.fingerprint, record.response


def _asked_alike(record: Record) -> Hashable:
    return record.fingerprint


def answers_of_changes(changes: Iterable[AnswerChange]) -> tuple[Record, ...]:
    """The answers that came with changes; one that moved was there."""
    came = (each for each in changes if not isinstance(each, AnswerMoved | AnswerRemoved))
    return tuple(each.after for each in came)


class AnswerTotals(Struct, frozen=True):
    """What some answers amount to: tokens as their servers reported them, USD as far as prices are
    known (of `unpriced` they are not), and the seconds that they took.
    """

    answers: int = 0
    prompt: int = 0
    completion: int = 0
    cost: float = 0.0
    unpriced: int = 0
    seconds: float = 0.0

    def plus(self, other: "AnswerTotals") -> "AnswerTotals":
        """What both amount to together."""
        return AnswerTotals(
            *(one + more for one, more in zip(astuple(self), astuple(other), strict=True))
        )


def totals(records: Iterable[Record], price: Priced) -> AnswerTotals:
    """What records amount to."""
    held = [_totals_of(record, price) for record in records]
    return AnswerTotals(*(sum(column) for column in zip(*held, strict=True))) if held else _NONE


_NONE = AnswerTotals()


def _totals_of(record: Record, price: Priced) -> Iterator[float]:
    used, cost = usage_of(record.response), price(record)
    yield 1
    yield used.prompt if used else 0
    yield used.completion if used else 0
    yield cost or 0.0
    yield cost is None
    yield record.duration_ms / 1000
