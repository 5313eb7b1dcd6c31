"""How often chance alone would show as much: p values, of one comparison and of several."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence

LEVEL = 0.05
"""A difference is shown where p is not above it."""

_EXACT = 1 << 16  # so many ways are all looked at
_FLIPS = 10_000
_BYTE = 256
_LOST = 1e-12  # what another order of summing may lose


def mcnemar(first: int, second: int) -> float:
    """The exact test of pairs that disagree: so many hold in the first alone, so many in the second
    alone. Two-sided.
    """
    total = first + second
    term = least = 1  # binomial coefficients, each from the one before: whole numbers stay exact
    for chosen in range(1, min(first, second) + 1):
        term = term * (total - chosen + 1) // chosen
        least += term
    return min(1.0, 2 * least / (1 << total))


def sign_flips(differences: Sequence[float]) -> float:
    """How often the mean of differences, one a case, is as far from 0 if each had its sign by
    chance: of all ways up to 16 cases, else of 10,000 that the data themselves choose.
    """
    sizes = sorted(abs(value) for value in differences if value)
    observed = abs(math.fsum(differences))
    least = observed - _LOST * math.fsum(sizes)
    return _share([(size, -size) for size in sizes], lambda value: abs(value) >= least)


def labellings(cases: Sequence[Sequence[float]]) -> float:
    """How often the sum of one number a case is as large as that of the first ones, if any of a
    case might as well have been the first: of all ways up to 65,536, else of 10,000 that the data
    themselves choose. A randomisation test, one-sided: no law is assumed, nor that cases are alike.
    """
    told = sorted(tuple(case) for case in cases if min(case) < max(case))
    observed = math.fsum(case[0] for case in told)
    least = observed - _LOST * math.fsum(max(map(abs, case)) for case in told)
    return _share(told, lambda value: value >= least)


def holm(values: Sequence[float]) -> tuple[float, ...]:
    """p values of several comparisons, each as it counts beside the others (Holm 1979)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, least = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = least
    return tuple(adjusted)


def _share(cases: Sequence[Sequence[float]], is_extreme: Callable[[float], bool]) -> float:
    """Of the sums of one number a case: of all there are, or of many by chance and the observed."""
    if math.prod(map(len, cases)) <= _EXACT:
        sums = _sums(cases)
        return sum(map(is_extreme, sums)) / len(sums)
    extreme = sum(map(is_extreme, _chosen([*_tables(cases)], _seed(cases))))
    return (1 + extreme) / (1 + _FLIPS)


def _sums(cases: Sequence[Sequence[float]]) -> list[float]:
    """The sum for each choice of a number a case."""
    sums = [0.0]
    for case in cases:
        sums = [value + more for more in case for value in sums]
    return sums


def _tables(cases: Sequence[Sequence[float]]) -> Iterator[list[float]]:
    """The sums of as many cases together as a byte of chance can choose from."""
    held: list[Sequence[float]] = []
    for case in cases:
        if math.prod(map(len, held)) * len(case) > _BYTE:
            yield _sums(held)
            held = []
        held.append(case)
    yield _sums(held)


def _chosen(tables: Sequence[Sequence[float]], seed: bytes) -> Iterator[float]:
    """Sums by chance: a byte of it for each table. Bytes that would choose some sums of a table
    more often than others are left out.
    """
    wide = len(tables)
    chance = hashlib.shake_256(seed).digest(wide * _FLIPS * 4 // 3)
    columns = []
    for at, table in enumerate(tables):
        even = _BYTE - _BYTE % len(table)
        columns.append(chance[at::wide].translate(None, bytes(range(even, _BYTE)))[:_FLIPS])
    for row in zip(*columns, strict=True):
        yield math.fsum(table[byte % len(table)] for table, byte in zip(tables, row, strict=True))


def _seed(cases: Sequence[Sequence[float]]) -> bytes:
    written = "\n".join(float(case[0]).hex() for case in cases)
    return hashlib.sha256(written.encode()).digest()
