"""A small project that plans as it is written, and of which much can be kept."""

import json
import os
from collections.abc import Iterator, Mapping
from importlib.resources import files as packaged
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from msgspec import Struct

from runner.errors import Where, error
from runner.io import files
from runner.io.links import refuse_links
from runner.operations.options import TemplateName
from runner.operations.project.backends import OF_THIS_MACHINE

IGNORED = ("state/cache/", ".modules/", *OF_THIS_MACHINE, ".env")
"""What of a project is not meant to be committed."""

ATTRIBUTES_FILE = ".gitattributes"
_STATES = tuple(
    f"{folder}{name}"
    for folder in ("", "workspaces/*/")
    for name in ("state.json", "records/*.jsonl", "outputs.json")
)
_COMMITTED = (
    "# state/state.json, its records/ and outputs.json are meant to be committed; these are not."
)
_GITIGNORE = "".join(f"{line}\n" for line in (_COMMITTED, *IGNORED))
_SCHEMA = "runner.schema.json"
_CONFIGS = "configs"  # the folder of a template that stands for the one that is asked for


def attribute_lines(states: str) -> tuple[str, ...]:
    """The lines of a .gitattributes that name the files of states in a folder below it: a clone
    with `runner git-setup` merges and shows them by what these say, and any other by lines.
    """
    names = (f"{states}/{name}" if states not in ("", ".") else name for name in _STATES)
    return tuple(f"{_pattern(name)} diff=runner merge=runner linguist-generated" for name in names)


def _pattern(name: str) -> str:
    """A path as a pattern of git's, which has no blank outside of quotes."""
    return json.dumps(name, ensure_ascii=False) if " " in name or '"' in name else name


class _Template(Struct, frozen=True):
    """Folders of the package whose files are written, and what its README shows."""

    folders: tuple[str, ...]
    output: str
    variable: str = "topic=volcanoes"


_TEMPLATES: Mapping[TemplateName, _Template] = {
    "chain": _Template(("chain",), "summary"),
    "table": _Template(("table",), "label", "length='one word'"),
    "compare": _Template(("compare",), "verdict", "question='Why is grass green?'"),
    "tools": _Template(("tools",), "answer", "city=Oslo"),
    "ci": _Template(("chain", "ci"), "summary"),
}
_PLACES = {"workflow.yml": ".github/workflows/prompts.yml"}  # no wheel has hidden folders


class ProjectFile(Struct, frozen=True):
    """A file of a new project. It was left as it is where it is not new."""

    path: Path
    is_new: bool


def new_project(
    directory: Path, config: str, template: TemplateName = "chain"
) -> Iterator[ProjectFile]:
    """Write what is not there yet: each file, once it is. RunnerError where there is a
    configuration already.
    """
    folder = directory / config
    _refuse(directory, folder)
    texts = dict(_texts(directory, config, _TEMPLATES[template]))
    advice = "Take it away, or name another folder: runner init DIR"
    refuse_links(directory, texts, advice)
    for path, text in texts.items():
        is_new = files.identity(path) is None
        if is_new:
            files.make_directory(path.parent)
            files.write_atomic(path, text.encode())
        yield ProjectFile(path, is_new)


def _texts(directory: Path, config: str, template: _Template) -> Iterator[tuple[Path, str]]:
    """Every file of the project; each of the configuration says where its schema is."""
    schema = directory / _SCHEMA
    for name in template.folders:
        for place, text in _written(packaged("runner") / "templates" / name):
            if place.parts[0] != _CONFIGS:
                yield directory / _PLACES[place.name], text
                continue
            path = directory / config / Path(*place.parts[1:])
            told = Path(os.path.relpath(schema, path.parent)).as_posix()
            yield path, f"#:schema {told}\n\n{text}" if path.suffix == ".toml" else text
    yield schema, (packaged("runner") / "schemas" / "config.schema.json").read_text("utf-8")
    yield directory / ".gitignore", _GITIGNORE
    yield directory / ATTRIBUTES_FILE, "".join(f"{line}\n" for line in attribute_lines("state"))
    about = (packaged("runner") / "templates" / "README.md").read_text("utf-8")
    name = directory.resolve().name or "project"
    shown = {"output": template.output, "variable": template.variable}
    yield directory / "README.md", about.format(name=name, config=config, **shown)


def _written(
    folder: Traversable, place: PurePosixPath | None = None
) -> Iterator[tuple[PurePosixPath, str]]:
    """The files of a template, by their place in it."""
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        inner = PurePosixPath(entry.name) if place is None else place / entry.name
        if entry.is_dir():
            yield from _written(entry, inner)
        else:
            yield inner, entry.read_text("utf-8")


def _refuse(directory: Path, config: Path) -> None:
    for place in (directory, config):
        if files.identity(place) is not None and not place.is_dir():
            raise error("Not a directory", f"{place} is a file. Name another directory.")
    found = sorted(config.glob("*.toml")) if config.is_dir() else []
    if found:
        raise error(
            "Project is there already",
            f"{config} holds {found[0].name} already, and init never overwrites. Use it as it is "
            "(`runner plan`), or name another directory: runner init DIR.",
            Where(str(found[0])),
        )
