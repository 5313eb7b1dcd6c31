"""Samples whose truth is known: how often intervals hold it, how often a test sees what is not."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from runner.core.checks.comparison import Measure, compared
from runner.core.checks.statistics.intervals import (
    Interval,
    difference_interval,
    mean_interval,
    paired_interval,
    wilson,
)
from runner.core.checks.statistics.significance import holm, mcnemar, sign_flips
from runner.core.drift.movement import movement
from runner.core.modules.folder import Block
from runner.core.toml.source import source


@dataclass(frozen=True, slots=True)
class Cases:
    """So many cases, each asked so often; how likely each holds is drawn from a beta law."""

    cases: int
    repeats: int
    a: float
    b: float
    uneven: bool = False

    def sample(self, chance: random.Random) -> list[list[bool]]:
        return [self._case(chance) for _ in range(self.cases)]

    def _case(self, chance: random.Random) -> list[bool]:
        likely = chance.betavariate(self.a, self.b)
        times = chance.randint(1, 2 * self.repeats - 1) if self.uneven else self.repeats
        return [chance.random() < likely for _ in range(times)]


CLUSTERED = (
    Cases(10, 10, 2, 0.5),
    Cases(20, 10, 2, 0.5),
    Cases(20, 10, 9, 1),
    Cases(20, 10, 1, 1),
    Cases(20, 10, 2, 0.5, uneven=True),
    Cases(20, 3, 2, 0.5),
    Cases(50, 10, 3, 0.3),
    Cases(200, 3, 2, 0.5),
)


def covered(runs: int, truth: float, sample: Callable[[], Interval]) -> float:
    """The share of samples whose interval holds the truth."""
    held = 0
    for _ in range(runs):
        interval = sample()
        held += interval.low <= truth <= interval.high
    return held / runs


def clustered_coverage(cases: Cases, runs: int) -> float:
    chance = random.Random(repr(cases))
    truth = cases.a / (cases.a + cases.b)
    return covered(runs, truth, lambda: mean_interval(cases.sample(chance)))


def wilson_coverage(share: float, total: int, runs: int) -> float:
    chance = random.Random(f"{share} {total}")
    return covered(
        runs, share, lambda: wilson(sum(chance.random() < share for _ in range(total)), total)
    )


def paired_coverage(total: int, runs: int, *, better: float = 0.0) -> float:
    """Of pairs whose second holds less often by `better`, and mostly where the first does."""
    chance = random.Random(total)

    def sample() -> Interval:
        pairs = [_pair(chance, better) for _ in range(total)]
        return paired_interval(*(pairs.count(kind) for kind in _KINDS))

    return covered(runs, better, sample)


def difference_coverage(total: int, runs: int) -> float:
    chance = random.Random(total)
    return covered(runs, 0.0, lambda: difference_interval(_differences(chance, total)))


def false_alarms(runs: int, p_value: Callable[[], float]) -> float:
    """The share of samples without a difference in which one is said to be shown."""
    return sum(p_value() <= 0.05 for _ in range(runs)) / runs


def no_difference(name: str, total: int) -> Callable[[], float]:
    """p values of one kind of comparison where there is no difference."""
    chance = random.Random(f"{name} {total}")

    def shares() -> float:
        pairs = [_pair(chance, 0.0) for _ in range(total)]
        return mcnemar(pairs.count((True, False)), pairs.count((False, True)))

    kinds: dict[str, Callable[[], float]] = {
        "shares": shares,
        "scores": lambda: sign_flips(_differences(chance, total)),
        "repeats": lambda: sign_flips(_repeated(chance, total)),
        "several": lambda: min(holm([shares() for _ in range(5)])),
    }
    return kinds[name]


_KINDS: Sequence[tuple[bool, bool]] = ((True, True), (True, False), (False, True), (False, False))


def _pair(chance: random.Random, better: float) -> tuple[bool, bool]:
    likely = chance.betavariate(2, 0.5) * (1 - better) + better
    first = chance.random() < likely
    return first, chance.random() < likely - better


def _differences(chance: random.Random, total: int) -> list[float]:
    """Of scores, most of which are near 1: skewed each, and alike."""
    pairs = ((chance.betavariate(3, 0.5), chance.betavariate(3, 0.5)) for _ in range(total))
    return [one - other for one, other in pairs]


def _repeated(chance: random.Random, total: int) -> list[float]:
    """Of the shares of three repeats each."""
    found = []
    for _ in range(total):
        likely = chance.betavariate(2, 0.5)
        one, other = (sum(chance.random() < likely for _ in range(3)) / 3 for _ in range(2))
        found.append(one - other)
    return found


@dataclass(frozen=True, slots=True)
class Harm:
    """So many cases, of which a share is worse by `size`: the difference is the gate's margin."""

    cases: int
    share: float
    size: float
    runs: int = 1

    @property
    def margin(self) -> float:
        """Worse by just that, on the average."""
        return self.share * self.size


