"""Which recorded answers are plain draws."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from runner.core.drift.draws import Draws
from runner.core.state.records import Record
from tests.harness.recorded import record


def instance(*postconditions: object) -> Any:
    return SimpleNamespace(declared=SimpleNamespace(postconditions=postconditions))


def samples(*numbers: int) -> list[Record]:
    made = record("completion.a")
    return [replace(made, address=f"completion.a[{n}]", sample=n) for n in numbers]


@pytest.mark.parametrize(
    ("held", "chosen"),
    [((0,), []), ((0, 1, 2), []), ((1,), [1]), ((0, 2, 3), [2, 3]), ((2, 0, 1), [])],
)
def test_an_answer_before_which_others_were_put_aside_is_none(
    held: tuple[int, ...], chosen: list[int]
) -> None:
    records = samples(*held)
    draws = Draws(records)
    found = [one.sample for one in records if draws.why_chosen(instance(), one) == "asked again"]
    assert found == chosen


def test_nor_is_one_after_which_another_was_asked_for() -> None:
    (one,) = samples(0)
    at_hand = Draws([one], is_at_hand=lambda _, number: number == 1)
    assert at_hand.why_chosen(instance(), one) == "asked again"


def test_nor_one_whose_request_a_commit_answers_otherwise() -> None:
    (one,) = samples(0)
    assert Draws([one], {one.fingerprint}).why_chosen(instance(), one) == "asked again"
    assert Draws([one], {"another"}).why_chosen(instance(), one) is None


def test_nor_one_that_had_to_fit_a_postcondition() -> None:
    (one,) = samples(0)
    assert Draws([one]).why_chosen(instance("rule"), one) == "postcondition"
