"""The rooms as the import contracts have them: a picture, and the signs on the doors.

`python -m tests.harness.rooms` writes both into .github/ARCHITECTURE.md.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests import ROOT

ARCHITECTURE = ROOT / ".github" / "ARCHITECTURE.md"

Floors = tuple[tuple[str, ...], ...]


def floors() -> dict[str, Floors]:
    """Of each package, what stands on each of its floors, the highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {
        contract["containers"][0]: tuple(
            tuple(re.split(r" [|:] ", layer)) for layer in contract["layers"]
        )
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers" and contract["exhaustive"]
    }


def picture(held: dict[str, Floors]) -> str:
    """The rooms as Mermaid draws them; an arrow leads from who imports to what is imported."""
    lines = ["flowchart TD"]
    for floor in held["runner"]:
        for room in floor:
            lines += _room(room, held.get(f"runner.{room}", ()))
    for above, below in zip(held["runner"], held["runner"][1:], strict=False):
        lines += [f"  {upper} --> {lower}" for upper in above for lower in below]
    return "\n".join(lines)


def _room(room: str, inside: Floors) -> Iterator[str]:
    """One that holds packages is drawn with its floors."""
    if not any((ROOT / "runner" / room / name).is_dir() for floor in inside for name in floor):
        yield f"  {room}"
        return
    yield f"  subgraph {room}"
    for number, floor in enumerate(inside, 1):
        yield f'    {room}{number}["{", ".join(floor)}"]'
    numbers = range(1, len(inside))
    yield from (f"    {room}{number} --> {room}{number + 1}" for number in numbers)
    yield "  end"


def signs(held: dict[str, Floors]) -> str:
    """Every package with its docstring, rooms and floors from the highest to the lowest."""
    rows = list(_signs(ROOT / "runner", "runner", held, 0))
    width = max(len(place) for place, _ in rows)
    return "\n".join(f"{place:{width}}  {sign}" for place, sign in rows)


def _signs(
    folder: Path, package: str, held: dict[str, Floors], depth: int
) -> Iterator[tuple[str, str]]:
    yield "  " * depth + f"{folder.name}/", sign(folder / "__init__.py")
    inside = [name for floor in held.get(package, ()) for name in floor]
    for child in sorted(
        (path for path in folder.iterdir() if (path / "__init__.py").exists()),
        key=lambda path: (inside.index(path.name) if path.name in inside else -1, path.name),
    ):
        yield from _signs(child, f"{package}.{child.name}", held, depth + 1)


def sign(path: Path) -> str:
    """The first sentence of a module."""
    said = ast.get_docstring(ast.parse(path.read_text()))
    assert said is not None, f"{path} has no docstring"
    return " ".join(said.partition("\n\n")[0].split())


def written(text: str) -> str:
    """The page with the picture and the signs as they are now."""
    held = floors()
    for kind, block in (("mermaid", picture(held)), ("text", signs(held))):
        before, _, rest = text.partition(f"```{kind}\n")
        _, _, after = rest.partition("```")
        text = f"{before}```{kind}\n{block}\n```{after}"
    return text


if __name__ == "__main__":
    ARCHITECTURE.write_text(written(ARCHITECTURE.read_text()))
