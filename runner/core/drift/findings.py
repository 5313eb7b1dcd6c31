"""What all of it comes to, model by model: no more is called shown than the numbers show."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from runner.core.checks.statistics.significance import LEVEL, holm
from runner.core.drift.draws import WhyChosen
from runner.core.drift.movement import Movement
from runner.core.drift.paired import PairedCheck
from runner.core.drift.served import AskedOf, ServedBy

WhyUntested = WhyChosen | Literal["no answer", "not its schema"]
"""Why the words of a sampled answer are not compared: it may have been chosen, a new one did not
come, or a new one does not fit the schema that recorded ones have to fit."""


class ModelDrift(Struct, frozen=True):
    """One model: `answers` are recorded, of which `total` could be asked for again and `sampled`
    were. `served` says which model gave those that are recorded, `now` which one gave the new ones.
    `adjusted` is the p value of the movement as it counts beside the other tests.
    """

    asked: AskedOf
    answers: int
    served: tuple[ServedBy, ...]
    total: int = 0
    sampled: int = 0
    now: tuple[ServedBy, ...] = ()
    movement: Movement | None = None
    adjusted: float = 1.0
    untested: Mapping[WhyUntested, int] = {}
    checks: tuple[PairedCheck, ...] = ()
    cost: float = 0.0
    requests: int = 0

    @property
    def has_moved(self) -> bool:
        """Whether its words are shown to be others than they were."""
        return self.movement is not None and self.adjusted <= LEVEL

    @property
    def is_shown(self) -> bool:
        """Whether anything is."""
        return self.has_moved or any(check.is_shown for check in self.checks)


def beside(found: Sequence[ModelDrift]) -> tuple[ModelDrift, ...]:
    """With what each test counts for beside all the others (Holm), which are those that could show
    anything (Tarone 1990): so chance alone shows something in 1 of 20 runs at most, however many
    models and checks there are.
    """
    adjusted = iter(holm([*_p_values(found)]))

    def counted(p: float, *, is_test: bool) -> float:
        return next(adjusted) if is_test else p

    return tuple(
        replace(
            one,
            adjusted=counted(1.0, is_test=_is_test(one.movement)),
            checks=tuple(
                replace(check, adjusted=counted(check.p, is_test=check.could_show))
                for check in one.checks
            ),
        )
        for one in found
    )


def _p_values(found: Sequence[ModelDrift]) -> Iterator[float]:
    for one in found:
        if one.movement is not None and one.movement.could_show:
            yield one.movement.p
        yield from (check.p for check in one.checks if check.could_show)


def _is_test(movement: Movement | None) -> bool:
    return movement is not None and movement.could_show
