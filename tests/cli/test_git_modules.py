"""Modules of repositories: `runner init` fetches and pins them, and nothing else does."""

from pathlib import Path

import pytest

from tests.harness.git import GitFolder
from tests.harness.project import Project, completion

LOCK = "configs/.modules.lock.toml"
ESSAY = """
[variable.topic]
type = "string"
[completion.draft]
model = "m"
messages = [{ role = "user", content = "{{ file('prompts/tone.txt') }} {{ var.topic }}" }]
[module.other]
source = "../other"
[output.text]
value = "{{ completion.draft.content }}"
"""
OTHER = completion("inner", "{{ file(fileset('*.txt')[0]) }}")


@pytest.fixture
def git(tmp_path: Path) -> GitFolder:
    made = GitFolder(tmp_path.parent / f"{tmp_path.name}-remote")
    made.write("essay/main.toml", ESSAY)
    made.write("essay/prompts/tone.txt", "Gravely:")
    made.write("other/main.toml", OTHER)
    made.write("other/hello.txt", "hello")
    made.commit("one")
    made("tag", "v1")
    return made


def calls(project: Project, git: GitFolder, ref: str = "v1", folder: str = "essay") -> None:
    source = f"git::file://{git.path}//{folder}?ref={ref}"
    project.write(f'[module.essay]\nsource = "{source}"\ntopic = "volcanoes"\n', "main.toml")


def init(project: Project, git: GitFolder, *words: str) -> str:
    """What it says where all goes well."""
    ran = project.call("init", "--trust", f"file://{git.path}", *words)
    assert ran.status == 0, ran.err
    return ran.err


def text(project: Project, name: str = LOCK) -> str:
    return (project.directory / name).read_text()


def checkout(project: Project) -> Path:
    (found,) = (one for one in (project.directory / "configs/.modules").iterdir() if one.is_dir())
    return found


def refuses(project: Project, git: GitFolder) -> str:
    ran = project.call("init", "--trust", f"file://{git.path}")
    assert ran.status == 1
    assert "configs/main.toml line 2" in ran.err
    assert not (project.directory / LOCK).exists()
    assert "Traceback" not in ran.err
    return ran.err


def test_init_fetches_and_pins_and_a_plan_reads(project: Project, git: GitFolder) -> None:
    calls(project, git)
    before = project.call("plan")
    assert before.status == 1
    assert "Module is not fetched" in before.err
    assert "configs/main.toml line 2" in before.err
    assert f"runner -C {project.directory} init" in before.err
    said = init(project, git)
    commit = git("rev-parse", "HEAD")
    assert f"Fetching file://{git.path} at v1\n" in said
    assert f"Fetched file://{git.path} at v1, commit {commit[:12]}" in said
    assert f'commit = "{commit}"' in text(project)
    plan = project.call("plan")
    assert plan.status == 0, plan.err
    assert "Gravely: volcanoes" in plan.out
    assert "module.essay.module.other.completion.inner" in plan.out
    assert project.call("fmt", "--check").status == 0
    assert "is there already" in init(project, git)


def test_what_is_fetched_is_committed_to_no_repository(project: Project, git: GitFolder) -> None:
    own = GitFolder(project.directory)
    calls(project, git)
    init(project, git)
    own("add", "-A")
    added = own("diff", "--cached", "--name-only").splitlines()
    assert LOCK in added
    assert not [name for name in added if ".modules/" in name]


def test_the_pinned_commit_is_taken_until_an_upgrade(project: Project, git: GitFolder) -> None:
    calls(project, git, "main")
    init(project, git)
    held = text(project)
    git.write("essay/prompts/tone.txt", "Lightly:")
    git.commit("two")
    for folder in checkout(project).parent.iterdir():
        if folder.is_dir():
            folder.rename(project.directory / "moved")
    missing = project.call("plan")
    assert "is pinned, and not on this machine" in " ".join(missing.err.split())
    init(project, git)
    assert text(project) == held
    assert "Gravely: volcanoes" in project.call("plan").out
    init(project, git, "--upgrade")
    assert f'commit = "{git("rev-parse", "HEAD")}"' in text(project)
    assert "Lightly: volcanoes" in project.call("plan").out
    assert checkout(project)  # the one of before is gone


def test_a_changed_checkout_is_an_error_and_init_mends_it(project: Project, git: GitFolder) -> None:
    calls(project, git)
    init(project, git)
    (checkout(project) / "essay/prompts/tone.txt").write_text("Mine:")
    changed = project.call("plan")
    assert changed.status == 1
    assert "Module is changed" in changed.err
    assert "configs/main.toml line 2" in changed.err
    init(project, git)
    assert project.call("plan").status == 0
    (checkout(project) / "essay/more.toml").symlink_to("main.toml")
    assert "is a link" in project.call("plan").err


def test_a_commit_that_holds_something_else_than_was_locked(
    project: Project, git: GitFolder
) -> None:
    calls(project, git)
    init(project, git)
    lock = project.directory / LOCK
    head, _, _ = lock.read_text().partition("sha256:")
    lock.write_text(f'{head}sha256:{"0" * 64}"\n')
    ran = project.call("init", "--trust", f"file://{git.path}")
    assert ran.status == 1
    assert "Module is not what was locked" in ran.err
    lock.write_text("[[module]]\nsource = 1\n")
    assert "Lock file is damaged" in project.call("plan").err


def test_nothing_is_fetched_that_nobody_agreed_to(project: Project, git: GitFolder) -> None:
    calls(project, git)
    ran = project.call("init")
    assert ran.status != 0
    assert f"fetch modules with git from file://{git.path}" in " ".join(ran.err.split())
    assert f"--trust file://{git.path}" in " ".join(ran.err.split())
    assert "Fetching" not in ran.err
    assert not (project.directory / "configs/.modules").exists()


