"""Whether answers of one kind are better than those of another: what the numbers show, no more."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from runner.core.address import axes_of, split_key
from runner.core.checks.statistics.intervals import (
    Interval,
    bounded_interval,
    difference_interval,
    least_mean,
    paired_interval,
)
from runner.core.checks.statistics.power import visible_mean, visible_share
from runner.core.checks.statistics.significance import LEVEL, holm, mcnemar, sign_flips
from runner.core.modules.folder import Block

ShownDifference = Literal["better", "worse", "no difference"]
MeasureKind = Literal["share", "mean", "amount"]


@dataclass(frozen=True, slots=True)
class PairedAnswer:
    """An answer on one value of the axis, by all that it has in common with its counterpart."""

    address: str
    case: str
    pair: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that each answer has a number of, or None: whether a check holds, a score, a cost.
    More is better, but of an `amount`.
    """

    name: str
    kind: MeasureKind
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of a variant against another: `interval` is of the first less the second,
    `visible` the smallest difference that as many pairs, as different from each other as these,
    show in 80 of 100 samples; `least` is what the true difference is at least, in 975 of 1,000
    samples. `exact` says that pairs of single verdicts were counted, of which `gained` and `lost`
    hold in one alone.
    """

    measure: str
    kind: MeasureKind
    pairs: int
    cases: int
    first: float
    second: float
    interval: Interval
    p: float
    adjusted: float
    visible: float | None
    least: float
    exact: bool = False
    gained: int = 0
    lost: int = 0

    @property
    def shown(self) -> ShownDifference:
        """What may be said: nothing is better that chance alone gives as often as 1 in 20."""
        if self.adjusted > LEVEL or not self.interval.value:
            return "no difference"
        more = self.interval.value > 0
        return "better" if more != (self.kind == "amount") else "worse"


@dataclass(frozen=True, slots=True)
class Against:
    """One value of the axis against another one. `alone` counts answers without a counterpart."""

    variant: str
    baseline: str
    differences: tuple[Difference, ...]
    pairs: int
    alone: int

    @property
    def least(self) -> float:
        """What the difference by each check is at least, if each pair that could not be told is the
        worst that there is.
        """
        checks = [each for each in self.differences if each.kind != "amount" and each.pairs]
        told = [(each.pairs / self.pairs, each.least) for each in checks]
        return min((share * least + share - 1 for share, least in told), default=-1.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of all values of an axis, or of each with the baseline. `missing` counts answers
    that were meant and are not there.
    """

    block: Block
    against: tuple[Against, ...]
    met: Literal["met", "not met"]
    missing: int = 0

    @property
    def address(self) -> str:
        """The block's address."""
        return f"compare.{self.block.name}"

    @property
    def fails(self) -> bool:
        """Whether `runner check` says so with its exit status."""
        return self.met == "not met" and self.block.table.get("severity") != "warn"


def compared(
    block: Block,
    answers: Sequence[tuple[str, str]],
    measures: Sequence[Measure],
    missing: int = 0,
) -> Comparison:
    """A comparison of answers, an address and the fingerprint of its request each; so many more
    were meant.
    """
    table = block.table
    sides = _sides(answers, str(table["by"]))
    found = [_against(sides, pair, measures) for pair in _pairs(sides, table.get("baseline"))]
    adjusted = tuple(_adjusted(found))
    is_met = _is_met(block, adjusted, missing)
    return Comparison(block, adjusted, "met" if is_met else "not met", missing)


def axis_values(addresses: Sequence[str], axis: str) -> tuple[str, ...]:
    """The values that addresses have on an axis, each once, in their order."""
    found = (_axes(address).get(axis) for address in addresses)
    return tuple(dict.fromkeys(value for value in found if value is not None))


def _sides(
    answers: Sequence[tuple[str, str]], axis: str
) -> dict[str, dict[tuple[str, ...], PairedAnswer]]:
    sides: dict[str, dict[tuple[str, ...], PairedAnswer]] = {}
    for address, case in answers:
        axes = _axes(address)
        if axis in axes:
            block, _ = split_key(address)
            rest = (f"{name}={value}" for name, value in sorted(axes.items()) if name != axis)
            pair = (block, *rest)
            sides.setdefault(axes[axis], {})[pair] = PairedAnswer(address, case, pair)
    return sides


