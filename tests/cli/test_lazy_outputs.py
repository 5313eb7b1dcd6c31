"""Outputs that are in no file, and are evaluated when they are asked for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runner
from tests.harness.faults import completion as answer
from tests.harness.project import Project, completion, provider, serving
from tests.harness.server import FakeAPI, Request

KEPT = '[runner.state]\noutputs = "{}"\n'
LAZY = KEPT.format("lazy")
BLOCKS = (
    completion("chat", "hi")
    + completion("each", "{{ each.key }}", 'for_each = ["a", "b"]')
    + '[output.loud]\nvalue = "{{ completion.chat.content | upper }}"\nfile = "out/loud.txt"\n'
    + '[output.secret]\nvalue = "{{ completion.chat.id }}"\nsensitive = true\n'
)
SHOWN = ["chat", "each", "loud"]


@pytest.fixture(scope="module")
def api() -> Iterator[FakeAPI]:
    with serving() as found:
        yield found


def configured(project: Project, api: FakeAPI, kept: str, blocks: str = BLOCKS) -> Project:
    project.write(kept + provider(api) + blocks)
    return project


def applied(project: Project) -> str:
    ran = project.apply()
    assert ran.status == 0, ran.err
    return ran.err


def held(project: Project) -> list[str]:
    return sorted(project.outputs)


def test_what_is_asked_for_is_what_the_file_would_say(tmp_path: Path, api: FakeAPI) -> None:
    """By real processes: whoever reads the outputs by a command sees no difference."""
    asked = [
        ["output"],
        ["output", "--json"],
        ["output", "--csv"],
        *(["output", name] for name in (*SHOWN, "secret", 'each["a"]', "completion.chat")),
        ["output", "--raw", "loud"],
        ["output", "nobody"],
        ["output", 'each["c"]'],
        ["complete", "fish", "--", "runner output "],
        ["plan"],
    ]
    project = configured(Project(tmp_path), api, "")
    applied(project)
    assert held(project) == SHOWN
    before, requests = [project.run(*words) for words in asked], len(api.requests)
    configured(project, api, LAZY)
    applied(project)
    assert held(project) == ["(left out)"]
    assert [project.run(*words) for words in asked] == before
    assert runner.open(tmp_path).outputs() == json.loads(before[1].out)
    configured(project, api, "")
    applied(project)
    assert held(project) == SHOWN
    assert len(api.requests) == requests


def test_above_the_limit_they_are_left_out_and_that_is_said_once(tmp_path: Path) -> None:
    def script(got: Request) -> dict[str, Any]:
        return answer(got.body, 7, "x" * 1_000_000)

    with serving(script=script) as api:
        many = completion("many", "{{ count.index }}", "count = 33")
        project = configured(Project(tmp_path), api, "", many)
        told = project.run("apply", "-y")
        assert told.status == 0, told.err
        assert "outputs are left out of outputs.json" in told.err.casefold()
        assert held(project) == ["(left out)"]
        assert len(project.run("output", "many[32]").out) == 1_000_001
        assert "left out" not in applied(project)
        configured(project, api, KEPT.format("file"), many)
        applied(project)
        assert len(project.outputs["many"]) == 33
        configured(project, api, "", completion("many", "{{ count.index }}", "count = 3"))
        applied(project)
        assert len(project.outputs["many"]) == 3


def test_a_plan_tells_of_outputs_whose_answers_change(tmp_path: Path, api: FakeAPI) -> None:
    project = configured(Project(tmp_path), api, LAZY)
    applied(project)
    configured(project, api, LAZY, BLOCKS.replace("hi", "ho"))
    applied(project)
    configured(project, api, LAZY)
    changed = project.call("plan").out  # the answer is in the cache
    assert '"ECHO: HO" -> "ECHO: HI"' in changed
    applied(project)
    assert project.call("plan", "--detailed-exitcode").status == 0
    assert "- loud" in project.call("plan", "--destroy").out
    assert project.call("destroy", "-y").status == 0
    assert held(project) == []
    assert "no outputs yet" in project.call("output").err


def test_a_file_of_an_output_is_still_ours(tmp_path: Path, api: FakeAPI) -> None:
    project = configured(Project(tmp_path), api, LAZY)
    applied(project)
    configured(project, api, LAZY, BLOCKS.replace("| upper", "| lower"))
    applied(project)
    assert (tmp_path / "out/loud.txt").read_text() == "echo: hi"


def test_without_a_configuration_it_is_said_that_there_is_none(
    tmp_path: Path, api: FakeAPI
) -> None:
    project = configured(Project(tmp_path), api, LAZY)
    applied(project)
    (tmp_path / "configs").rename(tmp_path / "elsewhere")
    for words in (["output"], ["output", "chat"]):
        ran = project.call(*words)
        assert (ran.status, "No configuration" in ran.err) == (1, True)


def test_another_word_is_refused(tmp_path: Path, api: FakeAPI) -> None:
    ran = configured(Project(tmp_path), api, KEPT.format("none")).call("plan")
    assert ran.status == 1
    assert "outputs" in ran.err
