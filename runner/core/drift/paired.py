"""What a check says of recorded answers, and of new ones to the same requests."""

import math
from collections.abc import Sequence

from msgspec import Struct

from runner.core.checks.statistics.significance import LEVEL, mcnemar, sign_flips


class CheckedPair(Struct, frozen=True):
    """What a check says of a recorded answer and of a new one to the same request; a recorded one
    that is no plain draw is counted, and is no part of the test.
    """

    case: str
    before: float
    after: float
    is_plain: bool


class PairedCheck(Struct, frozen=True):
    """Of so many pairs that could be told: how many of the recorded and of the new answers hold, or
    the means of their scores. Of the `tested` ones, `differ` counts the requests whose answers
    differ in this; `adjusted` is p as it counts beside the other tests.
    """

    check: str
    is_score: bool
    pairs: int
    before: float
    after: float
    tested: int
    differ: int
    p: float
    adjusted: float = 1.0

    @property
    def could_show(self) -> bool:
        """Whether any outcome of as many differences would be shown: else it is no test."""
        return bool(self.differ) and 2.0 ** (1 - self.differ) <= LEVEL

    @property
    def is_shown(self) -> bool:
        """Whether chance alone gives so large a difference in fewer than 1 of 20."""
        return self.could_show and self.adjusted <= LEVEL


def paired_check(check: str, pairs: Sequence[CheckedPair], *, is_score: bool) -> PairedCheck:
    """A check of one pair or more; of a request that was asked several times, the means count."""
    tested = [pair for pair in pairs if pair.is_plain]
    cases: dict[str, list[float]] = {}
    for pair in tested:
        cases.setdefault(pair.case, []).append(pair.after - pair.before)
    means = [math.fsum(held) / len(held) for held in cases.values()]
    gained, lost = sum(mean > 0 for mean in means), sum(mean < 0 for mean in means)
    is_single = not is_score and all(len(held) == 1 for held in cases.values())
    whole = len(pairs) if is_score else 1
    return PairedCheck(
        check,
        is_score,
        len(pairs),
        math.fsum(pair.before for pair in pairs) / whole,
        math.fsum(pair.after for pair in pairs) / whole,
        len(tested),
        gained + lost,
        mcnemar(gained, lost) if is_single else sign_flips(means),
    )
