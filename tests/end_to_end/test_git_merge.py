"""States merged and shown by git itself, with the driver that `runner git-setup` names."""

import json
import sys
from pathlib import Path
from random import Random

import pytest

from runner.core.state.file import Laid, decode, document, encode
from runner.core.state.markers import has_markers, sides_of
from runner.core.state.records import State
from runner.core.state.shards import shard_file, shard_with
from runner.io.state.local import read_state_file
from tests import ROOT
from tests.harness.git import GitFolder
from tests.harness.merges import People, assert_nothing_lost, record, state_of
from tests.harness.project import Project

STATE = "state/state.json"
NAMES = (STATE, "state/workspaces/staging/state.json")


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitFolder:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of the driver, which git starts
    folder = GitFolder(tmp_path / "project")
    ran = Project(folder.path).call("git-setup")
    assert ran.status == 0, ran.err
    folder.commit("set up")
    return folder


def branches(git: GitFolder, base: State, ours: State, theirs: State, name: str = STATE) -> None:
    """Two branches from a base."""
    git.write(name, encode(base))
    git.commit("base")
    git("branch", "-f", "theirs")
    git.write(name, encode(ours))
    git.commit("ours")
    git("checkout", "-q", "-B", "theirs", "theirs")
    git.write(name, encode(theirs))
    git.commit("theirs")
    git("checkout", "-q", "main")


def merged(git: GitFolder, into: str, other: str, name: str = STATE) -> bytes:
    """What stands there after a merge, which is not kept."""
    git("checkout", "-q", "--detach", into)
    git("merge", "-q", "--no-edit", other, fails=True)
    data = (git.path / name).read_bytes()
    assert (git("ls-files", "-u") != "") == has_markers(data)
    git("reset", "-q", "--hard")
    git("checkout", "-q", "main")
    return data


def try_merges(git: GitFolder, number: int, seed: int, *, both_ways: bool = False) -> int:
    """So many random merges through git, also of ours into theirs; how many clashed."""
    source = Random(seed)
    people, clashing = People(source), 0
    for _ in range(number):
        base, name = people.base(), source.choice(NAMES)
        ours, theirs = people.changed(base), people.changed(base)
        branches(git, base, ours, theirs, name)
        found = merged(git, "main", "theirs", name)
        assert_nothing_lost(base, (ours, theirs), found)
        if both_ways:
            back = merged(git, "theirs", "main", name)
            assert sides_of(back) == sides_of(found)[::-1]
            assert has_markers(found) or back == found
        clashing += has_markers(found)
    return clashing


def in_shards(git: GitFolder, subject: str, state: State) -> None:
    """A commit of a state in shards."""
    split = document(state, Laid(state.records, 12_000_000), "split").split
    assert split is not None
    contents = {name: split.content(name) for name in split.named}
    for name, data in contents.items():
        git.write(f"state/{shard_file(name)}", data)
    head = split.head({name: shard_with(name, data) for name, data in contents.items()})
    git.commit(subject, **{STATE: head})


def try_merges_of_shards(git: GitFolder, number: int, seed: int) -> int:
    """As `try_merges`, where the state is in shards on both sides."""
    people, clashing = People(Random(seed)), 0
    for _ in range(number):
        base = people.base()
        ours, theirs = people.changed(base), people.changed(base)
        in_shards(git, "base", base)
        git("branch", "-f", "theirs")
        in_shards(git, "ours", ours)
        git("checkout", "-q", "theirs")
        in_shards(git, "theirs", theirs)
        git("checkout", "-q", "main")
        git("merge", "-q", "--no-edit", "theirs", fails=True)
        found = read_state_file(git.path / STATE, (git.path / STATE).read_bytes())
        has_clash = any(map(has_markers, found.files))
        assert (git("ls-files", "-u") != "") == has_clash
        assert_nothing_lost(base, (ours, theirs), found)
        git("reset", "-q", "--hard")
        clashing += has_clash
    return clashing


def test_random_merges_of_shards_through_git_lose_no_answer(git: GitFolder) -> None:
    assert try_merges_of_shards(git, 5, 3) < 5


@pytest.mark.endurance
@pytest.mark.timeout(3600)
def test_hundreds_of_merges_of_shards_lose_no_answer(git: GitFolder) -> None:
    assert 10 < try_merges_of_shards(git, 200, 5) < 190


def test_random_merges_through_git_lose_no_answer(git: GitFolder) -> None:
    assert 0 < try_merges(git, 20, 14) < 20


@pytest.mark.endurance
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_merges_through_git_lose_no_answer(git: GitFolder, seed: int) -> None:
    assert 10 < try_merges(git, 250, seed, both_ways=True) < 240


A, B = record("completion.a", "a"), record("completion.b", "b", said="first\nsecond \x1b[31m")


def test_outputs_are_merged_beside_the_state(git: GitFolder) -> None:
    name = "state/outputs.json"
    for branch, held in ("theirs", {"a": 1, "c": 3}), ("main", {"a": 1, "b": 2}):
        git("checkout", "-q", "-B", branch, "HEAD~" if branch == "main" else "HEAD")
        git.commit(branch, **{name: json.dumps(held)})
    assert json.loads(merged(git, "main", "theirs", name)) == {"a": 1, "b": 2, "c": 3}


def test_what_is_no_state_on_one_side_is_left_to_a_person(git: GitFolder) -> None:
    branches(git, state_of(A), state_of(A, serial=4), state_of(A, B, serial=5))
    git.commit("broken", **{STATE: b"{broken"})
    said = git("merge", "theirs", fails=True)
    assert "CONFLICT" in said
    data = (git.path / STATE).read_bytes()
    assert data.startswith(b"<<<<<<< ours\n{broken\n=======\n")
    assert encode(state_of(A, B, serial=5)) in data


@pytest.mark.parametrize("gone", ["interpreter", "runner"])
def test_where_no_runner_is_left_git_merges_lines_and_shows_the_file(
    git: GitFolder, gone: str
) -> None:
    other = "/no/such/python" if gone == "interpreter" else f"{sys.executable} -S -E"
    for name in ("merge.runner.driver", "diff.runner.textconv"):
        git("config", name, git("config", name).replace(sys.executable, other))
    branches(git, state_of(A), state_of(A, serial=4), state_of(A, B, serial=5))
    assert "records" in git("diff", "main", "theirs", "--", STATE)
    data = merged(git, "main", "theirs")
    assert [decode(side, "").serial for side in sides_of(data)] == [4, 5]


def test_git_shows_answers_as_text(git: GitFolder) -> None:
    git.commit("one", **{STATE: encode(state_of(A)), "state/outputs.json": b'{"o":"x\\ny"}'})
    git.commit("two", **{STATE: encode(state_of(A, B)), "state/outputs.json": b'{"o":"x\\nz"}'})
    for words in ("diff", "HEAD~"), ("log", "-p", "-1"), ("show",):
        shown = git(*words)
        assert "+# completion.b:" in shown
        assert "+      first\n+      second \\u001b[31m\n" in shown
        assert "-      y\n+      z\n" in shown
        assert "records" not in shown
    (git.path / STATE).write_text("<<<<<<< no state\n")
    assert "+<<<<<<< no state" in git("diff")


def test_a_name_in_a_hunk_is_that_of_the_address(git: GitFolder) -> None:
    long = record("completion.a", "a", said="\n".join(map(str, range(40))))
    other = record("completion.a", "a", said="\n".join(map(str, [*range(39), "new"])))
    git.commit("one", **{STATE: encode(state_of(long))})
    git.commit("two", **{STATE: encode(state_of(other))})
    assert "@@ completion.a\n" in git("show")
