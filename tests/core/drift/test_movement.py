"""Whether the words of a model moved: seldom said where they did not, and mostly where they did."""

import pytest

from runner.core.drift.movement import movement
from tests.harness.simulations import Drifting, drift_shown


@pytest.mark.parametrize("requests", [5, 12, 30])
def test_a_model_that_is_as_it_was_is_seldom_said_to_have_moved(requests: int) -> None:
    """5 % is meant: of 150 runs 17 are more than chance gives in 1 of 1,000 tries. 2,000 runs are
    tests/endurance.
    """
    assert drift_shown(Drifting(requests, 0.3), 150) <= 16 / 150


def test_a_model_that_moved_is_seen() -> None:
    assert drift_shown(Drifting(50, 0.3, 0.05), 30) >= 0.6
    assert drift_shown(Drifting(10, 0.3, 0.15), 30) >= 0.8
    assert drift_shown(Drifting(20, 0.0, 0.05), 30) == 1.0


def test_equal_answers_show_nothing_and_are_no_test() -> None:
    found = movement([["Lima.", "Lima.", "Lima."]] * 20)
    assert found is not None
    assert (found.identical, found.recorded, found.new, found.p) == (20, 0, 0, 1.0)
    assert found.visible is None
    assert not found.could_show


def test_new_answers_that_are_alike_and_others_than_the_recorded_are_shown_from_three_on() -> None:
    for number, could_show in ((1, False), (2, False), (3, True)):
        found = movement([["the capital is Lima", "Lima", "Lima"]] * number)
        assert found is not None
        assert found.p == pytest.approx(3.0**-number)
        assert found.could_show is could_show
        assert [found.recorded, found.new] == pytest.approx([0.6, 0])


def test_a_recorded_answer_that_is_nearer_than_the_new_ones_are_to_each_other_shows_nothing() -> (
    None
):
    found = movement([["a b c", "a b x", "y b c"]] * 10)
    assert found is not None
    assert found.recorded < found.new
    assert found.p > 0.9


def test_nothing_says_nothing() -> None:
    assert movement([]) is None