HARMS = (
    Harm(5, 0.2, 0.5),
    Harm(10, 0.12, 0.5),
    Harm(20, 0.1, 0.6),
    Harm(50, 0.05, 1.0),
    Harm(50, 0.1, 1.0, runs=3),
    Harm(10, 0.3, 1 / 3, runs=3),
    Harm(200, 0.02, 0.5),
)
"""Few cases are much worse: samples that hold none of them look as if all were alike."""

VERDICTS = (Harm(20, 0.3, 1.0), Harm(50, 0.15, 1.0), Harm(100, 0.08, 1.0), Harm(200, 0.02, 1.0))


def wrongly_met(harm: Harm, kind: Literal["share", "mean"], samples: int) -> float:
    """How often a gate says that it is shown to be no worse, though it is as much worse as that."""
    chance = random.Random(repr(harm))
    table: dict[str, Any] = {"of": "completion.a", "by": "model", "baseline": "old"}
    table |= {"gate": "shown_no_worse", "no_worse_than": harm.margin * 0.999}
    block = Block("compare", "models", table, source("main.toml", b""), ("compare", "models"))
    met = 0
    for _ in range(samples):
        answers, values = [], {}
        for case in range(harm.cases):
            worse = harm.size if chance.random() < harm.share else 0.0
            for run in range(harm.runs):
                for model, value in (("old", 1.0), ("new", 1.0 - worse)):
                    address = f'completion.a["case={case},model={model},run={run}"]'
                    answers.append((address, f"{model} {case}"))
                    values[address] = value
        met += compared(block, answers, [Measure("check.c", kind, values)]).met == "met"
    return met / samples


@dataclass(frozen=True, slots=True)
class Drifting:
    """So many requests, each answered in 60 words of which a share varies from answer to answer;
    the new answers differ besides in a share of the words, always the same ones.
    """

    requests: int
    noise: float
    shift: float = 0.0
    repeat: int = 2

    def drawn(self, chance: random.Random) -> list[list[str]]:
        """The recorded answer to each request, and the new ones."""
        return [self._answers(chance) for _ in range(self.requests)]

    def _answers(self, chance: random.Random) -> list[str]:
        usual = [f"w{chance.randrange(500)}" for _ in range(60)]
        # How much varies is another for each request, and skewed: nothing is said of any law.
        noise = min(1.0, self.noise * chance.expovariate(1.0))
        moved = [
            f"m{at}" if chance.random() < self.shift else word for at, word in enumerate(usual)
        ]
        kinds = [usual, *[moved] * self.repeat]
        return [" ".join(_varied(chance, words, noise)) for words in kinds]


def _varied(chance: random.Random, words: Sequence[str], noise: float) -> list[str]:
    return [f"v{chance.randrange(500)}" if chance.random() < noise else word for word in words]


def drift_shown(drifting: Drifting, runs: int) -> float:
    """The share of runs in which the words of a model are said to have moved."""
    chance = random.Random(repr(drifting))
    found = [movement(drifting.drawn(chance)) for _ in range(runs)]
    return sum(one is not None and one.p <= 0.05 for one in found) / runs
