"""`runner diff`: which answers changed between two states, and how."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.core.state.records import Record
from tests.cli.test_schemas import faults
from tests.harness.git import GitFolder
from tests.harness.project import Project
from tests.harness.recorded import record, write_state

ODD = 'module.m["x"].completion.tale["a b, ü"]'


@pytest.fixture
def made(tmp_path: Path) -> GitFolder:
    return GitFolder(tmp_path)


@pytest.fixture
def project(made: GitFolder) -> Project:
    return Project(made.path / "in here")


def asked(address: str, prompt: str, said: str, **more: Any) -> Record:
    """A record that asks a prompt at a temperature, and what was said."""
    messages = [{"content": prompt, "role": "user"}]
    body = {"messages": messages, "model": "gpt-4o", "temperature": more.pop("temperature", 0)}
    return record(
        address, said, request=json.dumps(body).encode(), fingerprint=f"{prompt} {body}", **more
    )


@pytest.fixture
def changed(made: GitFolder, project: Project) -> Project:
    kept = asked("completion.kept", "q", "kept")
    same = asked("completion.same", "Where?", "It is Lima.\nFar.\n")
    tale = asked(ODD, "A tale of a fox", '{"title": "Fox", "pages": [1, 2]}')
    old = asked("completion.old", "moves", "on")
    gone = asked("completion.gone", "goes", "off")
    write_state(project, kept, same, tale, old, gone)
    made.commit("before")
    model = same.response.replace(b"It is Lima", b"It is Quito").replace(b"-08-06", b"-11-20")
    write_state(
        project,
        kept,
        replace(same, response=model),
        asked(ODD, "A tale of a red fox", '{"title": "Fox", "pages": [1, 3]}', temperature=0.5),
        replace(old, address="completion.new"),
        asked("completion.came", "comes", "in"),
    )
    return project


SHOWN = """\
  + completion.came
      new, gpt-4o, temperature 0, 10+20 tokens, $0.000225
      user  comes
      answer
        + in

  - completion.gone              removed, 10+20 tokens, $0.000225
      answer
        - off

  > completion.new               moved from completion.old

  ~ completion.same
      answered differently,
      model served gpt-4o-2024-08-06 -> gpt-4o-2024-11-20
      answer
        ~ It is [-Lima-]{+Quito+}.
          Far.

  ~ module.m["x"].completion.tale["a b, ü"]
      asked differently, temperature 0 -> 0.5
      user
        ~ A tale of a {+red +}fox
      answer
        pages[1]: 2 -> 3

5 changes between HEAD and state.json:
1 new, 1 removed, 1 asked differently, 1 answered differently, 1 moved.
           before     after
  answers       5         5
  tokens   50+100    50+100
  cost     $0.0011  $0.0011
  seconds     6.2       6.2
"""


def shown(text: str) -> list[str]:
    """The words that are said: how long the path of a test is moves lines and columns."""
    return text.split()


def test_each_change_is_shown_with_its_words(changed: Project, made: GitFolder) -> None:
    ran = changed.call("diff")
    assert ran.status == 0, ran.err
    head = f"HEAD ({made('rev-parse', '--short=7', 'HEAD')}) and {changed.state_file}"
    assert head in ran.out
    assert shown(ran.out.replace(head, "HEAD and state.json")) == shown(SHOWN)


def test_a_line_for_each_change_and_whether_there_is_any(changed: Project, made: GitFolder) -> None:
    ran = changed.call("diff", "--stat", "--exit-code")
    assert ran.status == 2
    lines = ran.out.splitlines()
    assert [line[:2] for line in lines[:5]] == ["+ ", "- ", "> ", "~ ", "~ "]
    made.commit("after")
    ran = changed.call("diff", "--stat", "--exit-code")
    assert ran.status == 0
    assert ran.out.startswith("No answer changed between HEAD (")


def test_addresses_choose_what_is_compared(changed: Project) -> None:
    for pattern in ("completion.old", "completion.new"):
        told = json.loads(changed.call("diff", pattern, "--json").out)
        assert [change["address"] for change in told["changes"]] == ["completion.new"]
    told = json.loads(changed.call("diff", "HEAD", "module.m", "completion.s*", "--json").out)
    assert [change["address"] for change in told["changes"]] == ["completion.same", ODD]
    assert (told["before"]["answers"], told["after"]["answers"]) == (2, 2)
    ran = changed.call("diff", "completion.sane")
    assert ran.status == 1
    assert "Did you mean completion.same?" in ran.err
    ran = changed.call("diff", "completion.same", "HEAD")
    assert ran.status == 1
    assert "stand before addresses" in ran.err


def test_json_tells_words_and_paths(changed: Project) -> None:
    told = json.loads(changed.call("diff", "--json").out)
    assert not faults("diff", told)
    of = {change["address"]: change for change in told["changes"]}
    assert {at: change["kind"] for at, change in of.items()} == {
        "completion.came": "new",
        "completion.gone": "removed",
        "completion.new": "moved",
        "completion.same": "answered_differently",
        ODD: "asked_differently",
    }
    first = [["same", "It is "], ["gone", "Lima"], ["came", "Quito"], ["same", "."]]
    assert of["completion.same"]["answer"] == {"lines": [first, [["same", "Far."]]]}
    assert of[ODD]["answer"] == {"paths": [{"path": "pages[1]", "before": 2, "after": 3}]}
    assert [change["path"] for change in of[ODD]["request"]] == [
        "messages[0].content", "temperature",
    ]  # fmt: skip
    assert of["completion.new"]["before"]["address"] == "completion.old"
    assert of["completion.came"]["before"] is None


CHECKED = """
[completion.same]
model = "gpt-4o"
messages = [{ role = "user", content = "{{ 'Where?' }}" }]

