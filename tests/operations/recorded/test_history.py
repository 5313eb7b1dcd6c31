"""What git holds of earlier answers, against a checkout of every commit."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from runner.core.state.file import encode
from runner.core.state.records import empty
from runner.core.viewing.changes import AnswerMoved
from runner.errors import RunnerError
from runner.operations.options import ProjectPlace
from runner.operations.recorded.history import answer_history, project_history
from runner.operations.recorded.past_states import Asking
from tests.harness.git import GitFolder
from tests.harness.histories import NAMES, PATH, by_checking_out, grown
from tests.harness.recorded import record

ALL = Asking()


def agrees(folder: Path, seed: int) -> None:
    """Whether both ways find the same in a random history."""
    made = GitFolder(folder)
    commits = grown(made, seed)
    expected = by_checking_out(made, commits)
    (folder / "in here" / "configs").mkdir(parents=True, exist_ok=True)
    place = ProjectPlace(str(folder / "in here"))
    newest = commits[::-1]
    found = {}
    for one in project_history(place, (), ALL).found:
        assert one.commit is not None
        moved = {each.before.address for each in one.changes if isinstance(each, AnswerMoved)}
        found[one.commit.id] = {each.address for each in one.changes} | moved
    assert found == {commit: names for commit, names in expected.items() if names}, seed
    assert [*found] == [commit for commit in newest if commit in found], seed
    for name in NAMES:
        of_it = [commit for commit in newest if name in expected[commit]]
        if not of_it:
            with pytest.raises(RunnerError, match="no record of"):
                answer_history(place, name, ALL)
            continue
        versions = [one.commit and one.commit.id for one in answer_history(place, name, ALL).found]
        assert versions == of_it, (seed, name)


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A line for each time that git is started."""
    real, said = shutil.which("git"), tmp_path / "started"
    shim = tmp_path / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f"#!/bin/sh\necho >> '{said}'\nexec {real} \"$@\"\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(shim.parent), os.environ["PATH"])))
    return said


@pytest.mark.parametrize("of", ["one answer", "all"])
def test_no_more_processes_are_started_for_more_commits(
    tmp_path: Path, started: Path, of: str
) -> None:
    numbers = []
    for commits in (3, 30):
        made = GitFolder(tmp_path / str(commits))
        for number in range(commits):
            held = {name: record(name, f"answer {number}") for name in NAMES}
            state = encode(replace(empty("l", "root"), records=held))
            made.commit(f"{number}", **{PATH: state})
        (made.path / "in here" / "configs").mkdir()
        place = ProjectPlace(str(made.path / "in here"))
        started.write_text("")
        if of == "all":
            found = project_history(place, (), ALL).found
        else:
            found = answer_history(place, NAMES[1], ALL).found
        assert len(list(found)) == commits
        numbers.append(len(started.read_text()))
    assert numbers[0] == numbers[1] < 20


@pytest.mark.parametrize("seed", range(8))
def test_histories_are_what_checking_out_every_commit_gives(tmp_path: Path, seed: int) -> None:
    agrees(tmp_path / "made", seed)
