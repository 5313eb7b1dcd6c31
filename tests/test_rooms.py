"""What only one room does, looked for in the source of all others."""

import ast
from collections.abc import Iterator

import pytest

from tests import ROOT

RUNNER = ROOT / "runner"
SAID = {
    "print",
    "SystemExit",
    "argparse",
    "sys.argv",
    "sys.stdin",
    "sys.stdout",
    "sys.stderr",
    "sys.exit",
    "sys.__stdout__",
    "sys.__stderr__",
    "os._exit",
    "signal",
}
"""What belongs to a command line: arguments, streams, exit statuses, signals."""


def used(tree: ast.AST) -> Iterator[str]:
    """The names that a module uses, those of modules with theirs before."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name):
                yield name
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                yield f"{module}.{name}"
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.Constant(value=str(text)) if "\x1b[" in text:
                yield "a colour"
            case _:
                pass


def modules(*rooms: str) -> list[str]:
    """The modules of rooms, by their path from runner/."""
    files = (file for room in rooms for file in (RUNNER / room).rglob("*.py"))
    return sorted(file.relative_to(RUNNER).as_posix() for file in files)


@pytest.mark.parametrize("module", modules("core", "foreign", "hcl", "io", "operations"))
def test_only_the_command_line_knows_arguments_streams_and_statuses(module: str) -> None:
    names = set(used(ast.parse((RUNNER / module).read_text())))
    assert sorted(names & {*SAID, "a colour"}) == []


def test_a_coroutine_is_run_from_one_place() -> None:
    runs = {"asyncio.run", "asyncio.Runner", "asyncio.new_event_loop"}
    found = [
        module
        for module in modules("")
        if runs & set(used(ast.parse((RUNNER / module).read_text())))
    ]
    assert found == ["operations/blocking.py"]


def test_what_is_looked_for_would_be_found() -> None:
    said = "import sys, signal\nfrom argparse import Namespace\nprint(sys.stdout)\nraise SystemExit"
    assert {"signal", "argparse", "print", "sys.stdout", "SystemExit"} <= set(used(ast.parse(said)))
    assert "a colour" in set(used(ast.parse(r'"\x1b[31m"')))
