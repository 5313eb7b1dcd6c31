"""Whether new answers differ from recorded ones by more than from each other."""

import math
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from runner.core.checks.statistics.power import visible_labelling
from runner.core.checks.statistics.significance import LEVEL, labellings
from runner.core.drift.distance import distance


class Movement(Struct, frozen=True):
    """How far, on the average of so many requests, the recorded answer is from the new ones, and
    these are from each other, from 0 to 1; of `identical` requests all answers are one. `p` is how
    often chance alone gives as much, `least` what it would be at the least; `visible` is by how
    much more the recorded ones have to be away to be shown mostly.
    """

    requests: int
    identical: int
    recorded: float
    new: float
    p: float
    least: float
    visible: float | None

    @property
    def could_show(self) -> bool:
        """Whether any outcome would be shown: of few requests, or of equal answers, it is no
        test.
        """
        return self.least <= LEVEL


def movement(drawn: Sequence[Sequence[Any]]) -> Movement | None:
    """The answers to each request, as they are meant, the recorded one first and two new ones or
    more; None where there is no request.

    If nothing changed, which of the answers to a request was recorded is a matter of chance: how
    far each is from the others, less how far these are from each other, is as likely to be the
    recorded one's as another's.
    """
    if not drawn:
        return None
    cases = [_Apart.of(answers) for answers in drawn]
    labels = [one.labels() for one in cases]
    return Movement(
        len(cases),
        sum(one.total == 0 for one in cases),
        math.fsum(one.mean(0) for one in cases) / len(cases),
        math.fsum(one.rest(0) for one in cases) / len(cases),
        labellings(labels),
        math.prod(1 / len(case) for case in labels if min(case) < max(case)),
        visible_labelling(labels),
    )


class _Apart(Struct, frozen=True):
    """How far each answer to a request is from all others together, and all are from all."""

    each: tuple[float, ...]
    total: float

    @classmethod
    def of(cls, answers: Sequence[Any]) -> "_Apart":
        held = list(answers)
        table = [[0.0] * len(held) for _ in held]
        for row in range(len(held)):
            for column in range(row):
                apart = distance(held[row], held[column])
                table[row][column] = table[column][row] = apart
        each = tuple(map(math.fsum, table))
        return cls(each, math.fsum(each) / 2)

    def mean(self, label: int) -> float:
        """How far this one is from another, on the average."""
        return self.each[label] / (len(self.each) - 1)

    def rest(self, label: int) -> float:
        """How far the others are from each other."""
        others = len(self.each) - 1
        return max(self.total - self.each[label], 0.0) / (others * (others - 1) / 2)

    def labels(self) -> tuple[float, ...]:
        """By how much each is farther from the others than these are from each other."""
        return tuple(self.mean(label) - self.rest(label) for label in range(len(self.each)))
