import math
import random

import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from runner.core.checks.statistics.intervals import (
    bounded_interval,
    clustered_error,
    difference_interval,
    least_mean,
    mean_interval,
    paired_interval,
    share_interval,
    wilson,
)
from runner.core.checks.statistics.quantiles import t_quantile
from tests.harness.simulations import (
    CLUSTERED,
    HARMS,
    VERDICTS,
    Cases,
    Harm,
    clustered_coverage,
    difference_coverage,
    paired_coverage,
    wilson_coverage,
    wrongly_met,
)


@pytest.mark.parametrize("degrees", [1, 1.5, 2, 3.7, 5, 10, 19, 49.5, 199, 1e4, 1e6])
def test_quantiles_of_t_are_those_of_scipy(degrees: float) -> None:
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-9)


def test_wilson_is_scipys_in_every_case_up_to_60() -> None:
    for total in range(1, 61):
        for held in range(total + 1):
            expected = stats.binomtest(held, total).proportion_ci(method="wilson")
            found = wilson(held, total)
            assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
            assert 0 <= found.low <= held / total <= found.high <= 1


def test_nothing_answered_says_nothing() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)
    assert (mean_interval([]).low, mean_interval([[], []]).high) == (0, 1)
    assert (mean_interval([[True] * 50]).low, mean_interval([[True] * 50]).high) == (0, 1)
    assert difference_interval([0.5]).high == math.inf


def test_repeats_of_one_answer_do_not_make_an_interval_narrower() -> None:
    cases = [[True]] * 18 + [[False]] * 2
    often = mean_interval([case * 10 for case in cases])
    assert often.high - often.low >= wilson(18, 20).high - wilson(18, 20).low
    assert often.high - often.low > 2 * (wilson(180, 200).high - wilson(180, 200).low)


def test_single_answers_are_independent() -> None:
    assert share_interval([[True]] * 18 + [[False]] * 2) == wilson(18, 20)


def test_all_that_hold_still_leave_room() -> None:
    found = mean_interval([[True] * 5] * 10)
    assert found.high == 1
    assert 0.5 < found.low < wilson(50, 50).low


def test_the_error_of_repeats_is_the_cluster_robust_one_of_statsmodels() -> None:
    """Of cases of equal size CR2 is CR0 with the factor G / (G - 1)."""
    cases = Cases(30, 5, 2, 1).sample(random.Random(3))
    values = [float(value) for case in cases for value in case]
    groups = [index for index, case in enumerate(cases) for _ in case]
    fit = OLS(values, [[1.0]] * len(values)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    expected = float(fit.bse[0]) * math.sqrt(30 / 29)
    assert clustered_error(cases) == pytest.approx(expected, rel=1e-9)


def test_newcombes_own_example_of_pairs() -> None:
    found = paired_interval(36, 12, 2, 0)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0569, 0.3404), abs=5e-5)


def test_pairs_the_other_way_round_are_the_same_mirrored() -> None:
    chance = random.Random(5)
    for _ in range(200):
        table = [chance.randint(0, 30) for _ in range(4)]
        table[0] += 1
        found = paired_interval(*table)
        other = paired_interval(table[0], table[2], table[1], table[3])
        assert -1 - 1e-9 <= found.low <= found.value <= found.high <= 1 + 1e-9
        assert (found.low, found.high) == pytest.approx((-other.high, -other.low), abs=1e-12)


def test_a_difference_of_scores_is_scipys_t_over_cases() -> None:
    values = [0.1, -0.3, 0.2, 0.05, -0.1, 0.4]
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    found = difference_interval(values)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


@pytest.mark.parametrize("count", [1, 2, 5, 40, 1000])
@pytest.mark.parametrize("value", [0.0, -1.0, 1.0, 0.25])
def test_differences_that_are_all_alike_still_leave_room(count: int, value: float) -> None:
    found = bounded_interval([value] * count)
    assert -1 <= found.low <= value <= found.high <= 1
    assert found.high - found.low > 1 / count
    assert difference_interval([value] * count).high == math.inf


def test_the_least_mean_is_below_the_mean_and_nearer_with_more_cases() -> None:
    assert least_mean([]) == -1
    found = [least_mean([-0.1, 0.0, 0.0, 0.1] * count) for count in (1, 5, 20, 100, 1000)]
    assert found == sorted(found)
    assert found[-1] < 0 < found[-1] + 0.01
    assert least_mean([0.0] * 5) < -0.5
    assert least_mean([-1.0] * 5) == pytest.approx(-1)
    assert 0 < least_mean([1.0] * 50) < 1


RUNS = 400
ERROR = 3 * math.sqrt(0.05 * 0.95 / RUNS)
"""Three standard errors of the simulation; the whole is run under endurance."""


@pytest.mark.parametrize("cases", CLUSTERED[:3])
def test_intervals_of_repeats_hold_the_truth_as_often_as_they_say(cases: Cases) -> None:
    assert clustered_coverage(cases, RUNS) == pytest.approx(0.95, abs=ERROR)


def test_other_intervals_hold_the_truth_as_often_as_they_say() -> None:
    assert wilson_coverage(0.9, 20, RUNS) >= 0.95 - ERROR
    assert paired_coverage(50, RUNS, better=0.1) >= 0.95 - ERROR
    assert difference_coverage(30, RUNS) == pytest.approx(0.95, abs=ERROR)


@pytest.mark.parametrize("harm", HARMS[:4])
def test_what_is_worse_is_hardly_ever_shown_to_be_no_worse(harm: Harm) -> None:
    """2.5 % are meant, and three standard errors."""
    assert wrongly_met(harm, "mean", 200) <= 0.058


@pytest.mark.parametrize("harm", VERDICTS[:2])
def test_single_verdicts_are_held_to_the_same(harm: Harm) -> None:
    assert wrongly_met(harm, "share", 200) <= 0.058
