"""States as they were, and how a command line names them."""

from dataclasses import replace
from pathlib import Path

import pytest

from runner.core.state.file import encode
from runner.core.state.records import Record, State, empty
from runner.errors import RunnerError
from runner.operations.options import ProjectPlace
from runner.operations.recorded.revisions import (
    AtMergeBase,
    AtRevision,
    AtSerial,
    InFile,
    InWorkspace,
    StateSource,
    WorkingState,
    history_of,
    source_of,
    sources_of,
    state_at,
)
from tests.harness.git import GitFolder


def state(*said: str) -> State:
    held = {}
    for name in said:
        body = b'{"choices":[]}'
        held[name] = Record(f"completion.{name}", "p", "p x", name, 0, b"{}", body, "")
    return replace(empty("l", "root"), records={one.address: one for one in held.values()})


@pytest.fixture
def made(tmp_path: Path) -> GitFolder:
    folder = GitFolder(tmp_path / "in git")
    folder.write("a b/configs/main.toml", "")
    return folder


@pytest.fixture
def place(made: GitFolder) -> ProjectPlace:
    return ProjectPlace(str(made.path / "a b"))


def names(place: ProjectPlace, source: StateSource) -> list[str]:
    return [
        address.removeprefix("completion.") for address in state_at(place, source).state.records
    ]


def test_a_state_is_read_at_a_revision_in_a_file_and_as_it_stands(
    made: GitFolder, place: ProjectPlace
) -> None:
    first = made.commit("one", **{"a b/state/state.json": encode(state("x"))})
    made.commit("two", **{"a b/state/state.json": encode(state("x", "y"))})
    made.write("a b/state/state.json", encode(state("z")))
    kept = made.write("kept.json", encode(state("k")))
    made.write("a b/state/workspaces/prod/state.json", encode(state("w")))
    assert names(place, WorkingState()) == ["z"]
    assert names(place, AtRevision("HEAD")) == ["x", "y"]
    assert names(place, AtRevision("HEAD~1")) == ["x"]
    assert names(place, InFile(str(kept))) == ["k"]
    assert names(place, InWorkspace("prod")) == ["w"]
    found = state_at(place, AtRevision("HEAD~1"))
    assert (found.name, found.commit, found.missing) == (f"HEAD~1 ({first[:7]})", first, None)
    with pytest.raises(RunnerError, match="no workspace"):
        state_at(place, InWorkspace("prd"))


def test_each_workspace_has_its_own_file(made: GitFolder, place: ProjectPlace) -> None:
    made.commit("one", **{"a b/state/workspaces/prod/state.json": encode(state("w"))})
    assert names(replace(place, workspace="prod"), AtRevision("HEAD")) == ["w"]


def test_what_has_left_a_branch_since_is_not_compared(made: GitFolder, place: ProjectPlace) -> None:
    made.commit("one", **{"a b/state/state.json": encode(state("x"))})
    made("checkout", "-qb", "side")
    made.commit("two", **{"a b/state/state.json": encode(state("x", "y"))})
    made("checkout", "-q", "main")
    made.commit("three", **{"a b/state/state.json": encode(state("z"))})
    made("checkout", "-q", "side")
    before, after = sources_of(place, ["main..."])
    assert (names(place, before), names(place, after)) == (["x"], ["x", "y"])


def test_a_commit_without_a_state_holds_none_and_says_so(
    made: GitFolder, place: ProjectPlace
) -> None:
    made.commit("none")
    found = state_at(place, AtRevision("HEAD"))
    assert not found.state.records
    assert found.missing is not None
    assert "holds no a b/state/state.json" in found.missing
    assert state_at(place, WorkingState()).missing is not None


def test_a_damaged_state_names_its_commit(made: GitFolder, place: ProjectPlace) -> None:
    made.commit("one", **{"a b/state/state.json": "{"})
    with pytest.raises(RunnerError, match="cut off") as told:
        state_at(place, AtRevision("HEAD"))
    where = told.value.problems[0].where
    assert where is not None
    assert "state.json in HEAD" in (where.file or "")


def test_outside_of_git_one_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="in no git repository"):
        history_of(ProjectPlace(str(tmp_path)))


def test_a_state_outside_of_the_repository_is_in_none(tmp_path: Path, place: ProjectPlace) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(RunnerError, match="in no git repository"):
        history_of(replace(place, state=str(elsewhere)))


def test_words_name_states_as_git_diff_has_it(
    made: GitFolder, place: ProjectPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.commit("one", main="", **{"old.json": ""})
    monkeypatch.chdir(made.path)
    here, head = WorkingState(), AtRevision("HEAD")
    named = {
        (): (head, here),
        ("v1",): (AtRevision("v1"), here),
        ("v1..",): (AtRevision("v1"), head),
        ("..v1",): (head, AtRevision("v1")),
        ("v1..v2",): (AtRevision("v1"), AtRevision("v2")),
        ("v1...",): (AtMergeBase("v1", "HEAD"), head),
        ("v1...v2",): (AtMergeBase("v1", "v2"), AtRevision("v2")),
        ("v1", "old.json"): (AtRevision("v1"), InFile("old.json")),
        ("workspace:a", "../in git/old.json"): (InWorkspace("a"), InFile("../in git/old.json")),
    }
    assert {words: sources_of(place, words) for words in named} == named
    assert source_of(place, "main") == AtRevision("main")
    assert source_of(place, "./main") == InFile("./main")
    with pytest.raises(RunnerError, match="more than two"):
        sources_of(place, ["a", "b", "c"])
    assert source_of(place, "serial:3") == AtSerial(3)
    with pytest.raises(RunnerError, match="has no number"):
        source_of(place, "serial:three")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("old.json", '"old.json" is no file, and names no commit'),
        ("./old", '"./old" is no file'),
        ("completion.a", '"completion.a" is an address of answers, and names no commit'),
        ('completion.a["x"]', "is an address of answers"),
    ],
)
def test_what_can_name_no_state_is_told_with_what_does(
    made: GitFolder, place: ProjectPlace, text: str, said: str
) -> None:
    made.commit("one", main="")
    with pytest.raises(RunnerError) as caught:
        source_of(place, text)
    assert said in caught.value.problems[0].detail
    assert "workspace:NAME" in caught.value.problems[0].detail
