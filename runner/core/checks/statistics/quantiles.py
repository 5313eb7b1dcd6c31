"""Quantiles of the distributions that intervals are made with."""

import math
from functools import lru_cache

NORMAL = 1.959963984540054
"""So many standard errors to either side hold 95 % of a normal distribution."""

ONE_SIDED = 1.6448536269514722
"""So many standard errors have 95 % of a normal distribution below them."""

POWER = 0.8416212335729143
"""So many standard errors beyond a threshold, 80 % are beyond it."""

_TINY = 1e-300


@lru_cache(maxsize=256)
def t_quantile(degrees: float) -> float:
    """So many standard errors to either side hold 95 % of Student's t; `degrees` from 1 up, and
    not always whole.
    """
    low, high = NORMAL, 13.0  # of one degree it is 12.7
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if _beyond(middle, degrees) > 0.05:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beyond(t: float, degrees: float) -> float:
    """The probability of more than `t` to either side: an incomplete beta function."""
    a, b, x = degrees / 2, 0.5, degrees / (degrees + t * t)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    scale = math.exp(front + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return scale * _fraction(a, b, x) / a
    return 1 - scale * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22), from its front."""
    value = numerator = 1.0
    inverse = 0.0
    for step in range(1, 10_000):
        half = step // 2
        if step % 2:
            part = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            part = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        inverse = 1 / _not_zero(1 + part * inverse)
        numerator = _not_zero(1 + part / numerator)
        value *= numerator * inverse
        if abs(numerator * inverse - 1) < 1e-15:
            break
    return 1 / value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
