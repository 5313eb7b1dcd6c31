"""95 % intervals: of a share, of a mean where cases are asked more than once, of a difference."""

import math
from collections.abc import Sequence

from msgspec import Struct

from runner.core.checks.statistics.quantiles import NORMAL, t_quantile


class Interval(Struct, frozen=True):
    """A figure, and between what the true one is in 95 of 100 samples."""

    value: float
    low: float
    high: float


def wilson(held: int, total: int) -> Interval:
    """Of the share that `held` of `total` independent answers are (Wilson 1927); all of 0 to 1
    where there is none.
    """
    if total == 0:
        return Interval(0.0, 0.0, 1.0)
    share = held / total
    low, high = _score(share, total, NORMAL)
    # What rounding leaves between a bound and an end that was reached.
    return Interval(share, 0.0 if held == 0 else low, 1.0 if held == total else high)


def share_interval(cases: Sequence[Sequence[bool]]) -> Interval:
    """Of the share of answers that hold, where each case has its repeats."""
    if any(len(case) > 1 for case in cases):
        return mean_interval(cases)
    return wilson(sum(sum(case) for case in cases), sum(len(case) for case in cases))


def mean_interval(cases: Sequence[Sequence[float]]) -> Interval:
    """Of the mean of numbers from 0 to 1, where repeats of one case are alike.

    What repeats add is measured by the cluster-robust variance with CR2's correction (Bell and
    McCaffrey 2002), said as so many independent answers and put into Wilson's formula, with t for
    as many degrees of freedom as cases of unequal size and heavy tails leave (O'Neill 2014).
    """
    held = [case for case in cases if case]
    if not held:
        return Interval(0.0, 0.0, 1.0)
    sizes = [len(case) for case in held]
    mean = math.fsum(map(math.fsum, held)) / sum(sizes)
    if len(held) == 1:
        return Interval(mean, 0.0, 1.0)  # one case says nothing about others
    off = _off(held, mean)
    variance, spread = _variance(sizes, off), mean * (1 - mean)
    independent = spread / variance if variance > _NOTHING and spread > 0 else float(len(held))
    low, high = _score(mean, independent, t_quantile(_degrees(sizes, off)))
    return Interval(mean, max(low, 0.0), min(high, 1.0))


def clustered_error(cases: Sequence[Sequence[float]]) -> float:
    """The standard error of the mean of two cases or more, each with its repeats (CR2)."""
    mean = math.fsum(map(math.fsum, cases)) / sum(map(len, cases))
    return math.sqrt(_variance([len(case) for case in cases], _off(cases, mean)))


_NOTHING = 1e-18


def paired_interval(both: int, first: int, second: int, neither: int) -> Interval:
    """Of the share of the first less that of the second, of pairs of which so many hold in both, in
    one alone, in neither (Newcombe 1998, method 10).
    """
    total = both + first + second + neither
    if total == 0:
        return Interval(0.0, -1.0, 1.0)
    one, other = wilson(both + first, total), wilson(both + second, total)
    alike = _correlation(both, first, second, neither)
    difference = (first - second) / total
    below = _apart(one.value - one.low, other.high - other.value, alike)
    above = _apart(one.high - one.value, other.value - other.low, alike)
    return Interval(difference, difference - below, difference + above)


def difference_interval(differences: Sequence[float]) -> Interval:
    """Of the mean of one difference a case, by t over cases; from and to infinity of fewer than
    two, or where all are alike: how far others may be from them is not known.
    """
    count = len(differences)
    mean = math.fsum(differences) / count if count else 0.0
    squares = math.fsum((value - mean) ** 2 for value in differences)
    if count < 2 or squares <= _NOTHING:
        return Interval(mean, -math.inf, math.inf)
    error = math.sqrt(squares / (count - 1) / count) * t_quantile(float(count - 1))
    return Interval(mean, mean - error, mean + error)


def bounded_interval(differences: Sequence[float]) -> Interval:
    """The same of differences between numbers from 0 to 1: within -1 and 1, and where all are alike
    with room for those that so many cases may not have shown (Clopper and Pearson 1934).
    """
    found = difference_interval(differences)
    if len(differences) < 2 or math.isfinite(found.low):
        return Interval(found.value, max(found.low, -1.0), min(found.high, 1.0))
    unseen = 1 - 0.025 ** (1 / len(differences))
    low, high = (found.value + unseen * (end - found.value) for end in (-1, 1))
    return Interval(found.value, low, high)