def _axes(address: str) -> dict[str, str]:
    _, key = split_key(address)
    return axes_of(key) if isinstance(key, str) else {}


def _pairs(sides: Mapping[str, object], baseline: str | None) -> Iterator[tuple[str, str]]:
    if baseline is None:
        yield from ((second, first) for first, second in combinations(sides, 2))
    else:
        yield from ((name, baseline) for name in sides if name != baseline)


def _against(
    sides: Mapping[str, Mapping[tuple[str, ...], PairedAnswer]],
    names: tuple[str, str],
    measures: Sequence[Measure],
) -> Against:
    first, second = (sides.get(name, {}) for name in names)
    pairs = [(first[key], second[key]) for key in first if key in second]
    differences = tuple(_difference(measure, pairs) for measure in measures)
    alone = len(first) + len(second) - 2 * len(pairs)
    return Against(*names, differences, len(pairs), alone)


def _difference(measure: Measure, pairs: Sequence[tuple[PairedAnswer, PairedAnswer]]) -> Difference:
    cases: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for first, second in pairs:
        one, other = measure.values.get(first.address), measure.values.get(second.address)
        if one is not None and other is not None:
            cases.setdefault((first.case, second.case), []).append((one, other))
    return difference(measure.name, measure.kind, list(cases.values()))


def difference(
    name: str, kind: MeasureKind, cases: Sequence[Sequence[tuple[float, float]]]
) -> Difference:
    """What pairs of numbers show, repeats of one case together: the first of each against the
    second.
    """
    if kind == "share" and all(len(held) == 1 for held in cases):
        return _of_verdicts(name, [held[0] for held in cases])
    return _of_means(name, kind, cases)


def _of_verdicts(name: str, pairs: Sequence[tuple[float, float]]) -> Difference:
    total = len(pairs)
    held = [(one == 1.0, other == 1.0) for one, other in pairs]
    both, gained, lost = (held.count(kind) for kind in ((True, True), (True, False), (False, True)))
    p = mcnemar(gained, lost)
    interval = paired_interval(both, gained, lost, total - both - gained - lost)
    return Difference(
        name,
        "share",
        total,
        total,
        (both + gained) / total if total else 0.0,
        (both + lost) / total if total else 0.0,
        interval,
        p,
        p,
        visible_share(gained + lost, total),
        interval.low,
        exact=True,
        gained=gained,
        lost=lost,
    )


def _of_means(
    name: str, kind: MeasureKind, cases: Sequence[Sequence[tuple[float, float]]]
) -> Difference:
    means = [tuple(sum(side) / len(held) for side in zip(*held, strict=True)) for held in cases]
    differences = [one - other for one, other in means]
    count = len(cases) or 1
    p = sign_flips(differences)
    is_amount = kind == "amount"
    return Difference(
        name,
        kind,
        sum(map(len, cases)),
        len(cases),
        sum(one for one, _ in means) / count,
        sum(other for _, other in means) / count,
        difference_interval(differences) if is_amount else bounded_interval(differences),
        p,
        p,
        visible_mean(differences),
        -math.inf if is_amount else least_mean(differences),
    )


def _adjusted(found: Sequence[Against]) -> Iterator[Against]:
    """All checks of all pairs count beside each other, and all amounts do."""
    p: dict[tuple[int, int], float] = {}
    for family in (("share", "mean"), ("amount",)):
        places = [
            (row, column)
            for row, one in enumerate(found)
            for column, each in enumerate(one.differences)
            if each.kind in family
        ]
        values = [found[row].differences[column].p for row, column in places]
        p.update(zip(places, holm(values), strict=True))
    for row, one in enumerate(found):
        yield replace(
            one,
            differences=tuple(
                replace(each, adjusted=p[row, column])
                for column, each in enumerate(one.differences)
            ),
        )


def _is_met(block: Block, found: Sequence[Against], missing: int) -> bool:
    table = block.table
    margin = float(table.get("no_worse_than", 0.0))
    if "baseline" not in table:
        return True  # no side is the one that the other has to be as good as
    checks = [each for one in found for each in one.differences if each.kind != "amount"]
    if missing or not found or any(not each.pairs for each in checks):
        return False
    if table.get("gate") == "shown_no_worse":
        return all(one.least >= -margin for one in found)
    return not any(each.shown == "worse" and each.interval.high < -margin for each in checks)
