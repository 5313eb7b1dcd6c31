"""A range of tokens without a vocabulary holds what published vocabularies count."""

from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.plan.tokens import Vocabulary, text_tokens

COUNTED: list[dict[str, Any]] = orjson.loads(
    (Path(__file__).parents[2] / "data" / "tokens.json").read_bytes()
)
"""Texts, and the least and the most tokens that any of 21 published vocabularies has of each."""

vocabularies: st.SearchStrategy[Vocabulary] = st.sampled_from(get_args(Vocabulary))


@pytest.mark.parametrize("counted", COUNTED, ids=lambda counted: str(counted["what"]))
def test_the_range_holds_every_vocabulary(counted: dict[str, Any]) -> None:
    found = text_tokens(counted["text"], "any")
    assert found.low <= counted["least"] + 1
    assert counted["most"] <= found.high + 2


@pytest.mark.parametrize("counted", COUNTED, ids=lambda counted: str(counted["what"]))
def test_the_range_of_a_vocabulary_of_200000_holds_o200k(counted: dict[str, Any]) -> None:
    found = text_tokens(counted["text"], "wide")
    assert found.low <= counted["o200k"] <= found.high


def test_english_has_a_narrow_range() -> None:
    (english,) = (counted["text"] for counted in COUNTED if counted["what"] == "English")
    found = text_tokens(english, "any")
    assert found.high < 1.5 * found.low


@given(st.text(max_size=200), st.text(max_size=200), vocabularies)
def test_more_text_has_no_fewer_tokens(one: str, other: str, vocabulary: Vocabulary) -> None:
    alone = text_tokens(one, vocabulary)
    both = text_tokens(f"{one}\n{other}", vocabulary)
    assert 0 <= alone.low <= alone.high
    assert alone.low <= both.low


@given(st.text(max_size=300), vocabularies)
def test_from_below_no_text_has_more_tokens_than_bytes(text: str, vocabulary: Vocabulary) -> None:
    assert text_tokens(text, vocabulary).low <= len(text.encode())
