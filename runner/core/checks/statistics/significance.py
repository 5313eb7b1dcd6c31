"""How often chance alone would show as much: p values, of one comparison and of several."""

import hashlib
import math
from collections.abc import Iterator, Sequence

LEVEL = 0.05
"""A difference is shown where p is not above it."""

_EXACT = 16  # cases up to which all flips are looked at
_FLIPS = 10_000


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
    least = observed - 1e-12 * math.fsum(sizes)  # what another order of summing may lose
    if len(sizes) <= _EXACT:
        sums = _sums(sizes)
        return sum(abs(value) >= least for value in sums) / len(sums)
    tables = [_sums(sizes[at : at + 8]) for at in range(0, len(sizes), 8)]
    extreme = sum(abs(value) >= least for value in _chosen(tables, _seed(sizes)))
    return (1 + extreme) / (1 + _FLIPS)


def holm(values: Sequence[float]) -> tuple[float, ...]:
    """p values of several comparisons, each as it counts beside the others (Holm 1979)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, least = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = least
    return tuple(adjusted)


def _sums(sizes: Sequence[float]) -> list[float]:
    """The sum for each choice of signs."""
    sums = [0.0]
    for size in sizes:
        sums = [value + size for value in sums] + [value - size for value in sums]
    return sums


def _chosen(tables: Sequence[Sequence[float]], seed: bytes) -> Iterator[float]:
    """Sums for choices of signs: a byte of chance for each eight of them."""
    wide = len(tables)
    chance = hashlib.shake_256(seed).digest(wide * _FLIPS)
    for at in range(0, wide * _FLIPS, wide):
        signs = chance[at : at + wide]
        yield math.fsum(table[byte % len(table)] for table, byte in zip(tables, signs, strict=True))


def _seed(sizes: Sequence[float]) -> bytes:
    written = "\n".join(float(size).hex() for size in sizes)
    return hashlib.sha256(written.encode()).digest()
