"""`runner docs` prints the pages, as the reader's screen allows."""

import re
import sys
from pathlib import Path

import pytest

from runner.cli.commands.docs import topics
from tests.harness.documents import DOCS
from tests.harness.project import Project, missing
from tests.harness.terminal import on_terminal


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "p")


def plain(shown: str) -> str:
    """Without what steers the terminal."""
    return re.sub(r"\x1b\[[\d;]*m", "", shown)


def test_a_pipe_gets_the_page_as_it_is_written(project: Project) -> None:
    for name in topics():
        assert project.call("docs", name).out == (DOCS / f"{name}.md").read_text()


def test_without_a_topic_all_are_listed(project: Project) -> None:
    assert project.call("docs").out == (DOCS / "README.md").read_text()


def test_an_unknown_topic_names_the_closest(project: Project) -> None:
    ran = project.call("docs", "provider")
    assert (ran.status, ran.out) == (1, "")
    assert 'There is no topic "provider". Did you mean "providers"?' in ran.err


@pytest.mark.parametrize("name", ["../trust", "README", "trust.md", ""])
def test_a_topic_is_a_name_and_no_path(project: Project, name: str) -> None:
    ran = project.call("docs", name)
    assert (ran.status, ran.out) == (1, "")
    assert "No such topic" in ran.err


def test_a_terminal_shows_the_page_laid_out(project: Project) -> None:
    shown = on_terminal(project, "docs", "language")
    assert "\x1b[" in shown
    assert "```" not in plain(shown)
    assert "](" not in plain(shown)
    assert "The language" in plain(shown)


def test_without_colour_nothing_steers_the_terminal(project: Project) -> None:
    shown = on_terminal(project, "docs", "language", env={"NO_COLOR": "1"})
    assert "\x1b" not in shown
    assert "](" not in shown


def test_without_rich_a_terminal_shows_the_page_as_it_is_written(project: Project) -> None:
    env = missing(project.directory / "without", "rich")
    assert on_terminal(project, "docs", "language", env=env) == (DOCS / "language.md").read_text()


def pager(project: Project, code: str) -> str:
    path = project.directory / "pager.py"
    path.write_text(f"import os, sys\n{code}\n")
    return f"{sys.executable} {path} 'one word'"


def test_a_long_page_goes_through_the_pager(project: Project) -> None:
    told = pager(project, "print(sys.argv[1:], len(sys.stdin.read()), os.environ.get('A_KEY'))")
    shown = on_terminal(
        project, "docs", "language", env={"PAGER": told, "A_KEY": "secret"}, typing=True
    )
    said = re.fullmatch(r"\['one word'\] (\d+) None\s*", shown)
    assert said is not None, shown
    assert int(said[1]) > 1000


def test_a_reader_may_leave_before_the_end(project: Project) -> None:
    told = pager(project, "print('left')")
    assert on_terminal(project, "docs", "language", env={"PAGER": told}, typing=True) == "left\n"


@pytest.mark.parametrize(
    "env",
    [
        {"PAGER": ""},
        {"PAGER": "cat"},
        {"PAGER": "no-such-program"},
        {"PAGER": "'unfinished"},
        {"PAGER": "false", "TERM": "dumb"},
        {"PAGER": "false", "LINES": "1000"},  # all of it fits on the screen
    ],
    ids=str,
)
def test_where_there_is_no_pager_the_page_is_printed(project: Project, env: dict[str, str]) -> None:
    shown = on_terminal(project, "docs", "language", env=env, typing=True)
    assert "The language" in plain(shown)
    assert ("which $PAGER names" in shown) == (env["PAGER"][:1] in ("n", "'"))
