"""The configuration in its canonical layout."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.core.modules.folder import load_folder as load_blocks
from runner.core.toml.layout import format_toml
from runner.core.toml.source import source
from runner.errors import Problem, RunnerError, Where, error
from runner.io import files
from runner.io.folders import Folders
from runner.operations.options import ProjectPlace
from runner.operations.project.places import folders_of


def relaid(place: ProjectPlace, named: Sequence[str], *, write: bool) -> Iterator[str]:
    """Lay out the files that are named, of a folder its *.toml, or else those of the project; with
    `write`, in place. Yields the name of each that changes, once it has.

    RunnerError, after all others were laid out, for those that are not TOML.
    """
    problems: list[Problem] = []
    for name, path in _named(named) if named else _of_project(place):
        try:
            if _lay_out(name, path, write=write):
                yield name
        except RunnerError as exc:
            problems += exc.problems
    if problems:
        raise RunnerError(*problems)


def in_layout(name: str, data: bytes) -> bytes:
    """The bytes of a file in canonical layout; RunnerError, with its name, if they are not TOML."""
    return format_toml(source(name, data).text, name).encode()


def _lay_out(name: str, path: Path, *, write: bool) -> bool:
    data = files.read(path)
    if data is None:
        raise error("No such file", f'There is no file "{name}".', Where(name))
    formatted = in_layout(name, data)
    if formatted == data:
        return False
    if write:
        files.write_atomic(path, formatted)
    return True


def _named(names: Sequence[str]) -> Iterator[tuple[str, Path]]:
    for name in dict.fromkeys(names):
        path = Path(name)
        if not path.is_dir():
            yield name, path
        else:
            yield from ((str(inner), inner) for inner in sorted(path.glob("*.toml")))


def _of_project(place: ProjectPlace) -> Iterator[tuple[str, Path]]:
    """The root module's files, and those of the modules that stand below its folder."""
    folders = folders_of(place)
    if not folders.config.is_dir():
        raise error(
            "No configuration",
            f'There is no folder "{place.config}" in {folders.project.name}/. `runner init` writes '
            "a small project; -C DIR works in another one.",
        )
    todo, seen = [folders.root], {folders.root}
    while todo:
        folder = todo.pop(0)
        for file, _ in folders.read_folder(folder):
            yield file, folders.path(".", file)
        for module in _modules(folders, folder):
            if module not in seen:
                seen.add(module)
                todo.append(module)


def _modules(folders: Folders, folder: str) -> list[str]:
    """The folders below the root module's that the modules of a folder come from."""
    unread: list[Problem] = []  # files that are not TOML are told when they are laid out
    found = []
    for block in load_blocks(folder, folders.read_folder, unread).of("module").values():
        named = block.table.get("source")
        try:
            path = folders.path(folder, named) if isinstance(named, str) else None
        except RunnerError:
            continue
        if path is not None and path.is_dir() and path.is_relative_to(folders.config.resolve()):
            inside = path.is_relative_to(folders.project)
            found.append((path.relative_to(folders.project) if inside else path).as_posix())
    return found
