import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.project import Project, completion, provider, serving
from tests.harness.recorded import record, write_state
from tests.harness.server import FakeAPI
from tests.harness.states import local_store

Filled = tuple[Project, FakeAPI]


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    """A project with three answers in the cache, one of which no state holds any more."""
    with serving() as api:
        project = Project(tmp_path / "p")
        blocks = completion("a", "one") + completion("b", "two") + completion("c", "three")
        project.write(provider(api) + blocks)
        assert project.apply().status == 0
        project.call("state", "rm", "completion.c")
        yield project, api


def entries(project: Project) -> int:
    lines = project.call("cache", "info").out.splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("answers"))


def test_info_counts_answers(filled: Filled) -> None:
    project, _ = filled
    ran = project.call("cache", "info")
    assert ran.status == 0
    assert entries(project) == 3


def test_info_of_no_cache_makes_none(tmp_path: Path) -> None:
    project = Project(tmp_path / "p")
    assert entries(project) == 0
    assert not (project.directory / "state").exists()


def test_prune_keeps_what_a_state_refers_to(filled: Filled) -> None:
    """After it, what the state records is still free under another name; the rest is paid."""
    project, api = filled
    ran = project.call("cache", "prune", "--auto-approve")
    assert ran.status == 0
    assert "Dropped 1 answer " in ran.err
    assert entries(project) == 2
    project.call("state", "rm", "completion.a", "completion.b")
    assert "Plan: 1 to issue, 2 from cache" in project.call("plan").out
    assert len(api.completions) == 3


def test_prune_keeps_what_another_workspace_refers_to(filled: Filled) -> None:
    """The workspaces share one cache, so that an apply in a second one is free."""
    project, api = filled
    assert project.call("workspace", "new", "staging").status == 0
    assert project.apply("--workspace", "staging").status == 0
    assert len(api.completions) == 3
    assert project.call("cache", "prune", "--auto-approve").status == 0
    assert entries(project) == 3
    assert not (project.directory / "state/workspaces/staging/cache").exists()


def test_prune_drops_nothing_if_a_state_cannot_be_read(filled: Filled) -> None:
    project, _ = filled
    write_state(project, record("completion.x"), workspace="staging")
    (project.directory / "state/workspaces/staging/state.json").write_bytes(b"")
    ran = project.call("cache", "prune", "--auto-approve")
    assert ran.status == 1
    assert "State file is empty" in ran.err
    assert entries(project) == 3


def test_clear_drops_all_and_the_state_keeps_its_answers(filled: Filled) -> None:
    project, _ = filled
    before = project.state_file.read_bytes()
    ran = project.call("cache", "clear", "--auto-approve")
    assert ran.status == 0
    assert entries(project) == 0
    assert project.state_file.read_bytes() == before
    assert "Plan: 1 to issue" in project.call("plan").out


@pytest.mark.parametrize("verb", ["clear", "prune"])
def test_without_a_terminal_nothing_is_dropped_unasked(filled: Filled, verb: str) -> None:
    project, _ = filled
    ran = project.run("cache", verb)
    assert ran.status == 1
    assert "Nobody to ask" in ran.err
    assert "--auto-approve" in ran.err
    assert entries(project) == 3


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "left"), [("yes\n", 0), ("y\n", 3), ("no\n", 3), ("", 3)])
def test_only_yes_is_yes(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, typed: str, left: int
) -> None:
    project, _ = filled
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ran = project.call("cache", "clear")
    assert ran.status == (0 if left == 0 else 1)
    assert "Only 'yes' will be accepted" in ran.err
    assert entries(project) == left


@pytest.mark.parametrize("verb", ["clear", "prune"])
def test_nothing_is_dropped_while_any_workspace_is_written(filled: Filled, verb: str) -> None:
    project, _ = filled
    other = project.directory / "state" / "workspaces" / "staging"
    with local_store(other).lock("runner apply"):
        ran = project.run("cache", verb, "--auto-approve")
    assert ran.status == 1
    assert "State is locked" in ran.err
    assert entries(project) == 3


@pytest.mark.parametrize("verb", ["clear", "prune"])
def test_without_a_cache_there_is_nothing_to_do(tmp_path: Path, verb: str) -> None:
    project = Project(tmp_path / "p")
    ran = project.call("cache", verb)
    assert ran.status == 0
    assert "nothing to do" in ran.err
    assert not (project.directory / "state").exists()


def test_a_damaged_cache_is_told_by_info_and_cleared_by_clear(filled: Filled) -> None:
    project, _ = filled
    for path in (project.directory / "state/cache").iterdir():
        path.unlink()
    (project.directory / "state/cache/cache.db").write_bytes(b"no database at all" * 100)
    ran = project.call("cache", "info")
    assert ran.status == 1
    assert "Cache is damaged" in ran.err
    assert project.call("cache", "clear", "--auto-approve").status == 0
    assert entries(project) == 0
