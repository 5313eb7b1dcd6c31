"""The door to git: what stands in commits, and nothing of a repository that is run."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.io.git.repository import Commit, Repository
from tests.harness.git import GitFolder

ODD = "a b/über\n\"q\" 'é'.json"


@pytest.fixture(autouse=True)
def no_settings_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))


@pytest.fixture
def made(tmp_path: Path) -> GitFolder:
    return GitFolder(tmp_path / "made")


def around(folder: Path) -> Repository:
    found = Repository.around(folder)
    assert found is not None
    return found


def subjects(commits: Iterator[Commit]) -> list[str]:
    return [commit.subject for commit in commits]


def test_outside_of_a_repository_there_is_none(tmp_path: Path) -> None:
    assert Repository.around(tmp_path) is None


def test_without_git_there_is_none(made: GitFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(made.path / "nothing"))
    assert Repository.around(made.path) is None


def test_in_the_git_folder_and_in_a_bare_one_there_is_no_worktree(made: GitFolder) -> None:
    made.commit("one", a="1")
    made("clone", "-q", "--bare", ".", "bare")
    assert Repository.around(made.path / ".git") is None
    assert Repository.around(made.path / "bare") is None
    made("config", "--add", "core.bare", "true")
    assert Repository.around(made.path) is None


def test_a_hook_does_not_say_which_repository_is_meant(
    made: GitFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = GitFolder(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_INDEX_FILE", "index")
    assert around(made.path).top == made.path


def test_a_ceiling_of_the_user_counts(made: GitFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    (made.path / "in").mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(made.path))
    assert Repository.around(made.path / "in") is None


def test_a_project_is_found_below_the_top(made: GitFolder) -> None:
    folder = made.path / "a\nb" / "ü c"
    folder.mkdir(parents=True)
    found = around(folder)
    assert (found.top, found.prefix) == (made.path, "a\nb/ü c/")
    assert found.path_of(folder / "state.json") == "a\nb/ü c/state.json"
    assert found.path_of(made.path.parent / "x") is None


def test_files_of_a_commit_are_read_by_any_name(made: GitFolder) -> None:
    made.write(ODD, "one")
    first = made.commit("first")
    made.write(ODD, b"\0two\n")
    made.write("a b/link", "")
    (made.path / "a b" / "link").unlink()
    (made.path / "a b" / "link").symlink_to("x")
    made.commit("second")
    repository = around(made.path)
    assert repository.read(first, ODD) == b"one"
    assert repository.read(repository.resolve("HEAD"), ODD) == b"\0two\n"
    assert repository.read(first, "none") is None
    assert repository.read(repository.resolve("HEAD"), "a b/link") is None
    assert repository.read(first, "a b") is None
    assert list(repository.tree(first, "a b")) == [ODD]
    assert list(repository.tree(first, "a b/")) == [ODD]
    assert list(repository.tree(first)) == [ODD]
    assert repository.tree(first, "a") == {}


def test_blobs_come_by_one_process_in_their_order(made: GitFolder) -> None:
    for number in range(20):
        made.write(f"f{number:02}", f"{number}\n" * 50_000)
    commit = made.commit("all")
    repository = around(made.path)
    ids = list(repository.tree(commit).values())
    found = list(repository.blobs([*ids, *reversed(ids)]))
    assert [blob for blob, _ in found] == [*ids, *reversed(ids)]
    assert [data[:2] for _, data in found[:2]] == [b"0\n", b"1\n"]
    assert list(repository.blobs([])) == []


def test_a_revision_that_is_none_is_told(made: GitFolder) -> None:
    with pytest.raises(RunnerError, match="has no commit yet"):
        around(made.path).resolve("HEAD")
    made.commit("one", a="1")
    made("branch", "feature")
    repository = around(made.path)
    with pytest.raises(RunnerError, match=r'"featur" names no commit.*Did you mean "?feature'):
        repository.resolve("featur")
    for revision in ("--all", "-h", "", "HEAD:a", "HEAD..main", "^HEAD", "HEAD@{99}", "HEAD\n"):
        with pytest.raises(RunnerError, match="names no commit"):
            repository.resolve(revision)
        assert not repository.names_commit(revision)
    assert repository.names_commit("feature~0")


def history(made: GitFolder) -> None:
    """Two sides that change the same file, and merges: one takes a side, one is neither."""
    made.commit("root", s="0", t="0")
    made("checkout", "-qb", "side")
    made.commit("side", s="1")
    made("checkout", "-q", "main")
    made.commit("elsewhere", t="1")
    made("merge", "-q", "--no-ff", "-m", "taken", "side")
    made.commit("here", s="2")
    made("checkout", "-q", "side")
    made.commit("there", s="3")
    made("checkout", "-q", "main")
    made("merge", "-q", "side", fails=True)
    made.commit("both", s="4")
    made("rm", "-q", "s")
    made.commit("gone")


def test_a_commit_counts_that_changed_the_file_against_all_its_parents(made: GitFolder) -> None:
    history(made)
    repository = around(made.path)
    found = list(repository.commits("s"))
    assert [one.subject for one in found] == ["gone", "both", "there", "here", "side", "root"]
    gone, both, there, here, side, root = found
    assert gone.blobs == ()
    assert gone.before == (both.blobs,)
    assert both.before == (here.blobs, there.blobs)
    assert len(both.parents) == 2
    assert side.before == (root.blobs,)
    assert (root.parents, root.before) == ((), ((),))
    assert (root.author, root.date) == ("Ada", "2026-01-01T00:01:00Z")
    assert repository.merge_base("main", "side") == there.id


def test_commits_begin_and_end_where_they_are_asked_to(made: GitFolder) -> None:
    history(made)
    repository = around(made.path)
    side = repository.resolve("side")
    assert subjects(repository.commits("s", tip="side")) == ["there", "side", "root"]
    assert subjects(repository.commits("s", after=side)) == ["gone", "both", "here"]
    assert subjects(repository.commits("s", since="2026-01-01T00:06:00Z")) == ["gone", "both"]
    assert next(repository.commits("s")).subject == "gone"  # and the rest is left


def test_all_of_it_holds_from_a_folder_below_the_top(made: GitFolder) -> None:
    first = made.commit("one", **{"a/b/s": "1", "x": "1"})
    made.commit("two", **{"a/b/s": "2"})
    repository = around(made.path / "a" / "b")
    assert subjects(repository.commits("a/b/s")) == ["two", "one"]
    assert repository.read(first, "a/b/s") == b"1"
    assert list(repository.tree(first)) == ["a/b/s", "x"]
    assert repository.attribute("a/b/s", "diff") == "unspecified"
    assert repository.cut_off() == frozenset()


def test_two_without_a_common_commit_are_told(made: GitFolder) -> None:
    made.commit("one", a="1")
    made("checkout", "-q", "--orphan", "other")
    made.commit("two", a="2")
    with pytest.raises(RunnerError, match="no commit in common"):
        around(made.path).merge_base("main", "other")


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_both_kinds_of_digests_work_and_so_does_a_detached_head(tmp_path: Path, form: str) -> None:
    made = GitFolder(tmp_path / "of", f"--object-format={form}")
    first = made.commit("one", s="1")
    made.commit("two", s="2")
    made("checkout", "-q", "--detach", first)
    repository = around(made.path)
    assert repository.read(repository.resolve("HEAD"), "s") == b"1"
    assert subjects(repository.commits("s")) == ["one"]


def test_worktrees_and_borrowed_objects_work(made: GitFolder, tmp_path: Path) -> None:
    made.commit("one", s="1")
    made("worktree", "add", "-q", "-b", "aside", "../tree")
    aside = around(tmp_path / "tree")
    assert aside.top == tmp_path / "tree"
    assert aside.read(aside.resolve("aside"), "s") == b"1"
    made("clone", "-q", "--shared", ".", "../shared")
    shared = around(tmp_path / "shared")
    assert shared.read(shared.resolve("HEAD"), "s") == b"1"


def test_a_shallow_clone_says_so(made: GitFolder, tmp_path: Path) -> None:
    first = made.commit("one", s="1")
    second = made.commit("two", s="2")
    made("clone", "-q", "--depth=1", f"file://{made.path}", "../cut")
    cut, whole = around(tmp_path / "cut"), around(made.path)
    assert (cut.is_shallow, whole.is_shallow) == (True, False)
    assert (cut.cut_off(), whole.cut_off()) == (frozenset([second]), frozenset())
    with pytest.raises(RunnerError, match="shallow"):
        cut.resolve(first)


def test_what_a_partial_clone_left_out_is_not_fetched(made: GitFolder, tmp_path: Path) -> None:
    made.commit("one", s="1")
    made.commit("two", s="2")
    made("config", "uploadpack.allowFilter", "true")
    made("clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{made.path}", "../part")
    ran = tmp_path / "ran"
    part = GitFolder(tmp_path / "part")
    part("config", "protocol.ext.allow", "always")
    part("config", "remote.origin.url", f"ext::sh -c touch% {ran}")
    part("config", "remote.origin.uploadpack", f"touch {ran};")
    repository = around(part.path)
    assert subjects(repository.commits("s")) == ["two", "one"]
    with pytest.raises(RunnerError, match="partial"):
        repository.read(repository.resolve("HEAD"), "s")
    part("config", "remote.origin.url", f"file://{made.path}")
    with pytest.raises(RunnerError, match="partial"):
        repository.read(repository.resolve("HEAD"), "s")
    assert not ran.exists()


HOSTILE = {
    "core.fsmonitor": "{}",
    "core.sshCommand": "{}",
    "core.askPass": "{}",
    "core.pager": "{}",
    "core.editor": "{}",
    "core.alternateRefsCommand": "{}",
    "pager.log": "{}",
    "diff.external": "{}",
    "diff.evil.command": "{}",
    "diff.evil.textconv": "{}",
    "filter.evil.clean": "{}",
    "filter.evil.smudge": "{}",
    "filter.evil.process": "{}",
    "alias.log": "!{}",
    "alias.rev-parse": "!{}",
    "gpg.program": "{}",
    "log.showSignature": "true",
    "credential.helper": "!{}",
    "interactive.diffFilter": "{}",
    "core.hooksPath": "hooks",
}


def test_nothing_that_a_repository_names_is_run(made: GitFolder, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    evil = made.write("hooks/evil", f"#!/bin/sh\necho \"$0 $*\" >> '{ran}'\ncat\n")
    evil.chmod(0o755)
    for hook in ("post-checkout", "reference-transaction", "post-index-change", "fsmonitor"):
        shutil.copy(evil, evil.parent / hook)
    made.write(".gitattributes", "* diff=evil filter=evil\n")
    made.commit("one", s="1")
    signed = made("cat-file", "commit", "HEAD").replace(
        "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n x\n -----END PGP SIGNATURE-----\n\n", 1
    )
    made(
        "update-ref",
        "HEAD",
        made("hash-object", "-t", "commit", "-w", "--stdin", data=signed.encode()),
    )
    made.commit("two", s="2")
    for name, value in HOSTILE.items():
        made("config", name, value.format(evil))
    repository = around(made.path)
    head = repository.resolve("HEAD")
    assert repository.read(head, "s") == b"2"
    assert subjects(repository.commits("s")) == ["two", "one"]
    assert repository.tree(head)
    assert repository.merge_base("HEAD", "HEAD~1")
    assert not repository.is_shallow
    assert repository.attribute("s", "diff") == "evil"
    repository.configure("merge.mine.name", "x")
    assert repository.setting("merge.mine.name") == "x"
    assert not ran.exists(), ran.read_text()


def test_a_repository_of_another_user_is_refused_as_git_refuses_it(
    made: GitFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIT_TEST_ASSUME_DIFFERENT_OWNER is git's own, and is not passed on: a program stands in."""
    real = shutil.which("git")
    shim = tmp_path / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {real} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(shim.parent), os.environ["PATH"])))
    with pytest.raises(RunnerError, match=r"safe\.directory"):
        Repository.around(made.path)
    trusted = f"[safe]\n\tdirectory = {made.path}\n"
    (tmp_path / "home" / ".gitconfig").write_text(trusted)
    assert Repository.around(made.path) is not None


