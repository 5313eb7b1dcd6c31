"""`runner history`: earlier answers, why each was another, and what checks make of them today."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from runner.cli.views.history import HistoryTable
from runner.cli.views.style import Style
from tests.cli.test_diff import asked
from tests.cli.test_schemas import faults
from tests.harness.git import GitFolder
from tests.harness.project import Project
from tests.harness.recorded import record, write_state

TALE = 'module.m["x"].completion.tale["a b, ü"]'
CHECKED = """
[completion.tale]
model = "gpt-4o"
messages = [{ role = "user", content = "{{ 'a' }}" }]

[completion.other]
model = "gpt-4o"
messages = [{ role = "user", content = "b" }]

[check.short]
of = "completion.tale"
expect = [{ characters = { max = 6 } }]

[check.fox]
of = "completion.tale"
expect = [{ contains = "fox" }]
"""


@pytest.fixture
def made(tmp_path: Path) -> GitFolder:
    return GitFolder(tmp_path)


@pytest.fixture
def project(made: GitFolder) -> Project:
    return Project(made.path / "in here")


@pytest.fixture
def told(made: GitFolder, project: Project) -> Project:
    """A tale that is asked, asked otherwise, asked again, moved away and back, and removed."""
    first = asked(TALE, "A tale", "a fox")
    second = asked(TALE, "A long tale", "a long fox", temperature=1)
    served = second.response.replace(b"-08-06", b"-11-20").replace(b"a long fox", b"a dog")
    third = replace(second, response=served, sample=1)
    other = record("completion.other")
    write_state(project, first, other)
    made.commit("one")
    write_state(project, second, other)
    made.commit("two")
    write_state(project, third, replace(other, attempts=2))
    made.commit("three")
    write_state(project, third, replace(other, attempts=3))
    made.commit("only what nobody asked about")
    write_state(project, replace(third, address="completion.moved"), other)
    made.commit("four")
    write_state(project, second, other)
    made.commit("five")
    write_state(project, other)
    return project


def rows(text: str) -> list[list[str]]:
    """The cells of a table, by what is two spaces or more apart."""
    cells = ([cell.strip() for cell in line.split("  ")] for line in text.splitlines())
    return [[cell for cell in line if cell] for line in cells]


def test_each_version_says_why_it_is_another(told: Project, made: GitFolder) -> None:
    ran = told.call("history", TALE)
    assert ran.status == 0, ran.err
    head, *lines = rows(ran.out)
    assert head == ["when", "commit", "by", "why", "model served", "tokens", "cost"]
    ids = made("log", "--format=%h", "--abbrev=7").split()
    assert [line[1:4] for line in lines] == [
        ["-", "-", "removed"],
        [ids[0], "Ada", "moved from completion.moved"],
        [ids[1], "Ada", "moved to completion.moved"],
        [ids[3], "Ada", "asked again, another model served"],
        [ids[4], "Ada", "messages[0], temperature changed"],
        [ids[5], "Ada", "first asked"],
    ]
    assert lines[1][0] == "2026-01-01"
    assert lines[4][4:] == ["gpt-4o-2024-08-06", "10+20", "$0.000225"]


def test_each_commit_is_told_by_what_it_did_to_all_answers(told: Project) -> None:
    ran = told.call("history")
    assert ran.status == 0, ran.err
    assert [(line[3], line[-1]) for line in rows(ran.out)[1:]] == [
        ("1 removed", "1 removed"),
        ("1 moved", "five"),
        ("1 moved", "four"),
        ("1 answered differently", "three"),
        ("1 asked differently", "two"),
        ("2 new", "one"),
    ]


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_no_line_is_wider_than_its_terminal_and_none_breaks_in_a_word(columns: int) -> None:
    said = "12 answered differently, 3 asked differently, 1 removed"
    row = {
        "when": "2026-01-01",
        "commit": "abcdef1",
        "by": "Ada",
        "answers": said,
        "cost": "$0.000225",
        "subject": "what was done " * 3,
    }
    table = HistoryTable(Style(colour=False, width=columns), "subject", "answers")
    lines = "\n".join(line for each in table.lines([row, row]) for line in each).splitlines()
    assert max(map(len, lines)) <= columns
    assert set(said.split()) <= {word for line in lines for word in line.split()}


def test_what_nobody_knows_the_cost_of_is_unknown_and_no_gap(
    made: GitFolder, project: Project
) -> None:
    priced, other = record("completion.a"), record("completion.b")
    unlisted = replace(other, request=other.request.replace(b"gpt-4o", b"nobody-lists-it"))
    unlisted = replace(unlisted, response=other.response.replace(b"gpt-4o", b"nobody-lists-it"))
    write_state(project, unlisted)
    made.commit("one")
    write_state(project, unlisted, priced)
    made.commit("two")
    assert [line[4] for line in rows(project.call("history").out)[1:]] == ["$0.000225", "unknown"]
    assert rows(project.call("history", "completion.b").out)[1][-1] == "unknown"


def test_part_of_a_history_can_be_asked_for(told: Project, made: GitFolder) -> None:
    def subjects(*words: str) -> list[str | None]:
        written = json.loads(told.call("history", *words, "--json").out)
        assert not faults("history", written)
        found = written["commits"]
        return [one["commit"] and one["commit"]["subject"] for one in found]

    assert subjects("--limit", "2") == [None, "five"]
    assert subjects("--since", "HEAD~2") == [None, "five", "four"]
    assert subjects("--since", "2026-01-01T00:06:00Z") == [None, "five"]
    assert subjects("completion.m*") == ["five", "four"]
    assert subjects("module.m") == [None, "five", "four", "three", "two", "one"]
    made.commit("six")
    ran = told.call("history", "--since", "HEAD")
    assert (ran.status, ran.out) == (0, "")
    assert "No change of answers since HEAD." in ran.err
    ran = told.call("history", "--limit", "0")
    assert ran.status == 1
    assert "no number from 1 up" in ran.err
    ran = told.call("history", "--since", "hed")
    assert ran.status == 1
    assert "neither a revision" in ran.err


def test_the_words_that_changed_stand_below(told: Project) -> None:
    ran = told.call("history", TALE, "--diff")
    assert "~ A {+long +}tale" in ran.out
    assert "~ a {+long +}fox" in ran.out


def test_checks_are_those_of_today(made: GitFolder, project: Project) -> None:
    for said in ("a fox", "a very long fox", "a dog"):
        write_state(project, asked("completion.tale", "a", said), record("completion.other"))
        made.commit(said)
    project.write(CHECKED)
    ran = project.call("history", "completion.tale")
    assert ran.status == 0, ran.err
    assert [line[-1] for line in rows(ran.out)] == ["checks", "1 of 2", "1 of 2", "2 of 2"]
    ran = project.call("history")
    assert rows(ran.out)[1][-2:] == ["1 of 2", "a dog"]
    written = json.loads(project.call("history", "--json").out)
    assert not faults("history", written)
    assert [one["checks"] for one in written["commits"]] == [[1, 2], [1, 2], [2, 2]]
    project.write("[completion.tale\n")
    ran = project.call("history", "completion.tale")
    assert ran.status == 0
    assert "checks" not in ran.out
    assert "Checks are left out" in ran.err


def test_a_rejected_answer_says_so(made: GitFolder, project: Project) -> None:
    project.write(CHECKED)
    one = asked("completion.tale", "a", "a fox")
    write_state(project, replace(one, status="failed_check"))
    made.commit("one")
    assert "failed_check" in project.call("history", "completion.tale").out
    write_state(project, one)
    assert "failed_check -> complete" in project.call("history", "completion.tale").out


def test_an_address_that_never_was_is_an_error(told: Project) -> None:
    ran = told.call("history", "completion.othr")
    assert ran.status == 1
    assert "Did you mean completion.other?" in ran.err


@pytest.mark.parametrize("name", ["othr", "HEAD", "completion.othr[*]"])
def test_a_name_of_nothing_is_an_error_and_not_a_past_without_changes(
    told: Project, name: str
) -> None:
    ran = told.call("history", name)
    assert ran.status == 1
    assert f"There is no record of {name}" in ran.err


def test_outside_of_git_the_answer_at_hand_is_shown_and_one_sentence_says_why(
    tmp_path: Path,
) -> None:
    project = Project(tmp_path)
    write_state(project, record("completion.a"))
    ran = project.call("history", "completion.a")
    assert ran.status == 0
    assert rows(ran.out)[1][0] == "not yet"
    assert ran.err.count("is in no git repository") == 1
    GitFolder(tmp_path)
    ran = project.call("history")
    assert ran.status == 0
    assert "1 new" in ran.out
    assert ran.err.count("state.json is not committed") == 1


def test_a_shallow_clone_does_not_claim_to_know_the_first(
    told: Project, made: GitFolder, tmp_path: Path
) -> None:
    made("clone", "-q", "--depth=2", f"file://{made.path}", str(tmp_path / "cut"))
    ran = Project(tmp_path / "cut" / "in here").call("history")
    assert ran.status == 0, ran.err
    assert "five" in ran.out
    assert "git fetch --unshallow" in ran.err
    lines = [line for line in ran.out.splitlines() if line.endswith("four")]
    assert len(lines) == 1
    assert "new" not in lines[0]


@pytest.mark.parametrize("address", [(), ("completion.a",)])
def test_a_state_at_hand_with_conflicts_is_an_error_and_not_as_if_all_were_removed(
    made: GitFolder, project: Project, address: tuple[str, ...]
) -> None:
    write_state(project, record("completion.a"))
    made.commit("good")
    project.state_file.write_bytes(b"<<<<<<< HEAD\n" + project.state_file.read_bytes())
    ran = project.call("history", *address)
    assert ran.status == 1
    assert "runner state resolve" in ran.err
    assert "removed" not in ran.out


def test_a_commit_whose_state_is_damaged_is_left_out_and_named(
    made: GitFolder, project: Project
) -> None:
    write_state(project, record("completion.a"))
    made.commit("good")
    whole = project.state_file.read_bytes()
    project.state_file.write_bytes(b"<<<<<<< HEAD\n" + whole)
    made.commit("conflict")
    project.state_file.write_bytes(whole)
    made.commit("good again")
    ran = project.call("history", "completion.a")
    assert ran.status == 0
    assert "merge conflicts" in ran.err
    assert "first asked" in ran.out
