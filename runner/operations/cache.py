"""The cache of a project, one for all of its workspaces: what it holds, fills and drops."""

import os
from pathlib import Path

from msgspec import Struct

from runner.core.address import is_data
from runner.core.state.cache_entry import Owner, is_drift_key
from runner.core.values import MASK
from runner.errors import error
from runner.io.cache.names import DATABASE
from runner.io.cache.upkeep import Info, clear, info, prune
from runner.operations.answers import keys_of
from runner.operations.keeping import KeptAnswers, keep_answers
from runner.operations.options import ProjectPlace
from runner.operations.places import settings_of, store_of
from runner.operations.revisions import StateSource, state_at
from runner.operations.workspaces import all_held


class TakenAnswers(Struct, frozen=True):
    """What the cache was given of a state: of its answers so many were asked for with `masked`
    values; what its `sources` of data said is read anew, and is no answer.
    """

    name: str
    kept: KeptAnswers
    masked: int
    sources: int


class SharedCache(Struct, frozen=True):
    """It may not be there yet. While it is made smaller, the state of every workspace is held."""

    place: ProjectPlace
    directory: Path

    @property
    def file(self) -> Path:
        """Where the answers are."""
        return self.directory / DATABASE

    @property
    def is_there(self) -> bool:
        """Whether anything is there, whatever it is."""
        return os.path.lexists(self.file)

    def info(self) -> Info:
        """What is in it; RunnerError if it is damaged."""
        return info(self.directory)

    def prune(self) -> Info:
        """Drop every answer that no record of any workspace refers to, and say what that was; not
        those of `runner drift`, to which none ever does. RunnerError where a state cannot be read,
        so that none is lost.
        """
        with all_held(self.place, "runner cache prune") as stores:
            states = ((name, store.load()) for name, store in stores.items())
            kept = {key for name, held in states if held is not None for key in keys_of(held, name)}
            return prune(self.directory, lambda key: key in kept or is_drift_key(key))

    def take(self, source: StateSource) -> TakenAnswers:
        """Put every answer of an earlier state into it. None that is there is overwritten.
        RunnerError where there is no such state.
        """
        found = state_at(self.place, source)
        if found.missing is not None:
            raise error("No state", found.missing)
        held = settings_of(self.place)
        records = found.state.records.values()
        answers = [record for record in records if not is_data(record.address)]
        masked = sum(MASK.encode() in record.request for record in answers)
        store, owner = store_of(self.place), Owner(found.state.lineage, held.workspace)
        with store.lock("runner cache import", held.lock_timeout):
            kept = keep_answers(store, owner, found=answers)
        return TakenAnswers(found.name, kept, masked, len(records) - len(answers))

    def clear(self) -> Info | None:
        """Drop all of it, and say what that was; None if it could not be read as a cache."""
        with all_held(self.place, "runner cache clear"):
            return clear(self.directory)


def cache_of(place: ProjectPlace) -> SharedCache:
    """The cache that the workspaces of a project share; RunnerError for a place that is none."""
    return SharedCache(place, store_of(place).cache)
