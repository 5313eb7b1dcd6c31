"""What the guides in .github say is there."""

import ast
import re
from pathlib import Path

import pytest

from tests import ROOT
from tests.harness.rooms import ARCHITECTURE, floors, written

GUIDES = (ARCHITECTURE, ROOT / ".github" / "CONTRIBUTING.md")
PLACES = sorted(
    {place for page in GUIDES for place in re.findall(r"`([^`\n]+)`", page.read_text())}
)
FILE = re.compile(
    r"(?P<file>[\w.-]*[\w/.-]*/|[\w/.-]+\.(?:py|md|json|toml|yml))(?::(?P<name>[\w.]+))?"
)


def found(path: str) -> Path | None:
    """What a path of the guides names: from the top, or from runner/."""
    places = (folder / path for folder in (ROOT, ROOT / "runner"))
    return next((place for place in places if place.exists()), None)


def names(path: Path) -> set[str]:
    """What a module defines, methods and fields by the name of their class."""
    held: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        held |= defined(node)
        if isinstance(node, ast.ClassDef):
            held |= {f"{node.name}.{name}" for inner in node.body for name in defined(inner)}
    return held


def defined(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()


def test_the_picture_and_the_signs_are_those_of_the_contracts_and_packages() -> None:
    """`python -m tests.harness.rooms` writes them."""
    assert ARCHITECTURE.read_text() == written(ARCHITECTURE.read_text())


def test_every_package_has_its_floors() -> None:
    """Contracts cover a module that comes; this covers a package that comes."""
    held = floors()
    for inside in (ROOT / "runner").rglob("__init__.py"):
        folder = inside.parent
        children = {path.stem for path in folder.glob("*.py")} - {"__init__"}
        children |= {path.parent.name for path in folder.glob("*/__init__.py")}
        package = ".".join(folder.relative_to(ROOT).parts)
        standing = {name for floor in held.get(package, ()) for name in floor}
        assert len(children) < 2 or standing == children, package


@pytest.mark.parametrize("place", [place for place in PLACES if FILE.fullmatch(place)])
def test_every_place_that_a_guide_names_is_there(place: str) -> None:
    named = FILE.fullmatch(place)
    assert named is not None
    path = found(named["file"])
    assert path is not None, f"there is no {named['file']}"
    if named["name"]:
        assert named["name"] in names(path), f"{named['file']} has no {named['name']}"


def test_the_readme_leads_to_the_guides() -> None:
    readme = (ROOT / "README.md").read_text()
    for page in GUIDES:
        assert f"]({page.relative_to(ROOT)})" in readme
