"""Two states of a project against each other: which answers changed, and what they amount to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runner.core.state.records import Record
from runner.core.viewing.changes import (
    AnswerChange,
    AnswerTotals,
    Priced,
    addresses_in,
    changes,
    totals,
)
from runner.errors import error
from runner.operations.options import ProjectPlace
from runner.operations.recorded.records import selected
from runner.operations.recorded.revisions import StateAt, StateSource, state_at


@dataclass(frozen=True, slots=True)
class StateComparison:
    """What changed from one state to another, and what the answers of each amount to."""

    before: StateAt
    after: StateAt
    changes: tuple[AnswerChange, ...]
    then: AnswerTotals
    now: AnswerTotals


def compare_states(
    place: ProjectPlace,
    sources: tuple[StateSource, StateSource],
    patterns: Sequence[str],
    price: Priced,
) -> StateComparison:
    """What changed from the one to the other, at all addresses or those that are named.

    RunnerError where a pattern names no address of either, or neither holds a state.
    """
    before, after = (state_at(place, source) for source in sources)
    if before.missing is not None and after.missing is not None:
        said = dict.fromkeys((before.missing, after.missing))
        raise error("Nothing to compare", " ".join(said))
    old, new = before.state.records, after.state.records
    if patterns:
        meant = set(selected(replace(after.state, records={**old, **new}), patterns))
        found = tuple(
            one
            for one in changes(before.state, after.state)
            if not meant.isdisjoint(addresses_in(one))
        )
        old, new = ({at: side[at] for at in side if at in meant} for side in (old, new))
    else:
        found = changes(before.state, after.state)
    then, now = _both(old, new, price)
    return StateComparison(before, after, found, then, now)


def _both(
    old: Mapping[str, Record], new: Mapping[str, Record], price: Priced
) -> tuple[AnswerTotals, AnswerTotals]:
    """What both sides amount to; answers that both have are priced once."""
    same = {at: one for at, one in old.items() if at in new and one == new[at]}
    shared = totals(same.values(), price)
    sides = (totals((side[at] for at in side if at not in same), price) for side in (old, new))
    then, now = (shared.plus(side) for side in sides)
    return then, now
