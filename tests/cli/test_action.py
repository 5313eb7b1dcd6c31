"""The GitHub action: its steps, run as a composite action runs them."""

import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.errors import DISTRIBUTION
from tests import ROOT
from tests.harness.project import Project, completion, provider, serving

ACTION = (ROOT / ".github/actions/plan/action.yml").read_text()
INSTALL, PLAN = (
    textwrap.dedent(block or line)
    for block, line in re.findall(
        r"^ {6}run: (?:\|\n((?: {8}.*\n|\n)+)|(.*)\n)", ACTION, re.MULTILINE
    )[:2]
)


@dataclass(frozen=True, slots=True)
class Step:
    """How a step ended, what it told the next ones, the comment it wrote, and its log."""

    status: int
    outputs: str
    comment: str
    log: str = ""

    @property
    def commands(self) -> list[str]:
        """The lines of the log that GitHub obeys, beside those that stop it and let it go on."""
        found: list[str] = []
        token = None
        for line in map(str.strip, self.log.splitlines()):
            stop = re.fullmatch(r"::stop-commands::(.+)", line)
            if token is not None and line == f"::{token}::":
                token = None
            elif token is None and stop is not None:
                token = stop[1]
            elif token is None and re.match(r"::[\w-]+.*::|##\[", line):
                found.append(line)
        assert token is None
        return found


def blocks(comment: str) -> list[str]:
    """The fenced blocks of a comment (CommonMark 4.5); what is outside of them is ours."""
    found: list[str] = []
    fence = None
    for line in comment.splitlines():
        mark = re.match(r"`{3,}", line)
        if fence is None and mark is not None:
            fence = mark[0]
            found.append("")
        elif (
            fence is not None
            and line.rstrip().strip("`") == ""
            and len(line.rstrip()) >= len(fence)
        ):
            fence = None
        elif fence is not None:
            found[-1] += f"{line}\n"
        else:
            assert "@" not in line
            assert "<" not in line.replace("<details>", "").replace("</details>", "").replace(
                "<summary>", ""
            ).replace("</summary>", "")
    assert fence is None
    return found


def step(project: Project, base: str = "", runner: str = '"$PYTHON" -m runner "$@"') -> Step:
    """The step that plans, in the project's folder; `runner` is the command of this name."""
    folder = project.directory.parent
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "runner").write_text(f"#!/bin/sh\n{runner}\n")
    (tools / "runner").chmod(0o755)
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    told = temporary / "output"
    told.write_text("")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", PLAN],
        cwd=project.directory,
        env={
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT),
            "RUNNER_TEMP": str(temporary),
            "GITHUB_OUTPUT": str(told),
            "DIRECTORY": ".",
            "BASE": base,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    comment = temporary / "comment.md"
    return Step(
        done.returncode,
        told.read_text(),
        comment.read_text() if comment.exists() else done.stderr,
        done.stdout,
    )


def git(folder: Path, *words: str) -> str:
    """A git command's output."""
    given = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
    return subprocess.run(given, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def test_the_comment_has_the_plan_and_the_answers_that_change(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "first"))
        assert project.apply().status == 0
        (project.directory / ".gitignore").write_text("state/cache/\n*.backup\n")
        git(project.directory, "init", "-q")
        git(project.directory, "add", "-A")
        git(project.directory, "commit", "-qm", "base")
        base = git(project.directory, "rev-parse", "HEAD").strip()
        git(project.directory, "remote", "add", "origin", str(project.directory))
        project.write(provider(api) + completion("a", "second"))
        assert project.apply().status == 0
        project.write(provider(api) + completion("a", "third"))
        done = step(project, base)
    assert (done.status, done.outputs) == (0, "changes=true\n")
    assert "Plan: 1 to re-issue." in done.comment
    assert '-  "a": "echo: first"\n+  "a": "echo: second"' in done.comment


def test_nothing_to_do_is_no_change_and_a_base_that_is_not_there_no_fault(
    project: Project,
) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "hi"))
        assert project.apply().status == 0
        done = step(project, "no-such-revision")
    assert (done.status, done.outputs) == (0, "changes=false\n")
    assert "No changes." in done.comment


