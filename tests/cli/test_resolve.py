from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.harness.faults import completion as answer
from tests.harness.git import GitFolder
from tests.harness.project import Project, completion, prompt_of, provider, serving
from tests.harness.server import FakeAPI

A, B = "completion.a", "completion.b"


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    with serving(script=lambda asked: answer(asked.body, asked.number, f"{asked.number}.")) as held:
        yield held


@pytest.fixture(params=[True, False], ids=["by the driver", "by lines"])
def project(
    request: pytest.FixtureRequest, tmp_path: Path, api: FakeAPI, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """Two branches that changed one prompt, on which another hangs, and added a completion each;
    merged by git with the setup and without it, but for the configuration.
    """
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of the driver, which git starts
    git, project = GitFolder(tmp_path / "project"), Project(tmp_path / "project")
    git.write(".gitignore", "state/cache/\n.lock*\n*.backup\n")
    if request.param:
        assert project.call("git-setup").status == 0
    asked(project, api, "old")
    git.commit("base")
    git("checkout", "-q", "-b", "theirs")
    asked(project, api, "theirs", completion("z", "of theirs"))
    git.commit("theirs")
    git("checkout", "-q", "main")
    asked(project, api, "ours", completion("c", "of ours"))
    git.commit("ours")
    git("merge", "theirs", fails=True)
    assert "state/state.json" in git("ls-files", "-u")
    return project


def asked(project: Project, api: FakeAPI, prompt: str, more: str = "") -> None:
    write(project, api, prompt, more)
    assert project.apply().status == 0


def write(project: Project, api: FakeAPI, prompt: str, more: str = "") -> None:
    below = completion("b", "{{ completion.a.content }}")
    project.write(provider(api) + completion("a", prompt) + below + more)


def prompt_at(project: Project, address: str) -> str:
    return prompt_of(project.records[address]["request"])


BOTH = completion("c", "of ours") + completion("z", "of theirs")


def test_a_plan_says_where_the_markers_are_and_the_way_out(project: Project, api: FakeAPI) -> None:
    write(project, api, "ours", BOTH)
    ran = project.call("plan")
    assert ran.status == 1
    assert "State file has merge conflicts" in ran.err
    assert "state/state.json" in ran.err
    assert "runner state resolve" in " ".join(ran.err.split())


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_the_answers_stay_that_the_merged_configuration_asks_for(
    project: Project, api: FakeAPI, side: str
) -> None:
    write(project, api, side, BOTH)
    requests = len(api.requests)
    ran = project.call("state", "resolve")
    assert ran.status == 0, ran.err
    assert prompt_at(project, A) == side
    assert f"{A} has the answer that the configuration asks for" in ran.err
    assert {*project.records} == {A, B, "completion.c", "completion.z"}
    assert project.call("plan", "--detailed-exitcode").status == 0
    other = "theirs" if side == "ours" else "ours"
    write(project, api, other, BOTH)
    assert "Plan: 2 from cache." in project.call("plan").out
    assert project.apply().status == 0
    assert len(api.requests) == requests


def test_where_the_configuration_is_not_merged_yet_no_answer_is_lost(
    project: Project, api: FakeAPI
) -> None:
    project.write("<<<<<<< HEAD\n")
    ran = project.call("state", "resolve")
    assert ran.status == 0, ran.err
    assert "has the answer of ours; a plan says what it asks for" in ran.err
    requests = len(api.requests)
    write(project, api, "theirs", BOTH)
    assert project.apply().status == 0
    assert len(api.requests) == requests
    assert prompt_at(project, A) == "theirs"


def test_without_markers_there_is_nothing_to_resolve(tmp_path: Path) -> None:
    ran = Project(tmp_path).call("state", "resolve")
    assert ran.status == 1
    assert "There are no conflict markers in" in ran.err