[check.lima]
of = "completion.same"
expect = [{ contains = "Lima" }]

[check.quito]
of = "completion.same"
expect = [{ contains = "Quito" }]
"""


def test_what_holds_no_more_by_todays_checks_is_told(changed: Project) -> None:
    changed.write(CHECKED)
    ran = changed.call("diff", "--stat")
    assert ran.err == ""
    assert "1 newly failing: check.lima of completion.same\n" in ran.out
    assert "1 newly holding: check.quito of completion.same\n" in ran.out
    told = json.loads(changed.call("diff", "completion.same", "--json").out)
    assert not faults("diff", told)
    one = [{"check": "check.lima", "address": "completion.same"}]
    assert told["checks"]["newly_failing"] == one
    assert "newly" not in changed.call("diff", "completion.came").out
    changed.write("[completion.same\n")
    ran = changed.call("diff", "--json")
    assert ran.status == 0
    assert "Checks are left out" in ran.err
    assert json.loads(ran.out)["checks"] is None


def test_markdown_shows_all_of_it_as_code(changed: Project) -> None:
    changed.write(CHECKED)
    ran = changed.call("diff", "--markdown")
    assert ran.status == 0, ran.err
    assert ran.out.startswith("### 5 changes between HEAD")
    assert "| answers | 5 | 5 |" in ran.out
    assert "- `check.lima` **does not hold any more**: `completion.same`" in ran.out
    assert ran.out.count("<details>") == 5
    assert "Quito" in ran.out


def test_a_revision_without_a_state_is_not_one_without_a_change(
    project: Project, made: GitFolder
) -> None:
    made.commit("nothing")
    write_state(project, record("completion.a"))
    ran = project.call("diff", "--stat")
    assert ran.status == 0
    assert "holds no in here/state/state.json" in ran.err
    assert "1 change" in ran.out
    ran = project.call("diff", "HEAD..")
    assert ran.status == 1
    assert ran.err.count("holds no") == 1


def test_outside_of_git_one_sentence_says_so(tmp_path: Path) -> None:
    project = Project(tmp_path)
    write_state(project, record("completion.a"))
    ran = project.call("diff")
    assert ran.status == 1
    assert "is in no git repository" in ran.err
    assert project.call("diff", str(project.state_file)).status == 0


def test_a_whole_process_needs_no_configuration_and_no_key(changed: Project) -> None:
    (changed.directory / "configs").rmdir()
    ran = changed.run("diff", "HEAD", "completion.same", env={"OPENAI_API_KEY": ""})
    assert ran.status == 0, ran.err
    assert "It is [-Lima-]{+Quito+}." in ran.out


def test_what_an_answer_says_steers_no_terminal_and_is_marked_once(
    project: Project, made: GitFolder
) -> None:
    write_state(project, asked("completion.a", "q", "one\x1b[2J two\u202e three"))
    made.commit("before")
    write_state(project, asked("completion.a", "q", "one\x1b[2J TWO\u202e three"))
    ran = project.call("diff")
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out
    assert "[-two-]{+TWO+}\\u202e" in ran.out


def test_a_very_long_line_is_shown_where_it_changed(project: Project, made: GitFolder) -> None:
    words = [f"word{number}" for number in range(2_000)]
    write_state(project, asked("completion.a", "q", " ".join(words)))
    made.commit("before")
    words[1_000] = "other"
    write_state(project, asked("completion.a", "q", " ".join(words)))
    ran = project.call("diff")
    assert "[-word1000-]{+other+}" in ran.out
    assert len(ran.out) < 1_000
    assert "--full shows it" in ran.out
    assert "word1999" in project.call("diff", "--full").out