HOSTILE = """\
::error::all is lost
  ::set-output name=changes::false
::add-mask::planets
##[error]no
::stop-commands::endtoken
````
@octocat <b>bold</b> <!-- runner plan -->
```
</details>
~~~~~~~~~~"""


def test_no_prompt_and_no_answer_speaks_to_github(project: Project) -> None:
    """Neither as a command in the log, nor as Markdown in the comment."""
    with serving() as api:
        project.write(provider(api) + completion("a", HOSTILE))
        assert project.apply().status == 0
        (project.directory / ".gitignore").write_text("state/cache/\n*.backup\n")
        git(project.directory, "init", "-q")
        git(project.directory, "add", "-A")
        git(project.directory, "commit", "-qm", "base")
        base = git(project.directory, "rev-parse", "HEAD").strip()
        git(project.directory, "remote", "add", "origin", str(project.directory))
        project.write(provider(api) + completion("a", f"{HOSTILE}\nmore"))
        assert project.apply().status == 0
        project.write(provider(api) + completion("a", "{% raw %}::debug::x{% endraw %}", "n = 2"))
        done = step(project, base)
    assert (done.status, done.outputs) == (0, "changes=true\n")
    assert "::error::all is lost" in done.log
    assert done.commands == []
    plan, answers = blocks(done.comment)
    assert "@octocat" in plan
    assert "@octocat" in answers


def test_no_two_runs_stop_commands_by_the_same_token(project: Project) -> None:
    project.write(completion("a", "hi") + '[provider.openai]\nbase_url = "http://127.0.0.1:9"\n')
    tokens = [re.findall(r"::stop-commands::([0-9a-f]{32})\n", step(project).log) for _ in range(2)]
    assert len({token for (token,) in tokens}) == 2


@pytest.mark.parametrize("ends", ["exit 1", "exit 127", "kill -9 $$"])
def test_a_plan_that_could_not_be_made_fails_the_step(project: Project, ends: str) -> None:
    done = step(project, runner=ends)
    assert (done.status, done.outputs) == (1, "")


def test_a_plan_that_is_cut_stays_in_its_block(project: Project) -> None:
    """GitHub takes 65,536 characters; what follows is text again."""
    done = step(project, runner='"$PYTHON" -c "print(40000 * chr(120))"; exit 2')
    assert done.status == 0
    assert done.comment.splitlines()[-1] == "```"
    assert len(done.comment) < 31_000
    assert "Only the first 30000 of 40001 bytes are shown." in done.comment


def test_the_action_installs_the_runner_that_it_is_part_of() -> None:
    """Not whatever a package index has under this name."""
    said = f'pip() {{ echo "$@"; }}\n{INSTALL}'
    where = {"GITHUB_ACTION_PATH": str(ROOT / ".github/actions/plan"), "VERSION": ""}
    told = subprocess.run(
        ["bash", "-c", said], env=where, capture_output=True, text=True, check=True
    ).stdout.split()
    assert Path(told[-1]).resolve() == ROOT
    assert f'name = "{DISTRIBUTION}"' in (Path(told[-1]) / "pyproject.toml").read_text()


def test_each_hook_for_pre_commit_is_a_command_that_takes_the_folder(tmp_path: Path) -> None:
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text()
    ids = re.findall(r"^- id: (.*)$", hooks, re.MULTILINE)
    entries = re.findall(r"^  entry: runner (.*)$", hooks, re.MULTILINE)
    assert ids == ["runner-validate", "runner-fmt", "runner-offline"]
    assert len(entries) == len(ids)
    with serving() as api:
        project = Project(tmp_path / "sub")
        project.write(provider(api) + completion("a", "b"))
        assert project.apply().status == 0
        above = Project(tmp_path)
        for entry in entries:
            ran = above.call(*entry.split(), "-C", str(project.directory))
            assert ran.status == 0, ran.err
        assert len(api.completions) == 1
