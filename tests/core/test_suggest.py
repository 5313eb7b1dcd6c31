import random

import pytest

from runner.core.api.parameters import PARAMETERS
from runner.core.language.names import META
from runner.core.suggest import closest, did_you_mean, there_are

KNOWN = (*PARAMETERS, *META)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("temprature", "temperature"),
        ("Temperature", "temperature"),
        ("max-tokens", "max_tokens"),
        ("mesages", "messages"),
        ("toolchoice", "tool_choice"),
        ("frequency", "frequency_penalty"),
        ("foreach", "for_each"),
    ],
)
def test_the_name_that_was_meant_is_found(written: str, meant: str) -> None:
    assert closest(written, KNOWN) == meant


@pytest.mark.parametrize("written", ["", "x", "colour", "api_key", "zzzzzzzz"])
def test_nothing_is_suggested_where_nothing_is_near(written: str) -> None:
    assert closest(written, KNOWN) is None
    assert did_you_mean(written, KNOWN) == ""


def test_the_answer_does_not_depend_on_the_order_of_candidates() -> None:
    shuffled = list(KNOWN)
    for seed in range(20):
        random.Random(seed).shuffle(shuffled)
        assert closest("prompt_cache", shuffled) == closest("prompt_cache", KNOWN)


def test_a_suggestion_is_a_question() -> None:
    assert did_you_mean("temprature", KNOWN) == ' Did you mean "temperature"?'


def test_what_there_is_is_said_in_the_right_number() -> None:
    assert there_are([]) == ""
    assert there_are(["default"]) == " There is only default."
    assert there_are(["a", "b"]) == " There are a, b."
    assert there_are("abc", 2) == " There are a, b, ..."
