"""--help teaches each command with an example that the parser takes."""

import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from runner import __version__
from runner.cli.parser.arguments import parser
from runner.cli.parser.parser import LateVerbs, Parser
from runner.cli.parser.verbs import VERBS
from tests.harness.project import Project

ACTIONS = {
    "state": ("list", "show", "mv", "rm", "pull", "push"),
    "cache": ("info", "push", "pull", "import", "prune", "clear"),
    "batch": ("list", "collect", "wait", "cancel", "forget"),
    "workspace": ("list", "show", "select", "new", "delete"),
}
COMMANDS = [*VERBS, *(f"{verb} {name}" for verb, names in ACTIONS.items() for name in names)]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_an_example_that_parses(tmp_path: Path, command: str) -> None:
    ran = Project(tmp_path).call(*command.split(), "--help")
    assert ran.status == 0
    assert ran.err == ""
    _, _, example = ran.out.partition("example:\n")
    line = example.strip().splitlines()[0]
    line = line.split(" | ")[-1].split(" > ")[0]
    program, *arguments = shlex.split(line)
    assert program == "runner"
    assert arguments[: len(command.split())] == command.split()
    assert parser().parse_args(arguments).module


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ACTIONS])
def test_each_command_has_a_module_that_carries_it_out(tmp_path: Path, command: str) -> None:
    _, _, example = Project(tmp_path).call(*command.split(), "--help").out.partition("example:\n")
    line = example.strip().splitlines()[0].split(" | ")[-1].split(" > ")[0]
    arguments = parser().parse_args(shlex.split(line)[1:])
    assert callable(import_module(f"runner.cli.commands.{arguments.module}").run)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_is_for_breaks_between_words_where_the_terminal_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    told = Project(tmp_path).call(*command.split(), "--help").out.partition("\n\n")[2]
    prose = [line for line in told.partition("options:")[0].splitlines() if line[:1] != " "]
    assert max(map(len, prose)) <= 60
    assert prose[0][0].isupper()


def test_indented_lines_of_a_help_stand_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    line = "\n  fish: runner shell-completion fish > ~/.config/fish/completions/runner.fish\n"
    assert line in Project(tmp_path).call("shell-completion", "--help").out


def test_the_help_of_all_names_every_command(tmp_path: Path) -> None:
    ran = Project(tmp_path).call("--help")
    assert ran.status == 0
    for verb in VERBS:
        assert f"\n    {verb} " in ran.out
    assert "examples:" in ran.out


def test_the_example_of_output_is_one_that_init_writes(tmp_path: Path) -> None:
    project = Project(tmp_path / "hello")
    (project.directory / "configs").rmdir()
    assert project.call("init").status == 0
    _, _, examples = project.call("--help").out.partition("examples:\n")
    named = re.search(r"runner output (\w+)", examples)
    assert named is not None
    assert f"[completion.{named[1]}]" in (project.directory / "configs/main.toml").read_text()


def test_the_version(tmp_path: Path) -> None:
    assert Project(tmp_path).call("--version").out == f"runner {__version__}\n"


@pytest.mark.parametrize("order", ["before", "after"])
def test_global_flags_may_stand_on_either_side(tmp_path: Path, order: str) -> None:
    flags = ["--state", "elsewhere", "--no-color"]
    line = [*flags, "plan"] if order == "before" else ["plan", *flags]
    found = parser().parse_args(line)
    assert (found.state, found.no_color, found.config) == ("elsewhere", True, "configs")


def test_the_parser_of_a_verb_is_made_when_the_verb_is_named() -> None:
    top, made = Parser(), list[str]()
    verbs: Any = top.add_subparsers(action=LateVerbs)

    def expect(name: str) -> None:
        def make() -> None:
            made.append(name)
            verbs.add_parser(name, help=f"do {name}")

        verbs.expect(name, make)

    for name in ("first", "second"):
        expect(name)
    top.parse_args(["second"])
    assert made == ["second"]
    assert top.verbs_in_words == (("first", "do first"), ("second", "do second"))
    assert [*top.verbs] == ["first", "second"]
    assert made == ["second", "first"]
