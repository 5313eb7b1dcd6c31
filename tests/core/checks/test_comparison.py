"""Nothing is called better that the numbers do not show."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from runner.core.checks.comparison import Comparison, Measure, axis_values, compared
from runner.core.checks.statistics.significance import mcnemar
from runner.core.modules.folder import Block
from runner.core.toml.source import source

Value = Callable[[str, int, int], float | None]


def block(**table: Any) -> Block:
    held = {"of": "completion.a", "by": "model", **table}
    return Block("compare", "models", held, source("main.toml", b""), ("compare", "models"))


def address(model: str, case: int, run: int) -> str:
    return f'completion.a["case={case},model={model},run={run}"]'


def comparison(
    value: Value,
    *,
    models: tuple[str, ...] = ("old", "new"),
    cases: int = 40,
    runs: int = 1,
    kind: Any = "share",
    **table: Any,
) -> Comparison:
    every = [(m, c, r) for m in models for c in range(cases) for r in range(runs)]
    answers = [(address(*one), f"{one[0]} {one[1]}") for one in every]
    values = {address(*one): value(*one) for one in every}
    return compared(block(**table), answers, [Measure("check.c", kind, values)])


def better_in(count: int) -> Value:
    """The old one holds nowhere, the new one in so many cases."""
    return lambda model, case, _: float(model == "new" and case < count)


def test_a_difference_is_shown_where_p_says_so_and_not_before() -> None:
    for count in range(12):
        (one,) = comparison(better_in(count), baseline="old").against
        (found,) = one.differences
        assert (one.variant, one.baseline, found.pairs) == ("new", "old", 40)
        assert found.p == mcnemar(count, 0)
        assert found.shown == ("better" if count >= 6 else "no difference")
        (mirrored,) = comparison(better_in(count), baseline="new").against
        assert mirrored.differences[0].shown == ("worse" if count >= 6 else "no difference")


def test_an_amount_that_is_less_is_better() -> None:
    found = comparison(lambda model, case, _: case + (model == "old"), kind="amount")
    (difference,) = found.against[0].differences
    assert (difference.interval.value, difference.shown) == (-1.0, "better")


def test_repeats_of_a_case_count_once() -> None:
    """Ten repeats of four cases that all say the same are four cases, of which p is 0.125."""
    (one,) = comparison(lambda m, *_: float(m == "new"), cases=4, runs=10).against
    (found,) = one.differences
    assert (found.pairs, found.cases, found.p) == (40, 4, 0.125)
    assert found.shown == "no difference"


def test_several_comparisons_count_beside_each_other() -> None:
    """p of one alone would be 0.03."""
    models = ("old", "a", "b", "new")
    found = comparison(better_in(6), models=models, baseline="old").against
    last = found[-1].differences[0]
    assert (last.p, last.adjusted) == (0.03125, 0.09375)
    assert last.shown == "no difference"


def test_what_could_not_be_told_makes_no_pair() -> None:
    found = comparison(lambda m, c, _: None if (m, c) == ("old", 3) else 1.0)
    assert found.against[0].differences[0].pairs == 39


def test_an_answer_without_a_counterpart_is_counted() -> None:
    answers = [
        (address("old", 1, 1), "x"),
        (address("new", 1, 1), "y"),
        (address("new", 2, 1), "z"),
    ]
    (one,) = compared(block(), answers, []).against
    assert (one.pairs, one.alone) == (1, 1)


def test_without_a_baseline_every_pair_is_compared_and_nothing_fails() -> None:
    found = comparison(better_in(20), models=("a", "old", "new"))
    assert [(one.variant, one.baseline) for one in found.against] == [
        ("old", "a"),
        ("new", "a"),
        ("new", "old"),
    ]
    assert found.met == "met"


@pytest.mark.parametrize(
    ("count", "table", "met"),
    [
        (5, {}, "met"),
        (6, {}, "not met"),
        (6, {"severity": "warn"}, "not met"),
        (6, {"no_worse_than": 0.05}, "met"),
        (6, {"no_worse_than": 0.0}, "not met"),
        (20, {"no_worse_than": 0.05}, "not met"),
        (20, {"no_worse_than": 0.7}, "met"),
        (0, {"gate": "shown_no_worse"}, "not met"),
        (0, {"gate": "shown_no_worse", "no_worse_than": 0.1}, "met"),
        (3, {"gate": "shown_no_worse", "no_worse_than": 0.1}, "not met"),
    ],
)
def test_a_gate_fails_by_what_is_shown(count: int, table: dict[str, Any], met: str) -> None:
    """The old one is better in so many of 40 cases than the new one."""
    found = comparison(
        lambda model, case, _: float(not (model == "new" and case < count)), baseline="old", **table
    )
    assert found.met == met
    assert found.fails is (met == "not met" and "severity" not in table)


@pytest.mark.parametrize(("cases", "met"), [(5, "not met"), (100, "not met"), (200, "met")])
def test_scores_that_are_all_alike_show_as_much_as_so_many_cases_can(cases: int, met: str) -> None:
    gate: dict[str, Any] = {"gate": "shown_no_worse", "no_worse_than": 0.05, "baseline": "old"}
    assert comparison(lambda *_: 0.8, cases=cases, kind="mean", **gate).met == met


def test_without_a_pair_nothing_is_shown_and_the_gate_fails() -> None:
    answers = [(address("old", 1, 1), "x"), (address("new", 2, 1), "y")]
    values = {one: 1.0 for one, _ in answers}
    found = compared(block(baseline="old"), answers, [Measure("check.c", "share", values)])
    assert found.met == "not met"


def test_what_is_missing_or_could_not_be_told_shows_nothing() -> None:
    """No gate is met by what is not there."""
    answers = [
        (address(model, case, 1), f"{case}") for model in ("old", "new") for case in range(90)
    ]
    values: dict[str, float | None] = {one: 1.0 for one, _ in answers}
    met: dict[str, Any] = {"baseline": "old", "gate": "shown_no_worse", "no_worse_than": 0.1}

    def gate(missing: int = 0, **table: Any) -> str:
        measures = [Measure("check.c", "share", values)]
        return compared(block(**table), answers, measures, missing).met

    assert gate(**met) == "met"
    assert gate(1, **met) == gate(1, baseline="old") == "not met"
    assert gate(1) == "met"
    assert compared(block(**met), answers, []).met == "not met"
    values |= {address("new", case, 1): None for case in range(2)}
    assert gate(**met) == "met"
    values |= {address("new", case, 1): None for case in range(9)}
    assert gate(**met) == "not met"


def test_two_of_a_kind_are_hardly_ever_said_to_differ() -> None:
    chance = random.Random(1)
    said = 0
    for _ in range(100):
        found = comparison(lambda *_: float(chance.random() < 0.8), models=("a", "b", "c"))
        said += any(one.differences[0].shown != "no difference" for one in found.against)
    assert said <= 11  # 5 are meant, and three standard errors


def test_values_of_an_axis_stand_in_their_order() -> None:
    addresses = [address("b", 1, 1), address("a", 1, 1), address("b", 2, 1), "completion.other"]
    assert axis_values(addresses, "model") == ("b", "a")
