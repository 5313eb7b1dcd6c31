"""The cache of a project, one for all of its workspaces: what it holds, fills and drops."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.core.address import is_data
from runner.core.state.cache_entry import Owner, is_drift_key
from runner.core.values import MASK
from runner.errors import RunnerError, error
from runner.io.cache.names import DATABASE
from runner.io.cache.upkeep import Info, clear, info, prune, pushed, to_push
from runner.operations.caches.answers import keys_of
from runner.operations.caches.keeping import KeptAnswers, keep_answers
from runner.operations.options import ProjectPlace
from runner.operations.project.backends import refusal_of_door
from runner.operations.project.places import blocks_of_place, same_place, settings_of, store_of
from runner.operations.project.shared_cache import (
    closed_cache_door,
    open_shared,
    shared_settings_of,
)
from runner.operations.project.workspaces import all_held
from runner.operations.recorded.revisions import StateSource, state_at

if TYPE_CHECKING:
    from runner.io.cache.shared import SharedAnswers

_AT_A_TIME = 1_000  # answers that are held at once
_WRITE_ONE = (
    'Write one into a file of the configuration: url = "s3://bucket/prefix". `runner docs cache` '
    "tells more."
)


class TakenAnswers(Struct, frozen=True):
    """What the cache was given of a state: of its answers so many were asked for with `masked`
    values; what its `sources` of data said is read anew, and is no answer.
    """

    name: str
    kept: KeptAnswers
    masked: int
    sources: int


class PushedAnswers(Struct, frozen=True):
    """So many answers are in the team's store, of this name, now; to so many requests it had
    another one, which stays. Unless it `is_all`, there are more to come.
    """

    name: str
    there: int
    theirs: int
    is_all: bool = True


class SharedInfo(Struct, frozen=True):
    """How many answers the team has, and their bytes; or why nobody can say."""

    name: str
    entries: int = 0
    bytes: int = 0
    failure: str | None = None


class ProjectCache(Struct, frozen=True):
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

    def shared_info(self) -> SharedInfo | None:
        """What the team has; None if nothing is shared."""
        shared = self._shared()
        if shared is None:
            return None
        try:
            sizes = shared.sizes()
        except RunnerError as exc:
            return SharedInfo(shared.name, failure=exc.problems[0].detail)
        return SharedInfo(shared.name, len(sizes), sum(sizes.values()))

    def push(self, *, everything: bool = False) -> Iterator[PushedAnswers]:
        """Give the team what it has yet to get, or everything that may be shared, and say after
        every thousand, and at the end, what that comes to. RunnerError if not all of it could be
        given, with what could noted.
        """
        shared = self._shared()
        if shared is None:
            raise error("No shared cache", f"There is no [runner.cache] to push to. {_WRITE_ONE}")
        there, theirs = 0, 0
        pushing = to_push(self.directory, everything=everything)
        while entries := [*islice(pushing, _AT_A_TIME)]:
            given = dict(shared.give_all(entries))
            pushed(self.directory, [key for key, how in given.items() if how is not None])
            there += sum(how is True for how in given.values())
            theirs += sum(how is False for how in given.values())
            if shared.failure is not None:
                raise shared.failure
            if len(entries) == _AT_A_TIME:
                yield PushedAnswers(shared.name, there, theirs, is_all=False)
        yield PushedAnswers(shared.name, there, theirs)

    def _shared(self) -> "SharedAnswers | None":
        settings = shared_settings_of(self.place, blocks_of_place(self.place))
        if settings is None:
            return None
        door = closed_cache_door(settings, self.place)
        if door is not None:
            raise refusal_of_door(door, f"{same_place(self.place)} trust")
        return open_shared(settings, self.place)

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


def cache_of(place: ProjectPlace) -> ProjectCache:
    """The cache that the workspaces of a project share; RunnerError for a place that is none."""
    return ProjectCache(place, store_of(place).cache)
