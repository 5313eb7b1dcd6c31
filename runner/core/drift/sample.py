"""Which answers are asked for once more: by chance, so that anybody can draw the same ones."""

import heapq
from collections.abc import Hashable, Mapping
from hashlib import sha256


def sample(strata: Mapping[str, Hashable], count: int, seed: str) -> tuple[str, ...]:
    """So many of the addresses, of each stratum in proportion to its size, and one at least while
    there is room. The same seed chooses the same ones.
    """
    ranked: dict[Hashable, list[str]] = {}
    for address in sorted(strata, key=lambda address: _chance(seed, address)):
        ranked.setdefault(strata[address], []).append(address)
    shares = _shares([*map(len, ranked.values())], count)
    pairs = zip(ranked.values(), shares, strict=True)
    return tuple(address for held, share in pairs for address in held[:share])


def _shares(sizes: list[int], count: int) -> list[int]:
    """How many of each (Sainte-Lague: the seats go one by one to whom one more is due the most)."""
    given = [int(place < count) for place in range(len(sizes))]
    due = [(-size / 3, place) for place, size in enumerate(sizes) if given[place] and size > 1]
    heapq.heapify(due)
    for _ in range(count - sum(given)):
        if not due:
            break
        _, place = heapq.heappop(due)
        given[place] += 1
        if given[place] < sizes[place]:
            heapq.heappush(due, (-sizes[place] / (2 * given[place] + 1), place))
    return given


def _chance(seed: str, address: str) -> bytes:
    return sha256(f"{seed}\n{address}".encode()).digest()
