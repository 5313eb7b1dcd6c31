"""`runner fmt`: the configuration in its canonical layout, comments kept."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from runner.cli.parser.options import place_of
from runner.cli.streams import STDIN, put
from runner.core.modules.folder import load_folder as load_blocks
from runner.core.toml.layout import format_toml
from runner.core.toml.source import source
from runner.errors import Problem, RunnerError, Where, error
from runner.io import files
from runner.io.folders import Folders
from runner.operations.places import project_directory


def run(arguments: argparse.Namespace) -> int:
    """Lay out each file, and print the names of those that change; 1 with --check if any would.

    RunnerError, after all others were laid out, for those that are not TOML.
    """
    if STDIN in arguments.files:
        return _stdin(arguments)
    changed = 0
    problems: list[Problem] = []
    for name, path in _chosen(arguments):
        try:
            if _format(name, path, write=not arguments.check):
                sys.stdout.write(f"{name}\n")
                changed += 1
        except RunnerError as exc:
            problems += exc.problems
    if problems:
        raise RunnerError(*problems)
    return 1 if arguments.check and changed else 0


def _stdin(arguments: argparse.Namespace) -> int:
    if len(arguments.files) > 1:
        raise error("Too many files", "- is standard input; it stands alone.")
    data = sys.stdin.buffer.read()
    formatted = format_toml(source("<standard input>", data).text, "<standard input>").encode()
    if arguments.check:
        return 1 if formatted != data else 0
    put(formatted)
    return 0


def _format(name: str, path: Path, *, write: bool) -> bool:
    data = files.read(path)
    if data is None:
        raise error("No such file", f'There is no file "{name}".', Where(name))
    formatted = format_toml(source(name, data).text, name).encode()
    if formatted == data:
        return False
    if write:
        files.write_atomic(path, formatted)
    return True


def _chosen(arguments: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """Each file and its name; a folder stands for its *.toml."""
    if not arguments.files:
        yield from _of_project(arguments)
        return
    for name in dict.fromkeys(arguments.files):
        path = Path(name)
        if not path.is_dir():
            yield name, path
        else:
            yield from ((str(inner), inner) for inner in sorted(path.glob("*.toml")))


def _of_project(arguments: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """The root module's files, and those of the modules that stand below its folder."""
    directory = project_directory(place_of(arguments))
    folders = Folders(directory, Path(arguments.config))
    if not folders.config.is_dir():
        raise error(
            "No configuration",
            f'There is no folder "{arguments.config}" in {directory.resolve().name}/. `runner '
            "init` writes a small project; -C DIR works in another one.",
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
