"""Recorded answers that are plain draws, and those that somebody may have chosen."""

from collections.abc import Callable, Iterable, Set
from typing import Literal

from runner.core.expansion.session import Instance
from runner.core.state.records import Record

WhyChosen = Literal["postcondition", "asked again"]
"""Why a recorded answer may differ from new ones though nothing changed: it was kept because a
condition held, or others to the same request were put aside for it."""


class Draws:
    """The answers of a state. `put_aside` are fingerprints of requests that had other answers once;
    `is_at_hand` says whether one to a request is kept under a sample number.
    """

    def __init__(
        self,
        records: Iterable[Record],
        put_aside: Set[str] = frozenset(),
        is_at_hand: Callable[[str, int], bool] = lambda *_: False,
    ) -> None:
        self._samples: dict[str, set[int]] = {}
        self._put_aside, self._is_at_hand = put_aside, is_at_hand
        for record in records:
            self._samples.setdefault(record.fingerprint, set()).add(record.sample)

    def why_chosen(self, instance: Instance, record: Record) -> WhyChosen | None:
        """Why an answer may have been chosen; None of a plain draw."""
        if instance.declared.postconditions:
            return "postcondition"
        held = self._samples.get(record.fingerprint, set())
        skipped = any(number not in held for number in range(record.sample))
        if skipped or record.fingerprint in self._put_aside:
            return "asked again"
        if self._is_at_hand(record.fingerprint, max(held, default=record.sample) + 1):
            return "asked again"
        return None
