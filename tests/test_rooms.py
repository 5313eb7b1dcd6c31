"""The rooms of the tests: what the harnesses know, what a test imports, and what it waits for."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from tests import ROOT

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "tests").rglob("*.py"))
}
ROOMS = ("cli", "core", "hcl", "io", "operations", "web")  # those of the program
PACED = {  # a time is what they are about
    "tests.benchmarks": "an answer that takes as long as one does",
    "tests.harness.server": "the latency that a test asks for",
    "tests.io.state.test_local": "a kill at any moment",
}


def imported(name: str) -> Iterator[str]:
    """The modules of the tests that one imports, lazily too."""
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name in MODULES)
            case ast.ImportFrom(module=str(module), names=names) if module in MODULES:
                inner = {f"{module}.{alias.name}" for alias in names}
                yield from inner & MODULES.keys() or (module,)
            case _:
                pass


def room(name: str) -> str:
    """Which of the folders in tests/ a module stands in; itself if in none."""
    return ".".join(name.split(".")[:2])


def is_test(name: str) -> bool:
    return name.rpartition(".")[2].startswith(("test_", "conftest"))


def test_a_module_imports_its_own_room_and_harnesses_and_no_test() -> None:
    for name in MODULES:
        for wanted in imported(name):
            assert room(wanted) in {"tests", "tests.harness", room(name)}, (name, wanted)
            assert not is_test(wanted), (name, wanted)


def test_harnesses_stand_on_floors() -> None:
    """None leads back to itself, or this raises CycleError."""
    held = {name: {*imported(name)} for name in MODULES if room(name) == "tests.harness"}
    assert tuple(TopologicalSorter(held).static_order())


def test_the_rooms_of_the_tests_are_those_of_the_program() -> None:
    for name, path in MODULES.items():
        if room(name).removeprefix("tests.") in ROOMS and path.name == "__init__.py":
            mirrored = ROOT / "runner" / Path(*name.split(".")[1:])
            assert mirrored.is_dir(), f"{name} is about no room"


def waits(node: ast.AST, *, polls: bool = False) -> Iterator[int]:
    """The lines that sleep for a time, and not from one look to the next at what has to come."""
    if (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"asyncio.sleep", "time.sleep"}
        and ast.unparse(node.args[0]) != "0"
        and not polls
    ):
        yield node.lineno
    for inner in ast.iter_child_nodes(node):
        yield from waits(inner, polls=polls or isinstance(node, ast.While))


def test_no_test_waits_for_a_time() -> None:
    """It waits for what has to come: a deadline only ends a hang."""
    for name, path in MODULES.items():
        if not name.startswith(tuple(PACED)):
            assert [*waits(ast.parse(path.read_text()))] == [], name
