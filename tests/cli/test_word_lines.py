"""Words that changed, as a page has room for them."""

from hypothesis import given
from hypothesis import strategies as st

from runner.cli.views.page import Page, width_of
from runner.cli.views.style import Style
from runner.cli.views.word_lines import word_lines
from runner.core.viewing.words import text_diff

TEXTS = st.text(st.sampled_from("ab  x东"), max_size=200)


@given(TEXTS, TEXTS)
def test_no_line_of_a_terminal_is_wider_than_it(old: str, new: str) -> None:
    page = Page(Style(colour=False, width=48), full=True)
    for line in word_lines(page, text_diff(old, new), 8):
        words = line.split()
        assert width_of(line) <= 48 or max(map(width_of, words)) > 30


def test_a_pipe_gets_each_line_as_one() -> None:
    page = Page(Style(colour=False))
    old, new = (f"{'word ' * 100}{end}" for end in ("one", "two"))
    (line,) = word_lines(Page(Style(colour=False), full=True), text_diff(old, new), 0)
    assert line == f"~ {'word ' * 100}[-one-]{{+two+}}"
    (short,) = word_lines(page, text_diff(old, new), 0)
    assert short.endswith("word [-one-]{+two+}")
    assert page.is_cut


def test_a_line_between_two_changes_is_shown_and_many_are_counted() -> None:
    old = "\n".join(f"line {number}" for number in range(20))
    new = old.replace("line 5", "line five").replace("line 11", "line eleven")
    shown = list(word_lines(Page(Style(colour=False)), text_diff(old, new), 0))
    assert shown[0] == "  # (3 unchanged lines hidden)"
    assert "  line 8" in shown
    assert shown[-1] == "  # (6 unchanged lines hidden)"