def test_modules_of_repositories_name_others(
    project: Project, git: GitFolder, tmp_path: Path
) -> None:
    outer = GitFolder(tmp_path.parent / f"{tmp_path.name}-outer")
    inner = f'[module.in]\nsource = "git::file://{git.path}//other?ref=v1"\n'
    outer.commit("one", **{"main.toml": inner})
    calls(project, outer, "HEAD")
    source = f'[module.essay]\nsource = "git::file://{outer.path}"\n'
    project.write(source, "main.toml")
    ran = project.call("init", "--trust", f"file://{outer.path},file://{git.path}")
    assert ran.status == 0, ran.err
    assert text(project).count("[[module]]") == 2
    assert "module.essay.module.in.completion.inner" in project.call("plan").out


@pytest.mark.parametrize("asked", ["source = '../../../main'", "x = '{{ file(\"../../a.txt\") }}'"])
def test_a_module_of_others_reads_its_own_files_alone(
    project: Project, git: GitFolder, asked: str
) -> None:
    project.write("[variable.a]\ndefault = 1\n", "main/main.toml")
    project.write("mine", "a.txt")
    key = asked.partition(" ")[0]
    git.write(
        "essay/main.toml",
        f"[module.m]\n{asked}\n"
        if key == "source"
        else f"[locals]\n{asked}\n[output.o]\nvalue = '{{{{ local.x }}}}'\n",
    )
    git.commit("reads what is the project's")
    project.write(
        f'[module.essay]\nsource = "git::file://{git.path}//essay?ref=main"\n'
        '[output.o]\nvalue = "{{ module.essay.o }}"\n'
        if key == "x"
        else f'[module.essay]\nsource = "git::file://{git.path}//essay?ref=main"\n',
        "main.toml",
    )
    init(project, git)
    ran = project.call("plan")
    assert ran.status == 1
    assert "leads out of the repository that this module was fetched from" in " ".join(
        ran.err.split()
    )


def test_a_link_in_a_repository_is_refused(project: Project, git: GitFolder) -> None:
    (git.path / "essay/keys.txt").symlink_to("/etc/passwd")
    git.commit("a link")
    calls(project, git, "main")
    assert "Module holds a link" in refuses(project, git)


@pytest.mark.parametrize("name", ["..", ".GIT", "a\\b"])
def test_a_name_that_leads_elsewhere_is_refused(
    project: Project, git: GitFolder, name: str
) -> None:
    blob = git("hash-object", "-w", "--stdin", data=b"x")
    inner = git("mktree", data=f"100644 blob {blob}\tevil.toml\n".encode())
    kind = "100644 blob" if "\\" in name else "040000 tree"
    tree = git("mktree", data=f"{kind} {blob if 'blob' in kind else inner}\t{name}\n".encode())
    git("branch", "evil", git("commit-tree", tree, "-m", "evil"))
    calls(project, git, "evil", "")
    project.write(f'[module.essay]\nsource = "git::file://{git.path}?ref=evil"\n', "main.toml")
    refuses(project, git)
    assert not list(project.directory.rglob("evil.toml"))


def test_a_tree_without_end_is_refused(project: Project, git: GitFolder) -> None:
    """Ten folders of ten, eight deep: a hundred million names in a few hundred bytes."""
    tree = git("mktree", data=b"")
    for _ in range(8):
        lines = "".join(f"040000 tree {tree}\td{at}\n" for at in range(10))
        tree = git("mktree", data=lines.encode())
    git("branch", "bomb", git("commit-tree", tree, "-m", "bomb"))
    calls(project, git, "bomb")
    assert "Repository is too large" in refuses(project, git)


def test_nothing_of_a_repository_is_run(project: Project, git: GitFolder, tmp_path: Path) -> None:
    """No filter, hook or submodule; what is read is what stands in the commit."""
    mark = tmp_path / "ran"
    git.write(".gitattributes", "*.txt filter=evil export-subst\n*.toml export-ignore\n")
    git.write(".gitmodules", f'[submodule "s"]\n\tpath = s\n\turl = ext::touch {mark}\n')
    git("update-index", "--add", "--cacheinfo", f"160000,{git('rev-parse', 'HEAD')},s")
    git.commit("evil")
    git("config", "filter.evil.smudge", f"touch {mark}")
    git("config", "uploadpack.packObjectsHook", f"touch {mark}")
    for hook in ("post-checkout", "post-merge", "reference-transaction"):
        git.write(f".git/hooks/{hook}", f"#!/bin/sh\ntouch {mark}\n").chmod(0o755)
    calls(project, git, "main")
    init(project, git)
    assert project.call("plan").status == 0
    assert not mark.exists()


def test_what_cannot_be_fetched_is_told_where_it_is_named(project: Project, git: GitFolder) -> None:
    calls(project, git, "v9")
    assert "v9" in refuses(project, git)
    for ref in ("--upload-pack=id", "+main:x", "a..b"):
        calls(project, git, ref)
        assert "Source is elsewhere" in refuses(project, git)


def test_a_project_without_them_has_nothing_to_fetch(project: Project) -> None:
    project.write(completion("a", "hi"))
    ran = project.call("init")
    assert (ran.status, ran.out) == (0, "")
    assert "nothing is to be fetched" in ran.err
    assert not (project.directory / LOCK).exists()


def test_the_top_of_a_repository_lists_its_files(project: Project, git: GitFolder) -> None:
    git.commit("top", **{"main.toml": OTHER, "top.txt": "from the top"})
    project.write(f'[module.essay]\nsource = "git::file://{git.path}?ref=main"\n', "main.toml")
    init(project, git)
    assert "from the top" in project.call("plan").out
