"""What git holds of earlier answers, against a checkout of every commit."""

from pathlib import Path

import pytest

from runner.core.viewing.changes import AnswerMoved
from runner.errors import RunnerError
from runner.operations.history import Asking, answer_history, project_history
from runner.operations.options import ProjectPlace
from tests.harness.git import GitFolder
from tests.harness.histories import NAMES, by_checking_out, grown

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


@pytest.mark.parametrize("seed", range(8))
def test_histories_are_what_checking_out_every_commit_gives(tmp_path: Path, seed: int) -> None:
    agrees(tmp_path / "made", seed)
