"""From a folder below a project the project is found, and no other than the user's own."""

import os
from pathlib import Path

import pytest

from runner.io.above import project_above
from tests.harness.project import Project, completion


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project, and the current folder two below it."""
    made = Project(tmp_path / "p")
    made.write('[runner]\nprovider = "embedded"\n' + completion("a", "one"))
    below = made.directory / "docs" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return made


def above() -> Path | None:
    return project_above("configs", "state")


@pytest.mark.usefixtures("project")
def test_the_closest_folder_above_that_holds_a_configuration_is_the_project() -> None:
    assert above() == Path("../..")


def test_a_project_here_is_the_one_that_is_meant(project: Project) -> None:
    Path("configs").mkdir()
    assert above() is None
    Path("configs").rmdir()
    Path("state").mkdir()
    assert above() is None


def test_folders_of_that_name_without_a_configuration_are_passed_by(project: Project) -> None:
    (project.directory / "docs" / "configs").mkdir()
    assert above() == Path("../..")


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_the_way_ends_where_a_worktree_does(project: Project, kind: str) -> None:
    """A clone inside of a project is another's work; in a linked worktree .git is a file."""
    git = project.directory / "docs" / ".git"
    git.mkdir() if kind == "folder" else git.write_text("gitdir: x")
    assert above() is None


def test_the_folder_where_a_worktree_begins_is_looked_at(project: Project) -> None:
    (project.directory / ".git").mkdir()
    assert above() == Path("../..")


def test_the_way_ends_below_the_home(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(project.directory))
    assert above() is None
    monkeypatch.setenv("HOME", str(project.directory / "docs"))
    assert above() is None


@pytest.mark.parametrize("name", [".", "docs", "configs"])
def test_what_everybody_may_write_is_nobodys_project(project: Project, name: str) -> None:
    """In /tmp a stranger may put a folder for everybody below it to find."""
    (project.directory / name).chmod(0o777)
    assert above() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder away")
@pytest.mark.parametrize("name", [".", "docs", "configs"])
def test_what_is_another_users_is_not_found(project: Project, name: str) -> None:
    os.chown(project.directory / name, 65534, 65534)
    assert above() is None


def test_a_link_to_a_configuration_is_the_users_own_word(project: Project) -> None:
    (project.directory / "configs").rename(project.directory / "kept")
    (project.directory / "configs").symlink_to("kept")
    assert above() == Path("../..")
