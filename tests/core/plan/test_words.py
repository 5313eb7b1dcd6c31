"""What happens has its words, everywhere that it is told."""

from typing import get_args

import pytest

from runner.core.plan.words import Word, tallied

WORDS = [word for word in get_args(Word) if word != "unchanged"]


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_counted_in_the_line_that_sums_a_plan_up(word: str) -> None:
    assert tallied({word: 7}) != tallied({})
