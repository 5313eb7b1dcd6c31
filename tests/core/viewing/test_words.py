"""Two texts beside each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.plan.diff import lines_of
from runner.core.viewing.words import DiffLine, DiffSpan, text_diff, word_diff

MARKS = {"same": "{}", "gone": "[-{}-]", "came": "{{+{}+}}"}


def shown(line: DiffLine) -> str:
    return "".join(MARKS[span.kind].format(span.text) for span in line.spans)


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("The quick fox.", "The slow fox.", ["The [-quick-]{+slow+} fox."]),
        ("a quick red fox", "a slow old fox", ["a [-quick red-]{+slow old+} fox"]),
        ("a\nb c\nd", "a\nb x c\nd", ["a", "b {+x +}c", "d"]),
        ("one\ntwo\n", "one\ntwo\nthree\n", ["one", "two", "{+three+}"]),
        ("東京は晴れ", "東京は雨", ["東京は[-晴れ-]{+雨+}"]),
        ("Yes, of course.", "Nein!", ["[-Yes, of course.-]", "{+Nein!+}"]),
        ("same", "same", ["same"]),
        ("", "new", ["{+new+}"]),
        ("old", "", ["[-old-]"]),
    ],
)  # fmt: skip
def test_a_difference_is_told_in_words(old: str, new: str, lines: list[str]) -> None:
    assert [shown(line) for line in text_diff(old, new)] == lines


def test_a_line_is_of_one_side_alone_where_all_of_it_is() -> None:
    kinds = [line.kind for line in text_diff("a b\nc", "a x\nc\nd e f")]
    assert kinds == ["changed", "same", "came"]


TEXTS = st.text(st.sampled_from("ab .\nü東"), max_size=40)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_off_their_difference(old: str, new: str) -> None:
    spans = word_diff(old, new)
    for kind, text in (("gone", old), ("came", new)):
        assert "".join(span.text for span in spans if span.kind in ("same", kind)) == text


@given(TEXTS, TEXTS)
def test_every_word_of_both_texts_stands_in_the_lines(old: str, new: str) -> None:
    lines = text_diff(old, new)
    for kind, text in (("gone", old), ("came", new)):
        seen = "".join(s.text for line in lines for s in line.spans if s.kind in ("same", kind))
        assert seen == "".join(lines_of(text))


def test_texts_too_long_to_be_compared_are_told_as_a_whole() -> None:
    old, new = (" ".join(f"{word}{n}" for n in range(20_000)) for word in "ab")
    assert word_diff(old, new) == (DiffSpan("gone", old), DiffSpan("came", new))