def least_mean(differences: Sequence[float]) -> float:
    """What the true mean of differences from -1 to 1 is at least, in 975 of 1,000 samples: of any
    size and of any law, also of one whose worst cases none of these shows.

    Whoever bets on each case at fair odds multiplies a stake by 40 in 1 of 40 samples at most
    (Waudby-Smith and Ramdas 2024): a mean against which that was won is too low. The stake is
    shared among bets of all, a half, a quarter, ..; so the order of cases is of no account.
    """
    shares = [(value + 1) / 2 for value in differences]
    low, high = 0.0, math.fsum(shares) / (len(shares) or 1)
    while high - low > 1e-6:
        middle = (low + high) / 2
        if _won(shares, middle) >= _STAKES:
            low = middle
        else:
            high = middle
    return 2 * low - 1


_STAKES = 40.0
_BETS = tuple(0.5**size for size in range(8))


def _won(shares: Sequence[float], mean: float) -> float:
    """What one stake became, that was bet on shares being more than a mean."""
    whole = 0.0
    for bet in _BETS:
        odds = [1 + bet * (share / mean - 1) for share in shares]
        if min(odds, default=0.0) > 0:
            whole += math.exp(min(math.fsum(map(math.log, odds)), 700.0))
    return whole / len(_BETS)


def _off(cases: Sequence[Sequence[float]], mean: float) -> list[float]:
    """How far each case is from the mean, by the weight of its repeats."""
    total = sum(map(len, cases))
    return [
        (math.fsum(case) - mean * len(case)) / math.sqrt(1 - len(case) / total) for case in cases
    ]


def _variance(sizes: Sequence[int], off: Sequence[float]) -> float:
    return math.fsum(part * part for part in off) / sum(sizes) ** 2


def _score(share: float, total: float, errors: float) -> tuple[float, float]:
    square = errors * errors / total
    centre = (share + square / 2) / (1 + square)
    half = errors / (1 + square) * math.sqrt(share * (1 - share) / total + square / total / 4)
    return centre - half, centre + half


def _degrees(sizes: Sequence[int], off: Sequence[float]) -> float:
    """Degrees of freedom of the variance of a mean over cases, at least 1."""
    plain = _satterthwaite(sizes)
    squares = [part * part for part in off]
    second = math.fsum(squares) / len(squares)
    if second <= 0:
        return plain
    fourth = math.fsum(square * square for square in squares) / len(squares)
    heavy = max(0.0, fourth / second**2 - 3)
    return max(1.0, 2 / (2 / plain + heavy / len(squares)))


def _satterthwaite(sizes: Sequence[int]) -> float:
    """As many cases of equal size would say as much, less one, if all repeats of a case were one
    and the same: tr(A)^2 / tr(A^2) of the quadratic form that the variance is.
    """
    total = sum(sizes)
    per, common = 1 / total, sum(size * size for size in sizes) / total**2
    weights = [1 / (1 - size / total) for size in sizes]
    pairs = list(zip(weights, sizes, strict=True))
    flat, steep, square = (math.fsum(w * n ** (2 + k) for w, n in pairs) for k in (0, 1, 2))
    mixed = [n * n * (common - 2 * per * n) for n in sizes]
    trace = math.fsum(w * (n * n + m) for (w, n), m in zip(pairs, mixed, strict=True))
    traces = (common * flat) ** 2 + 2 * per * per * (square * flat + steep * steep)
    traces -= 4 * common * per * steep * flat
    traces += math.fsum(
        w * w * (n**4 + 2 * n * n * m) for (w, n), m in zip(pairs, mixed, strict=True)
    )
    return max(1.0, trace * trace / traces)


def _correlation(both: int, first: int, second: int, neither: int) -> float:
    """How alike the two of a pair are, with Newcombe's correction for continuity."""
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    if margins == 0:
        return 0.0
    product, half = both * neither - first * second, (both + first + second + neither) / 2
    return (product if product < 0 else max(product - half, 0.0)) / math.sqrt(margins)


def _apart(one: float, other: float, alike: float) -> float:
    return math.sqrt(max(one * one - 2 * alike * one * other + other * other, 0.0))
