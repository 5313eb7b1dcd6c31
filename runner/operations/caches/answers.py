"""Where a state's answers are at hand: opened here, and nowhere else."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runner.core.state.cache_entry import Owner, cache_keys
from runner.core.state.records import State
from runner.io.cache.answers import CachedAnswers
from runner.io.state.store import Store

if TYPE_CHECKING:
    from runner.io.cache.shared import SharedAnswers


def answers_of(store: Store, owner: Owner, shared: "SharedAnswers | None" = None) -> CachedAnswers:
    """The answers as they are now, to be closed. Whoever plans or applies opens them once: what
    was there before the state was held may not be all. Those that are `shared` stand past them.
    """
    return CachedAnswers(store.cache, owner, shared)


def keys_of(state: State, workspace: str) -> Iterator[str]:
    """Every key under which the answers of a state may be there."""
    owner = Owner(state.lineage, workspace)
    for record in state.records.values():
        yield from cache_keys(record.fingerprint, record.sample, owner)