def test_a_configuration_that_is_none_is_told(made: GitFolder) -> None:
    made.write(".git/config", "[core\n")
    with pytest.raises(RunnerError, match="Git failed"):
        Repository.around(made.path)


def test_a_worktree_that_is_nowhere_is_told_with_the_line_that_says_so(made: GitFolder) -> None:
    made("config", "core.worktree", "../../nowhere")
    with pytest.raises(RunnerError, match=r"core\.worktree in the configuration of the repository"):
        around(made.path)


def test_a_worktree_that_is_elsewhere_is_not_around(made: GitFolder, tmp_path: Path) -> None:
    made("config", "core.worktree", str(tmp_path / "home"))
    assert Repository.around(made.path) is None


def test_settings_and_attributes_are_read_and_written(made: GitFolder) -> None:
    repository = around(made.path)
    assert repository.setting("merge.runner.driver") is None
    repository.configure("merge.runner.driver", "runner merge-driver %O %A %B")
    assert made("config", "--local", "merge.runner.driver") == "runner merge-driver %O %A %B"
    made.write(".gitattributes", "state/*.json merge=runner -diff\n")
    assert repository.attribute("state/x.json", "merge") == "runner"
    assert repository.attribute("state/x.json", "diff") == "unset"
    assert repository.attribute("other", "diff") == "unspecified"
