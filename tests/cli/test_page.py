"""Texts in the room that a page has."""

import pytest

from runner.cli.views.page import Page, flow, width_of
from runner.cli.views.style import Style

PIPE = Style(colour=False)


def terminal(columns: int) -> Style:
    return Style(colour=False, width=columns)


def test_a_short_text_is_itself() -> None:
    page = Page(PIPE)
    assert page.text("one\ntwo", 10) == ["one", "two"]
    assert not page.is_cut


@pytest.mark.parametrize("text", ["word " * 10_000, "x" * 50_000, "line\n" * 5_000, "漢字" * 9_000])
def test_a_long_text_is_about_ten_lines_and_says_its_size(text: str) -> None:
    for style in (PIPE, terminal(80)):
        page = Page(style)
        lines = page.text(text, 14)
        assert len(lines) <= 12
        assert any("KB" in line for line in lines)
        assert page.is_cut
        assert sum(map(len, lines)) < 1_300


def test_full_cuts_nothing() -> None:
    text = "\n".join(f"line {number}" for number in range(5_000))
    page = Page(PIPE, full=True)
    assert page.text(text, 14) == text.split("\n")
    assert not page.is_cut


@pytest.mark.parametrize("text", ["word " * 50, "x" * 300, "漢字 kanji " * 30, "e\u0301" * 200])
def test_a_terminal_line_is_never_wider_than_the_terminal(text: str) -> None:
    lines = Page(terminal(60), full=True).text(text, 10)
    assert all(width_of(line) <= 50 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_pipe_gets_each_line_whole() -> None:
    assert Page(PIPE).text("word " * 60, 10) == ["word " * 60]


def test_a_long_text_is_shown_once() -> None:
    page, text = Page(PIPE), "x" * 500
    assert page.earlier(text, "completion.a") is None
    assert page.earlier(text, "completion.b") == "completion.a"
    assert page.earlier(text, "completion.a") == "above"
    assert page.earlier("short", "completion.a") is None
    assert page.earlier("short", "completion.b") is None


@pytest.mark.parametrize("hidden", ["(sensitive)", "(known after apply)"])
def test_what_hides_a_part_of_itself_is_never_said_to_be_the_same(hidden: str) -> None:
    """Two texts that are shown alike may be two texts."""
    page, text = Page(PIPE), "x" * 500 + hidden
    assert page.earlier(text, "completion.a") is None
    assert page.earlier(text, "completion.b") is None


def test_parts_flow_into_lines() -> None:
    assert list(flow(["aaa", "bbb", "ccc"], 9)) == ["aaa, bbb,", "ccc"]
