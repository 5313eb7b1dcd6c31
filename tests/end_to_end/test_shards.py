"""A project whose state is in shards, by real processes and git itself."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.harness.git import GitFolder
from tests.harness.project import HANG, Project, completion, prompts, provider, serving
from tests.harness.server import FakeAPI

SHARD = "state/records/000.jsonl"
LAYOUT = '[runner.state]\nlayout = "split"\n\n'


@pytest.fixture(scope="module")
def api() -> Iterator[FakeAPI]:
    with serving() as found:
        yield found


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitFolder:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of the driver, which git starts
    folder = GitFolder(tmp_path / "project")
    folder.write(".gitignore", "state/cache/\n.lock\n.lock.info\n*.backup\n")
    assert Project(folder.path).call("git-setup").status == 0
    return folder


def configured(project: Project, api: FakeAPI, *blocks: str, layout: str = LAYOUT) -> Project:
    project.write(layout + provider(api) + "".join(blocks))
    return project


def many(count: int, prompt: str = "number {{ count.index }}") -> str:
    return completion("many", prompt, f"count = {count}")


def applied(project: Project, *arguments: str) -> str:
    ran = project.apply(*arguments)
    assert ran.status == 0, ran.err
    return ran.out


def state(project: Project) -> dict[str, str]:
    """What was answered, by address."""
    ran = project.call("state", "pull")
    assert ran.status == 0, ran.err
    records = json.loads(ran.out)["records"]
    return {one["address"]: one["response"]["choices"][0]["message"]["content"] for one in records}


def commits(project: Project, *words: str) -> list[str | None]:
    """The subjects of those that changed an answer."""
    found = json.loads(project.call("history", *words, "--json").out)
    return [(one["commit"] or {}).get("subject") for one in found["commits"]]


def test_what_git_holds_is_shown_and_comes_back(git: GitFolder, api: FakeAPI) -> None:
    project = configured(Project(git.path), api, many(12))
    applied(project)
    git.commit("one")
    configured(project, api, many(12), completion("more", "more"))
    applied(project)
    changed = {"configs/main.toml", "state/outputs.json", "state/state.json"}
    assert {*git("diff", "--name-only").split()} == {*changed, SHARD}
    assert "completion.more" in project.call("diff").out
    shown = git("diff", "--", SHARD)
    assert "+# completion.more:" in shown
    git.commit("two")
    configured(project, api, many(12), completion("more", "otherwise"))
    applied(project)
    assert commits(project) == [None, "two", "one"]
    assert commits(project, "completion.more") == [None, "two"]
    configured(project, api, many(12), completion("more", "more"))
    ran = project.call("rollback", "completion.more", "--to", "HEAD", "--auto-approve")
    assert ran.status == 0, ran.err
    assert state(project)["completion.more"] == "echo: more"
    assert "No answer changed" in project.call("diff").out


def test_what_is_kept_beside_shards_is_nothing_to_git_nor_to_a_history(
    tmp_path: Path, api: FakeAPI
) -> None:
    git = GitFolder(tmp_path / "project")
    git.write(".gitignore", "state/cache/\n.lock\n*.json.backup\n")  # as somebody had it before
    project = configured(Project(git.path), api, many(3))
    applied(project)
    git.commit("one")
    configured(project, api, many(3, "other {{ count.index }}"))
    applied(project)
    assert [*git.path.glob("state/records/*.backup")]
    assert "backup" not in git("status", "--short", "--untracked-files=all")
    git("add", "-A", "-f", "state/records")  # whoever means it
    git.commit("two")
    assert commits(project) == ["two", "one"]
    assert commits(project, "completion.many[0]") == ["two", "one"]
    configured(project, api, many(3, "other {{ count.index }}"), layout="")
    for text in ("third", "fourth"):
        configured(project, api, many(3, f"{text} {{{{ count.index }}}}"), layout="")
        applied(project)
    assert not (git.path / "state/records").exists()
    git("add", "state/state.json")  # and the shards stay where they are in git
    git("commit", "-q", "-m", "three")
    assert commits(project)[0] == "three"


def test_a_history_tells_of_no_answer_as_removed_that_cannot_be_read(
    git: GitFolder, api: FakeAPI
) -> None:
    project = configured(Project(git.path), api, many(3))
    applied(project)
    git.commit("one")
    path = git.path / SHARD
    path.write_bytes(b"\0" * 9)
    damaged = project.call("history")
    assert (damaged.status, path.name in damaged.err) == (1, True)
    path.unlink()
    lacking = project.call("history")
    assert (lacking.status, "lacks a shard" in lacking.err) == (1, True)


def test_git_merges_shards_by_address(git: GitFolder, api: FakeAPI) -> None:
    project = configured(Project(git.path), api, many(20))
    applied(project)
    git.commit("base")
    git("branch", "side")
    configured(project, api, many(25))
    applied(project)
    git.commit("ours")
    git("checkout", "-q", "side")
    configured(project, api, many(20), completion("other", "other"), many(9).replace("many", "new"))
    applied(project)
    git.commit("theirs")
    git("checkout", "-q", "main")
    git("merge", "-q", "--no-commit", "side", fails=True)
    configured(project, api, many(25), completion("other", "other"), many(9).replace("many", "new"))
    git.commit("merged")
    before = len(api.requests)
    assert len(state(project)) == 35
    assert project.call("plan", "--detailed-exitcode").status == 0
    assert '"name":"00' in (git.path / "state/state.json").read_text()
    applied(project)
    assert "Warning" not in project.call("plan").err
    assert len(api.requests) == before
    assert git("diff", "--name-only") == "state/state.json"


@pytest.mark.parametrize("has_driver", [True, False])
def test_conflicts_in_shards_are_resolved_and_no_answer_is_lost(
    git: GitFolder, api: FakeAPI, *, has_driver: bool
) -> None:
    if not has_driver:
        git("config", "--remove-section", "merge.runner")
    blocks = [completion(name, f"base {name}") for name in "abcd"]
    project = configured(Project(git.path), api, *blocks)
    applied(project)
    git.commit("base")
    git("branch", "side")
    configured(project, api, completion("a", "ours"), *blocks[1:], completion("mine", "mine"))
    applied(project)
    git.commit("ours")
    git("checkout", "-q", "side")
    configured(project, api, completion("a", "theirs"), *blocks[1:], completion("other", "other"))
    applied(project)
    git.commit("theirs")
    git("checkout", "-q", "main")
    git("merge", "side", fails=True)
    both = completion("mine", "mine") + completion("other", "other")
    configured(project, api, completion("a", "theirs"), *blocks[1:], both)
    refused = project.call("plan")
    assert refused.status == 1
    assert "runner state resolve" in refused.err
    before = len(api.requests)
    ran = project.call("state", "resolve")
    assert ran.status == 0, ran.err
    assert "state/records" in ran.err
    assert state(project)["completion.a"] == "echo: theirs"
    assert {"completion.mine", "completion.other"} <= {*state(project)}
    assert project.call("plan", "--detailed-exitcode").status == 0
    assert len(api.requests) == before


def test_a_side_in_shards_and_one_in_one_file_are_resolved(git: GitFolder, api: FakeAPI) -> None:
    project = configured(Project(git.path), api, many(6), layout="")
    applied(project)
    git.commit("base")
    git("branch", "side")
    configured(project, api, many(8), layout="")
    applied(project)
    git.commit("ours")
    git("checkout", "-q", "side")
    configured(project, api, many(6), completion("other", "other"))
    applied(project)
    git.commit("theirs")
    git("checkout", "-q", "main")
    git("merge", "side", fails=True)
    configured(project, api, many(8), completion("other", "other"))
    before = len(api.requests)
    ran = project.call("state", "resolve")
    assert ran.status == 0, ran.err
    assert len(state(project)) == 9
    assert project.call("plan", "--detailed-exitcode").status == 0
    assert len(api.requests) == before


def test_a_layout_is_taken_up_and_left_by_an_apply_that_sends_nothing(
    tmp_path: Path, api: FakeAPI
) -> None:
    project = configured(Project(tmp_path), api, many(5), layout="")
    applied(project)
    held, before = project.state_file.read_bytes(), len(api.requests)
    configured(project, api, many(5))
    assert "from now on" in project.apply().err
    assert "from now on" not in project.apply().err
    assert len([*(tmp_path / "state/records").glob("*.jsonl")]) == 1
    assert project.call("state", "list").out.count("completion.many") == 5
    view = project.call("state", "mv", "completion.many[0]", "completion.moved")
    assert view.status == 0, view.err
    assert project.call("state", "mv", "completion.moved", "completion.many[0]").status == 0
    configured(project, api, many(5), layout=LAYOUT.replace("split", "one"))
    applied(project)
    assert project.state_file.read_bytes().partition(b"\n")[2] == held.partition(b"\n")[2]
    assert len(api.requests) == before
    configured(project, api, layout='[runner.state]\nlayout = "many"\n')
    ran = project.call("plan")
    assert (ran.status, "layout" in ran.err) == (1, True)


def test_a_workspace_in_shards_is_made_and_deleted(tmp_path: Path, api: FakeAPI) -> None:
    project = configured(Project(tmp_path), api, many(5))
    assert project.call("workspace", "new", "staging").status == 0
    applied(project, "--workspace", "staging")
    folder = tmp_path / "state/workspaces/staging"
    assert len([*(folder / "records").glob("*.jsonl")]) == 1
    assert project.call("workspace", "select", "default").status == 0
    assert project.call("workspace", "delete", "--force", "staging").status == 0
    assert not folder.exists()


def killed(project: Project, number: int) -> bool:
    """An apply that is killed right before it names the n-th file below `state`."""
    words = ("-m", "tests.harness.killed", str(number), "records", "-C", str(project.directory))
    done = subprocess.run(
        [sys.executable, *words, "apply", "--auto-approve"],
        cwd=ROOT,
        timeout=HANG,
        capture_output=True,
        check=False,
    )
    return done.returncode == -signal.SIGKILL


def kill(tmp_path: Path, numbers: range) -> int:
    """Nothing is paid twice, and what is read is whole; how often it was killed."""
    with serving() as api:
        large = completion("large", "{{ count.index }} {{ file('large.txt') }}", "count = 3")
        project = configured(Project(tmp_path), api, large, many(30))
        (tmp_path / "configs/large.txt").write_text("x" * 2_000_000)
        applied(project)
        assert len([*(tmp_path / "state/records").glob("*.jsonl")]) == 16
        kills = 0
        for number in numbers:
            configured(project, api, large, many(30, f"{number}: {{{{ count.index }}}}"))
            before = len(api.requests)
            kills += killed(project, number)
            assert len(state(project)) == 33
            assert len(api.requests) == before + 30
            applied(project)
            assert len(api.requests) == before + 30, "an answer was paid twice"
            assert {f"echo: {number}: {i}" for i in range(30)} < {*state(project).values()}
        assert len(prompts(api)) == len({*prompts(api)})
        return kills


def test_a_kill_between_two_shards_costs_nothing(tmp_path: Path) -> None:
    assert kill(tmp_path, range(20, 22)) == 2


@pytest.mark.endurance
@pytest.mark.timeout(3600)
def test_fifty_kills_between_shards_cost_nothing(tmp_path: Path) -> None:
    assert kill(tmp_path / "one", range(1, 28)) == 27
    assert kill(tmp_path / "two", range(6, 29)) == 23
