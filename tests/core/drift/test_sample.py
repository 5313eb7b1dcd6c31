"""Which answers are asked for again."""

from collections import Counter

import pytest

from runner.core.drift.sample import sample

STRATA = {
    f"completion.{block}[{at}]": block
    for block, many in (("a", 240), ("b", 60), ("c", 3))
    for at in range(many)
}


def test_a_seed_chooses_the_same_ones_whatever_the_order() -> None:
    found = sample(STRATA, 20, "monday")
    assert {*found} == {*sample(dict(reversed(STRATA.items())), 20, "monday")}
    assert {*found} != {*sample(STRATA, 20, "tuesday")}
    assert len({*found}) == 20


def test_each_stratum_has_its_share_and_one_at_least() -> None:
    counts = Counter(STRATA[address] for address in sample(STRATA, 20, "s"))
    assert counts["c"] == 1
    assert counts["a"] == pytest.approx(16, abs=1)
    assert counts["b"] == pytest.approx(4, abs=1)


@pytest.mark.parametrize(("count", "chosen"), [(1, 1), (2, 2), (303, 303), (1_000, 303)])
def test_no_more_than_asked_for_nor_than_there_are(count: int, chosen: int) -> None:
    assert len({*sample(STRATA, count, "s")}) == chosen


def test_nothing_is_chosen_of_nothing() -> None:
    assert sample({}, 20, "s") == ()


def test_every_address_is_chosen_as_often_as_another() -> None:
    strata = {f"completion.a[{at}]": "a" for at in range(10)}
    counts = Counter(address for run in range(2_000) for address in sample(strata, 3, str(run)))
    assert min(counts.values()) > 500
    assert max(counts.values()) < 700
