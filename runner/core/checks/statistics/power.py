"""What could have been seen: the smallest difference that so many cases show, mostly."""

import math
from collections.abc import Sequence

from runner.core.checks.statistics.quantiles import NORMAL, ONE_SIDED, POWER, t_quantile


def visible_share(disagreeing: int, total: int) -> float | None:
    """The smallest difference of two shares that would be shown in 80 of 100 such samples, where
    so many of the pairs disagree (Connor 1987); None where it is more than these can differ by.
    """
    if not disagreeing or not total:
        return None
    share = disagreeing / total
    low, high = 0.0, share
    if _pairs_for(share, high) > total:
        return None
    while high - low > 1e-9:
        middle = (low + high) / 2
        if _pairs_for(share, middle) > total:
            low = middle
        else:
            high = middle
    return high


def visible_mean(differences: Sequence[float]) -> float | None:
    """The same of a mean of differences, one a case, that vary as these do."""
    count = len(differences)
    if count < 2:
        return None
    mean = math.fsum(differences) / count
    squares = math.fsum((value - mean) ** 2 for value in differences)
    error = math.sqrt(squares / (count - 1) / count)
    return (t_quantile(float(count - 1)) + POWER) * error or None


def visible_labelling(cases: Sequence[Sequence[float]]) -> float | None:
    """The smallest mean that `labellings` of cases which vary as these do shows, mostly; None where
    none of them varies.
    """
    count = len(cases)
    spread = math.fsum(math.fsum(value * value for value in case) / len(case) for case in cases)
    return (ONE_SIDED + POWER) * math.sqrt(spread) / count if spread > 0 else None


def _pairs_for(share: float, difference: float) -> float:
    if difference <= 0:
        return math.inf
    within = math.sqrt(max(share - difference * difference, 0.0))
    return ((NORMAL * math.sqrt(share) + POWER * within) / difference) ** 2
