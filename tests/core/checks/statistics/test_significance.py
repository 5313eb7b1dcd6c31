import itertools
import math
import random

import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from runner.core.checks.statistics.power import visible_mean, visible_share
from runner.core.checks.statistics.significance import holm, labellings, mcnemar, sign_flips
from tests.harness.simulations import false_alarms, no_difference


def test_mcnemar_is_scipys_binomial_test_in_every_case_up_to_40() -> None:
    for first, second in itertools.product(range(40), repeat=2):
        total = first + second
        expected = stats.binomtest(first, total).pvalue if total else 1.0
        assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_is_statsmodels_exact_test() -> None:
    for first, second in ((6, 2), (12, 2), (0, 9), (100, 140)):
        expected = statsmodels_mcnemar([[5, first], [second, 5]], exact=True).pvalue
        assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)


def test_many_pairs_stay_exact() -> None:
    expected = stats.binomtest(4_900, 10_000).pvalue
    assert mcnemar(4_900, 5_100) == pytest.approx(expected, rel=1e-9)
    assert mcnemar(0, 5_000) == 0  # less than any float


def test_flips_of_few_cases_are_scipys_exact_permutation_test() -> None:
    chance = random.Random(1)
    for total in range(1, 11):
        values = [chance.uniform(-1, 2) for _ in range(total)]
        if total > 2:
            values[1] = 0.0
        expected = [
            abs(math.fsum(sign * value for sign, value in zip(signs, values, strict=True)))
            >= abs(math.fsum(values)) - 1e-9
            for signs in itertools.product((1, -1), repeat=total)
        ]
        assert sign_flips(values) == pytest.approx(sum(expected) / len(expected), rel=1e-12)


def test_flips_of_many_cases_are_near_the_exact_figure_and_always_the_same() -> None:
    chance = random.Random(2)
    values = [chance.gauss(0.15, 1) for _ in range(100)]
    found = sign_flips(values)
    assert found == pytest.approx(stats.wilcoxon(values).pvalue, abs=0.15)
    assert found == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)
    assert sign_flips(list(reversed(values))) == found
    assert 0 < sign_flips([1.0] * 30) < 0.001


def test_labellings_of_few_cases_are_all_that_there_are() -> None:
    chance = random.Random(3)
    for total in range(1, 8):
        cases = [[chance.uniform(-1, 1) for _ in range(3)] for _ in range(total)]
        observed = math.fsum(case[0] for case in cases)
        sums = [math.fsum(choice) for choice in itertools.product(*cases)]
        expected = sum(value >= observed - 1e-9 for value in sums) / len(sums)
        assert labellings(cases) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("labels", [3, 4, 7, 10, 11])
def test_labellings_of_many_cases_are_near_what_a_normal_law_says(labels: int) -> None:
    """The bytes that choose favour no label, whatever their number divides."""
    chance = random.Random(labels)
    cases = []
    for _ in range(120):
        values = [chance.gauss(0.1 if at == 0 else 0, 1) for at in range(labels)]
        mean = math.fsum(values) / labels
        cases.append([value - mean for value in values])
    spread = math.sqrt(math.fsum(math.fsum(v * v for v in case) / labels for case in cases))
    expected = stats.norm.sf(math.fsum(case[0] for case in cases) / spread)
    assert labellings(cases) == pytest.approx(expected, abs=0.02)
    assert labellings(cases[::-1]) == labellings(cases)


def test_sign_flips_are_labellings_of_two_to_either_side() -> None:
    chance = random.Random(4)
    for total in (5, 40):
        values = [abs(chance.gauss(0.3, 1)) for _ in range(total)]
        one_side = labellings([(value, -value) for value in values])
        assert sign_flips(values) == pytest.approx(2 * one_side, abs=0.001)


def test_no_difference_is_never_shown() -> None:
    assert sign_flips([]) == sign_flips([0.0] * 20) == mcnemar(0, 0) == 1.0
    assert labellings([]) == labellings([(0.0, 0.0, 0.0)] * 20) == 1.0


def test_holm_is_that_of_statsmodels() -> None:
    chance = random.Random(4)
    for count in range(1, 9):
        values = [chance.random() ** 3 for _ in range(count)]
        expected = multipletests(values, method="holm")[1]
        assert holm(values) == pytest.approx(tuple(expected), rel=1e-9)
    assert holm([]) == ()


@pytest.mark.parametrize(("total", "points"), [(50, 17), (200, 9), (1_000, 4)])
def test_what_pairs_show_of_which_a_fifth_disagree(total: int, points: int) -> None:
    found = visible_share(total // 5, total)
    assert found is not None
    assert round(100 * found) == points


def test_what_could_have_been_seen_is_seen_in_four_of_five_samples() -> None:
    chance, seen = random.Random(6), 0
    visible = visible_share(40, 200)
    assert visible is not None
    better, worse = (0.2 + visible) / 2, (0.2 - visible) / 2
    for _ in range(300):
        drawn = [chance.random() for _ in range(200)]
        first = sum(value < better for value in drawn)
        second = sum(better <= value < better + worse for value in drawn)
        seen += mcnemar(first, second) <= 0.05
    assert seen / 300 == pytest.approx(0.78, abs=0.07)  # the exact test gives a little away


def test_where_nothing_can_be_shown_nothing_is_promised() -> None:
    assert visible_share(0, 50) is visible_share(0, 0) is visible_share(1, 4) is None
    assert visible_mean([]) is visible_mean([1.0]) is visible_mean([0.5, 0.5]) is None
    found = visible_mean([0.1, -0.1] * 50)
    assert found is not None
    assert 0.02 < found < 0.04


@pytest.mark.parametrize("kind", ["shares", "scores", "repeats", "several"])
def test_no_comparison_cries_wolf(kind: str) -> None:
    runs = 60 if kind == "several" else 150
    assert false_alarms(runs, no_difference(kind, 14)) <= 0.055 + 3 * math.sqrt(0.0475 / runs)
