"""Checks on recorded and on new answers: what is shown, what is only told."""

import pytest

from runner.core.checks.statistics.significance import mcnemar
from runner.core.drift.findings import ModelDrift, beside
from runner.core.drift.movement import Movement
from runner.core.drift.paired import CheckedPair, PairedCheck, paired_check
from runner.core.drift.served import AskedOf


def pairs(*kinds: tuple[float, float, int], is_plain: bool = True) -> list[CheckedPair]:
    found = [(before, after) for before, after, many in kinds for _ in range(many)]
    return [CheckedPair(f"{is_plain} {at}", *pair, is_plain) for at, pair in enumerate(found)]


def test_verdicts_are_counted_and_tested_by_mcnemar() -> None:
    found = paired_check("check.c", pairs((1, 1, 16), (1, 0, 4)), is_score=False)
    assert (found.before, found.after, found.pairs, found.differ) == (20, 16, 20, 4)
    assert found.p == pytest.approx(0.125)
    assert not found.could_show


def test_what_may_have_been_chosen_is_counted_and_not_tested() -> None:
    chosen = pairs((1, 0, 10), is_plain=False)
    found = paired_check("check.c", [*pairs((1, 1, 5)), *chosen], is_score=False)
    assert (found.before, found.after, found.pairs, found.tested) == (15, 5, 15, 5)
    assert (found.differ, found.p) == (0, 1.0)


def test_several_answers_to_one_request_are_one_case() -> None:
    same = [CheckedPair("one", 1, 0, True) for _ in range(10)]
    found = paired_check("check.c", same, is_score=False)
    assert (found.before, found.after, found.differ) == (10, 0, 1)
    assert found.p == 1.0


def test_scores_are_means() -> None:
    found = paired_check("check.c", pairs((0.9, 0.4, 10), (0.5, 0.5, 10)), is_score=True)
    assert [found.before, found.after] == pytest.approx([0.7, 0.45])
    assert found.p == pytest.approx(2 / 2**10)


def drift(p: float, *lost: int) -> ModelDrift:
    checks = [paired_check("c", pairs((1, 1, 20), (1, 0, many)), is_score=False) for many in lost]
    movement = Movement(20, 0, 0.2, 0.1, p, 1e-9, 0.05)
    return ModelDrift(AskedOf("openai", "m"), 20, (), movement=movement, checks=tuple(checks))


def adjusted(one: ModelDrift) -> list[float]:
    return [one.adjusted, *(check.adjusted for check in one.checks)]


def test_a_check_that_could_show_nothing_takes_nothing_from_the_others() -> None:
    (found,) = beside([drift(0.04, 0, 3, 5)])
    assert adjusted(found) == [0.04, 1.0, 0.25, 0.0625]
    assert found.has_moved


def test_all_tests_count_beside_each_other() -> None:
    one, other = beside([drift(0.04, 8), drift(0.03)])
    assert one.checks[0].adjusted == pytest.approx(3 * mcnemar(0, 8))
    assert [one.adjusted, other.adjusted] == pytest.approx([0.06, 0.06])
    assert one.is_shown
    assert not one.has_moved
    assert not other.is_shown


def test_a_check_alone_may_show_drift() -> None:
    (found,) = beside([drift(0.5, 8)])
    (check,) = found.checks
    assert isinstance(check, PairedCheck)
    assert check.is_shown
    assert found.is_shown
    assert not found.has_moved
