"""Answers put into the cache, where the next plan finds them."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from itertools import count

from msgspec import Struct

from runner.core.plan.known import Lookup
from runner.core.request.server_store import cached
from runner.core.state.cache_entry import Owner, from_entry
from runner.core.state.records import Record
from runner.io.cache.writer import Cache
from runner.io.state.store import Store
from runner.operations.blocking import run_to_end
from runner.operations.caches.answers import answers_of


class KeptAnswers(Struct, frozen=True):
    """So many were put into the cache, and so many were there."""

    new: int
    there: int


def keep_answers(
    store: Store, owner: Owner, *, found: Iterable[Record] = (), replaced: Iterable[Record] = ()
) -> KeptAnswers:
    """Put answers into the cache, under a number that no other answer to the same request has.

    Those that are `found` get the lowest, since that is where a plan looks first, and those that
    are `replaced` their own. When this returns, they are on the disk.
    """
    with answers_of(store, owner) as answers:
        numbered = _Numbers(answers)
        for record in sorted(found, key=lambda one: one.sample):
            numbered.add(record, 0)
        for record in replaced:
            numbered.add(record, record.sample)
    entries = dict(cached(record, owner) for record in numbered.new)
    if entries:
        run_to_end(_save(store, entries))
    return KeptAnswers(len(numbered.new), numbered.there)


class _Numbers:
    """Which answer stands under which number of its request; each stands for one record."""

    def __init__(self, answers: Lookup) -> None:
        self._answers = answers
        self._held: dict[tuple[str, int], bytes | None] = {}
        self._taken: set[tuple[str, int]] = set()
        self.new: list[Record] = []
        self.there = 0

    def add(self, record: Record, start: int) -> None:
        """The record, unless it is there, under the first number from `start` that is free."""
        if self._is_there(record, record.sample):
            return
        for sample in count(start):
            if self._is_there(record, sample):
                return
            place = record.fingerprint, sample
            if self._at(place) is None:
                self.new.append(replace(record, sample=sample, line=None))
                self._held[place] = record.response
                self._taken.add(place)
                return

    def _is_there(self, record: Record, sample: int) -> bool:
        place = record.fingerprint, sample
        if self._at(place) != record.response or place in self._taken:
            return False
        self._taken.add(place)
        self.there += 1
        return True

    def _at(self, place: tuple[str, int]) -> bytes | None:
        """The answer there, None where there is none; a broken one is nobody's."""
        if place not in self._held:
            data = self._answers(*place)
            record = None if data is None else from_entry(data, "", *place)
            response = b"" if record is None else record.response
            self._held[place] = None if data is None else response
        return self._held[place]


async def _save(store: Store, entries: dict[str, bytes]) -> None:
    async with Cache(store.cache) as cache:
        await asyncio.gather(*(cache.save(key, entry) for key, entry in entries.items()))
