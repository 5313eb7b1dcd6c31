import sys
from pathlib import Path

import pytest

from tests.harness.git import GitFolder
from tests.harness.project import Project

LINE = "state/state.json diff=runner merge=runner linguist-generated"


@pytest.fixture
def git(tmp_path: Path) -> GitFolder:
    return GitFolder(tmp_path / "repository")


def test_it_says_what_it_sets_and_sets_it_once(git: GitFolder) -> None:
    project = Project(git.path)
    git.write(".gitattributes", "*.png binary")
    first = project.call("git-setup")
    assert first.status == 0
    assert f"    {LINE}\n" in first.out
    assert "    merge.runner.driver = " in first.out
    held = (git.path / ".gitattributes").read_text()
    assert held.startswith(f"*.png binary\n{LINE}\n")
    settings = git("config", "--local", "--list")
    again = project.call("git-setup")
    assert (again.status, again.out) == (0, "")
    assert "Git is set up" in again.err
    assert (git.path / ".gitattributes").read_text() == held
    assert git("config", "--local", "--list") == settings


def test_what_is_committed_names_nothing_of_this_machine(git: GitFolder) -> None:
    Project(git.path).call("git-setup")
    assert sys.executable in git("config", "merge.runner.driver")
    assert sys.executable not in (git.path / ".gitattributes").read_text()


def test_check_changes_nothing(git: GitFolder) -> None:
    project = Project(git.path)
    missing = project.call("git-setup", "--check")
    assert missing.status == 1
    assert LINE in missing.out
    assert not (git.path / ".gitattributes").exists()
    assert project.call("git-setup").status == 0
    git("config", "merge.runner.driver", "false")
    changed = project.call("git-setup", "--check")
    assert (changed.status, LINE in changed.out) == (1, False)
    assert "merge.runner.driver" in changed.out
    project.call("git-setup")
    assert project.call("git-setup", "--check").status == 0


def test_a_project_in_a_folder_of_the_repository_has_its_own_attributes(git: GitFolder) -> None:
    project = Project(git.path / "prompts")
    project.call("git-setup", "--state", "my answers")
    for name in ("my answers/state.json", "my answers/workspaces/dev/outputs.json"):
        found = git("check-attr", "merge", "--", f"prompts/{name}")
        assert found.endswith("merge: runner")


def test_states_elsewhere_have_their_attributes_beside_them(git: GitFolder) -> None:
    (git.path / "answers").mkdir()
    Project(git.path / "prompts").call("git-setup", "--state", "../answers")
    assert git("check-attr", "diff", "--", "answers/state.json").endswith("diff: runner")


def test_outside_of_git_it_says_so(tmp_path: Path) -> None:
    ran = Project(tmp_path).call("git-setup")
    assert ran.status == 1
    assert "is in no git repository" in ran.err


def test_a_new_project_has_the_lines_already(git: GitFolder) -> None:
    project = Project(git.path / "new")
    (project.directory / "configs").rmdir()
    assert project.call("init").status == 0
    assert LINE in (project.directory / ".gitattributes").read_text().splitlines()
    assert ".gitattributes" not in project.call("git-setup").out
