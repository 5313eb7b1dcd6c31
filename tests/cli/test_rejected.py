"""An answer that was not accepted is kept, and is no output."""

import subprocess
from pathlib import Path

import pytest

from tests.harness.faults import completion as answer
from tests.harness.project import Project, completion, provider, serving

RULE = """
[[completion.{name}.lifecycle.postcondition]]
condition = "{{{{ 'bad' not in self.content }}}}"
error_message = "This is bad"
"""
CONFIG = (
    completion("chat", "hi") + RULE.format(name="chat")
    + completion("each", "{{ each.key }}", 'for_each = ["good", "bad"]') + RULE.format(name="each")
    + completion("many", "{{ ['good', 'bad'][count.index] }}", "count = 2")
    + RULE.format(name="many")
    + completion("fine", "fine")
    + '[output.loud]\nvalue = "{{ completion.chat.content | upper }}"\nfile = "out/loud.txt"\n'
    + '[output.hidden]\nvalue = "{{ completion.chat.content }}"\nsensitive = true\n'
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Applied while all was well, then with a request whose answer is not accepted."""
    made = Project(tmp_path)
    with serving(script=lambda got: answer(got.body, 7)) as api:
        made.write(provider(api) + CONFIG.replace('"bad"]', '"other"]').replace("'bad'][", "'o']["))
        assert made.apply().status == 0
        assert made.outputs["loud"] == "ECHO: HI"
        made.write(provider(api) + CONFIG.replace('"hi"', '"bad"'))
        ran = made.apply()
    assert ran.status == 1
    assert "This is bad" in ran.err
    assert "Output file is stale" in ran.err
    assert "out/loud.txt stays as it was: output.loud has no value" in ran.err
    assert "bad" not in ran.out.partition("Outputs:")[2]
    return made


def test_it_is_not_in_outputs_json_nor_in_a_file(project: Project) -> None:
    assert project.records["completion.chat"]["status"] == "failed_check"
    expected = {"each": {"good": "echo: good"}, "many": ["echo: good", None], "fine": "echo: fine"}
    assert project.outputs == expected
    assert (project.directory / "out/loud.txt").read_text() == "ECHO: HI"
    assert "echo: bad" in project.call("show", "completion.chat").out


def test_where_no_answer_was_accepted_output_says_so(tmp_path: Path) -> None:
    """Nothing is in outputs.json then, and it is not because nothing was applied."""
    project = Project(tmp_path)
    with serving(script=lambda got: answer(got.body, 7)) as api:
        project.write(provider(api) + completion("chat", "bad") + RULE.format(name="chat"))
        assert "There are no outputs yet: `runner apply` writes them." in project.call("output").err
        assert project.apply().status == 1
    ran = project.call("output")
    assert "There are no outputs: of completion.chat no answer was accepted." in ran.err
    assert "`runner show completion.chat`" in ran.err
    assert project.call("output", "--json").out == "{}\n"


@pytest.mark.parametrize("name", ["chat", "loud", "hidden", 'each["bad"]'])
def test_asking_for_it_says_why_there_is_none(project: Project, name: str) -> None:
    for flags in ((), ("--raw",)):
        ran = project.call("output", name, *flags)
        assert (ran.status, ran.out) == (1, "")
        assert "was kept, but a postcondition of it does not hold" in ran.err


@pytest.mark.parametrize("name", ["fine", 'each["good"]', "many"])
def test_the_others_are_as_they_were(project: Project, name: str) -> None:
    assert project.call("output", name).status == 0


def test_a_command_about_the_state_writes_the_same_outputs(project: Project) -> None:
    held = project.outputs
    assert project.call("state", "mv", "completion.fine", "completion.other").status == 0
    assert project.outputs == {name: held[name] for name in held if name != "fine"}


def test_it_can_be_looked_at(project: Project) -> None:
    process = project.start("console", stdin=subprocess.PIPE)
    assert "echo: bad" in process.communicate("completion.chat.content\n", timeout=60)[0]
