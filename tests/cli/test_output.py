"""`runner output`: one output, or all; for people, scripts and programs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.faults import completion as answer
from tests.harness.project import Project, completion, provider, serving
from tests.harness.server import Request

CONFIG = (
    completion("chat", "hi")
    + completion("lines", "two")
    + completion("each", "{{ each.key }}", 'for_each = ["a", "b"]')
    + completion("many", "{{ count.index }}", "count = 2")
    + '[output.number]\nvalue = "{{ completion.chat.usage.total_tokens }}"\n'
    + '[output.whole]\nvalue = { id = "{{ completion.chat.id }}", on = true }\n'
    + '[output.nothing]\nvalue = "{{ completion.chat.refusal }}"\n'
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    texts = {"two": "first\nsecond\n"}

    def script(got: Request) -> dict[str, Any]:
        body = got.body
        return answer(body, 7, texts.get(body["messages"][0]["content"]))

    with serving(script=script) as api:
        made.write(provider(api) + CONFIG)
        ran = made.apply()
        assert ran.status == 0, ran.err
    return made


def test_all(project: Project) -> None:
    ran = project.call("output")
    assert ran.status == 0
    assert ran.err == ""
    assert (
        ran.out
        == """\
chat = "echo: hi"
each = {
  "a": "echo: a",
  "b": "echo: b"
}
lines = <<EOT
first
second
EOT
many = [
  "echo: 0",
  "echo: 1"
]
nothing = null
number = 3
whole = {
  "id": "chatcmpl-7",
  "on": true
}
"""
    )


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (("chat",), "echo: hi\n"),
        (("chat", "--raw"), "echo: hi"),
        (("chat", "--json"), '"echo: hi"\n'),
        (("lines", "--raw"), "first\nsecond\n"),
        (("number",), "3\n"),
        (("number", "--raw"), "3"),
        (('each["b"]', "--raw"), "echo: b"),
        (("many[1]", "--raw"), "echo: 1"),
        (("nothing", "--json"), "null\n"),
    ],
    ids=str,
)
def test_one(project: Project, arguments: tuple[str, ...], out: str) -> None:
    ran = project.call("output", *arguments)
    assert (ran.status, ran.out, ran.err) == (0, out, "")


def test_all_as_json_is_the_file(project: Project) -> None:
    ran = project.call("output", "--json")
    assert json.loads(ran.out) == project.outputs
    assert ran.out == (project.directory / "state/outputs.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chatt",), 'There is no output "chatt". Did you mean "chat"?'),
        (('each["z"]',), 'There is no each["z"]. It has a, b.'),
        (("many[",), "There is no many[."),
        (("many[5]",), "There is no many[5]."),
        (("whole", "--raw"), "Use --json."),
    ],
    ids=str,
)
def test_what_is_not_there_is_an_error(
    project: Project, arguments: tuple[str, ...], said: str
) -> None:
    ran = project.call("output", *arguments)
    assert ran.status == 1
    assert ran.out == ""
    assert said in ran.err


def test_before_the_first_apply(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(completion("a", "hi"))
    ran = project.call("output")
    assert (ran.status, ran.out) == (0, "")
    assert "runner apply" in ran.err
    assert project.call("output", "--json").out == "{}\n"
    assert project.call("output", "a").status == 1


def test_a_damaged_outputs_file_is_written_again_for_free(project: Project) -> None:
    (project.directory / "state/outputs.json").write_text("{")
    ran = project.call("output")
    assert ran.status == 1
    assert "Damaged outputs" in ran.err
    assert project.apply("--offline").status == 0
    assert project.call("output", "chat", "--raw").out == "echo: hi"


def test_an_output_goes_into_its_file(project: Project) -> None:
    text = (project.directory / "configs/main.toml").read_text()
    project.write(
        text + '[output.kept]\nvalue = "{{ completion.chat.content }}"\nfile = "out/a.md"\n'
    )
    assert project.apply("--offline").status == 0
    assert (project.directory / "out/a.md").read_text() == "echo: hi"


def test_a_plan_says_which_outputs_go(tmp_path: Path) -> None:
    """Those of blocks; that of a completion goes with its record."""
    made = Project(tmp_path)
    two = completion("a", "hi") + completion("b", "ho")
    blocks = '[output.x]\nvalue = "{{ completion.a.content }}!"\n[output.y]\nvalue = 1\n'
    with serving() as api:
        made.write(provider(api), "provider.toml")
        made.write(two + blocks)
        made.apply()
        said = made.outputs["x"]
        some = made.call("destroy", "--auto-approve", "--target", "completion.a").out
        assert f"Changes to Outputs:\n  - x = {json.dumps(said)}\n\n" in some
        assert set(made.outputs) == {"b", "y"}
        made.write(two)
        assert "Changes to Outputs:\n  - y = 1\n\n" in made.call("plan").out
        made.write(two + blocks)
        made.apply()
    gone = [{"path": "x", "old": said}, {"path": "y", "old": 1}]
    assert made.call("plan", "--json", "--destroy").events[-1]["outputs"] == gone
    made.call("destroy", "--auto-approve")
    assert made.outputs == {}
    assert made.call("plan", "--destroy").out.startswith("No changes.")
    made.write("[output.y]\nvalue = 1\n")
    made.apply()
    assert "  - y = 1\n" in made.call("destroy", "--auto-approve").out


def test_a_block_of_which_nothing_was_issued_has_no_output(tmp_path: Path) -> None:
    """A list of null says that there are answers, and that they are null."""
    made = Project(tmp_path)
    with serving() as api:
        made.write(provider(api) + CONFIG)
        assert made.apply("--target", "completion.chat").status == 0
        assert set(made.outputs) == {"chat", "number", "whole", "nothing"}
        assert made.apply("--target", "completion.many[1]").status == 0
        assert made.outputs["many"] == [None, "echo: 1"]
