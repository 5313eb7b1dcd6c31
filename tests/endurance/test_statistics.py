"""Whole simulations. Run by their own command: pytest -m endurance tests/endurance -s"""

import math
import sys
from typing import Literal

import pytest

from tests.harness.simulations import (
    CLUSTERED,
    HARMS,
    VERDICTS,
    Cases,
    Drifting,
    Harm,
    clustered_coverage,
    difference_coverage,
    drift_shown,
    false_alarms,
    no_difference,
    paired_coverage,
    wilson_coverage,
    wrongly_met,
)

RUNS = 2_000
ERROR = 2 * math.sqrt(0.05 * 0.95 / RUNS)

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(3600)]


def told(what: str, share: float) -> float:
    sys.stdout.write(f"\n{what}: {100 * share:.1f} %")
    return share


@pytest.mark.parametrize("cases", CLUSTERED)
def test_intervals_of_repeats_hold_the_truth_as_often_as_they_say(cases: Cases) -> None:
    """Within two standard errors of 95 %, or above: where repeats add little, Wilson is wide."""
    assert 0.95 - ERROR <= told(str(cases), clustered_coverage(cases, RUNS)) <= 0.975


@pytest.mark.parametrize(("share", "total"), [(0.9, 20), (0.5, 20), (0.9, 100), (0.98, 200)])
def test_wilson_holds_the_truth_in_94_to_97_of_100(share: float, total: int) -> None:
    assert 0.93 <= told(f"Wilson {share} of {total}", wilson_coverage(share, total, RUNS)) <= 0.97


@pytest.mark.parametrize("better", [0.0, 0.1])
@pytest.mark.parametrize("total", [20, 50, 200])
def test_intervals_of_pairs_hold_the_truth_as_often_as_they_say(total: int, better: float) -> None:
    found = paired_coverage(total, RUNS, better=better)
    assert told(f"Newcombe, {total} pairs, {better}", found) >= 0.95 - ERROR


@pytest.mark.parametrize("total", [10, 30, 100])
def test_intervals_of_scores_hold_the_truth_as_often_as_they_say(total: int) -> None:
    assert told(f"t, {total} cases", difference_coverage(total, RUNS)) >= 0.95 - ERROR


@pytest.mark.parametrize("total", [10, 25, 100])
@pytest.mark.parametrize("kind", ["shares", "scores", "repeats", "several"])
def test_no_comparison_cries_wolf(kind: str, total: int) -> None:
    found = false_alarms(RUNS, no_difference(kind, total))
    assert told(f"false alarms of {kind}, {total} cases", found) <= 0.055


@pytest.mark.parametrize(
    ("harm", "kind"), [*((one, "mean") for one in HARMS), *((one, "share") for one in VERDICTS)]
)
def test_what_is_worse_is_hardly_ever_shown_to_be_no_worse(
    harm: Harm, kind: Literal["share", "mean"]
) -> None:
    """One-sided: 2.5 % are meant, and two standard errors."""
    assert told(f"gate of {kind}, {harm}", wrongly_met(harm, kind, RUNS)) <= 0.032


@pytest.mark.parametrize("requests", [5, 10, 20, 50])
@pytest.mark.parametrize("repeat", [2, 3])
def test_a_model_that_is_as_it_was_is_seldom_said_to_have_moved(requests: int, repeat: int) -> None:
    drifting = Drifting(requests, 0.3, repeat=repeat)
    assert told(f"false alarms of {drifting}", drift_shown(drifting, RUNS)) <= 0.06


def test_a_model_without_chance_never_seems_to_have_moved() -> None:
    assert drift_shown(Drifting(20, 0.0), RUNS) == 0


@pytest.mark.parametrize(
    ("drifting", "power"),
    [(Drifting(50, 0.3, 0.05), 0.8), (Drifting(10, 0.3, 0.15), 0.95), (Drifting(20, 0, 0.02), 1.0)],
)
def test_a_model_that_moved_is_seen(drifting: Drifting, power: float) -> None:
    assert told(f"shown of {drifting}", drift_shown(drifting, 400)) >= power
