"""What the README shows is true: its configurations plan, its transcript happens again."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner.cli.parser.verbs import VERBS
from runner.core.expressions import functions
from runner.core.language import names
from runner.io.state.local import LOCK, NAME, OUTPUTS
from tests import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
CONFIGURATIONS = [text for kind, text in BLOCKS if kind == "toml"]
TRANSCRIPT = next(text for kind, text in BLOCKS if kind == "console")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The runner as a user calls it."""
    command = [sys.executable, "-m", "runner", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def project(folder: Path, configuration: str) -> Path:
    configs = folder / "configs"
    (configs / "modules" / "essay").mkdir(parents=True)
    (configs / "modules" / "essay" / "main.toml").write_text(
        '[variable.topic]\ntype = "string"\n[completion.draft]\n'
        'messages = [{ role = "user", content = "An essay on {{ var.topic }}." }]\n'
        '[output.text]\nvalue = "{{ completion.draft.content }}"\n'
    )
    shutil.copytree(ROOT / "configs" / "data", configs / "data")
    (configs / "main.toml").write_text(configuration)
    return folder


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_configurations_in_the_readme_are_valid(tmp_path: Path, configuration: str) -> None:
    done = run(project(tmp_path, configuration), "validate")
    assert (done.returncode, done.stdout) == (0, "Success! The configuration is valid.\n"), done


def test_the_first_plan_of_the_transcript_happens_again(tmp_path: Path) -> None:
    done = run(project(tmp_path, CONFIGURATIONS[0]), "plan")
    shown = TRANSCRIPT.partition("$ runner plan\n")[2].partition("$ runner apply")[0]
    assert (done.returncode, done.stdout) == (0, shown)


def test_the_error_in_the_readme_is_what_is_said(tmp_path: Path) -> None:
    folder = project(tmp_path, "")
    (folder / "configs" / "main.toml").unlink()
    chain = (ROOT / "configs" / "chain.toml").read_text()
    broken = chain.replace("temperature = 0", "temprature = 0", 1)
    (folder / "configs" / "chain.toml").write_text(broken)
    shown = next(text for kind, text in BLOCKS if kind == "text")
    done = run(folder, "plan")
    assert (done.returncode, done.stderr.strip()) == (1, shown.strip())


def test_the_hcl_in_the_readme_converts_to_a_valid_configuration(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(next(text for kind, text in BLOCKS if kind == "hcl"))
    converted = run(tmp_path, "convert", "main.tf")
    assert (converted.returncode, converted.stderr) == (0, "")
    folder = project(tmp_path, converted.stdout)
    assert run(folder, "validate").returncode == 0
    planned = run(folder, "plan", "--var", "topic=rivers")
    assert 'messages[0].content: "Tell me about rivers."' in planned.stdout


PYTHON = next(text for kind, text in BLOCKS if kind == "python")
NOTEBOOK = """
import asyncio

async def cell():
    exec({code!r}, {{}})

asyncio.run(cell())
"""


@pytest.mark.parametrize("code", [PYTHON, NOTEBOOK.format(code=PYTHON)], ids=["script", "notebook"])
def test_the_python_in_the_readme_plans_and_applies(tmp_path: Path, code: str) -> None:
    assert len(PYTHON.splitlines()) <= 15
    project(tmp_path / "hello", CONFIGURATIONS[0])
    said = "import sys; print([name for name in sys.modules if name.startswith('runner.cli')])"
    command = [sys.executable, "-c", f"{code}\n{said}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "issue completion.list will be issued"
    assert "Plan: 1 to issue" in done.stdout
    assert "Done completion.remark" in done.stdout
    assert lines[-1] == "[]"


def test_every_command_is_in_the_readme() -> None:
    named = set(re.findall(r"^\| `runner ([a-z-]+)", README, re.MULTILINE))
    assert named == set(VERBS)


def test_every_function_block_and_meta_argument_is_in_the_readme() -> None:
    words = set(re.findall(r"\w+", README))
    assert {*functions.NAMES, *names.BLOCKS, *names.META} - words == set()


def test_every_file_of_a_state_is_in_the_readme() -> None:
    for name in (NAME, OUTPUTS, LOCK):
        assert f"`state/{name}`" in README


def test_the_examples_of_the_repository_are_valid() -> None:
    done = run(ROOT, "validate")
    assert (done.returncode, done.stdout) == (0, "Success! The configuration is valid.\n"), done


@pytest.mark.parametrize("given", [(), ("--var", "openai=true")])
def test_the_examples_are_asked_for_without_a_warning_of_the_runner_s_own(
    tmp_path: Path, given: tuple[str, ...]
) -> None:
    """Tools and a store are asked for only where they are: OpenAI has them."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    named = {"RUNNER_PROVIDER": "openai"} if given else {}
    command = [sys.executable, "-m", "runner", "plan", *given]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **named}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert ("tools[0]" in done.stdout, "store: true" in done.stdout) == (bool(given),) * 2


def test_ci_runs_the_readme_s_test_command() -> None:
    command = 'pip install -e ".[test]" && python -m tests'
    assert command in README
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert any("-e" in line and ".[test]" in line for line in lines)
    assert lines[-1] == "python -m tests"
