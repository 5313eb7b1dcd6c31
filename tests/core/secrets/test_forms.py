"""Many texts are looked for as a few are."""

from hypothesis import given
from hypothesis import strategies as st

from runner.core.secrets.forms import AnyOf

MANY = tuple(f"{number:03}" for number in range(500))


@given(st.text(alphabet="0123456789 ", max_size=12))
def test_many_texts_are_found_where_one_of_them_stands(text: str) -> None:
    assert AnyOf(MANY).is_in(text) == any(sought in text for sought in MANY)


@given(st.text(alphabet="ab", max_size=8), st.integers(1, 4))
def test_texts_of_all_lengths_are_found(text: str, shortest: int) -> None:
    texts = (*(f"{number:0{shortest}b}" for number in range(300)), "ab" * shortest)
    assert AnyOf(texts).is_in(text) == any(sought in text for sought in texts)


def test_none_is_in_nothing() -> None:
    assert not AnyOf(()).is_in("text")
    assert not AnyOf(MANY).is_in("")
