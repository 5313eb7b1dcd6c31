"""Where an output may be written: inside of the project, and in the place of nothing else."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from runner.core.expansion.outputs import OutputValue
from runner.core.language.file_names import ANOTHER, name_fault, normalised, one_spelling
from runner.errors import Problem
from runner.io import files, links
from runner.io.state.store import Store
from runner.operations.project.places import state_directory
from runner.operations.project.workspaces import stores
from runner.operations.reading.loaded import Loaded


def file_targets(
    project: Loaded, outputs: Mapping[str, OutputValue], problems: list[Problem]
) -> Iterator[tuple[OutputValue, str]]:
    """Each output with a file, and the file's name; where none may be written is told."""
    chosen = [(output, output.file) for output in outputs.values() if output.file is not None]
    if not chosen:
        return
    writers: dict[str, str] = {}
    elsewhere = _of_other_workspaces(project)
    for output, file in chosen:
        path = _inside(project, file)
        said = name_fault(path) if path is not None else None
        if path is None:
            said = (
                f'"{file}" leads outside of the project, and outputs are written inside of it. '
                f"{ANOTHER}"
            )
        elif said is None:
            first = writers.setdefault(one_spelling(path), output.name)
            other = elsewhere.get(one_spelling(path))
            if first != output.name:
                both = f"output.{output.name} and output.{first}"
                said = f'{both} are both written to "{file}". {ANOTHER}'
            elif other is not None:
                said = written_by_both(path, other)
            else:
                said = _taken(project, path, file)
        if said is not None:
            problems.append(refused_output(project, output, said))
        elif path is not None:
            yield output, path


def _inside(project: Loaded, file: str) -> str | None:
    """The name from the project on; None if it leads out of it."""
    if not file.startswith("/"):
        return normalised(file)
    root = project.folders.project
    path = Path(file)
    return normalised(path.relative_to(root).as_posix()) if path.is_relative_to(root) else None


def _taken(project: Loaded, path: str, file: str) -> str | None:
    """Why an output cannot be written there: the project itself is there."""
    root = project.folders.project
    target = root / path
    link = links.first_link(root, target)
    if link is not None:
        shown = link.relative_to(root).as_posix()
        return (
            f'"{file}" goes through a link ({shown}), and outputs are written to no link. {ANOTHER}'
        )
    if target.is_dir():
        return f'"{file}" is a folder: name a file in it.'
    around = next((place for place in _around(root, target) if _is_environment(place)), None)
    if around is not None:
        return (
            f'"{file}" is in an environment of Python ({around.relative_to(root).as_posix()}), '
            f"which runs what it finds there. {ANOTHER}"
        )
    spelling = one_spelling(path)
    if _is_in(spelling, root, state_directory(project.options.place)):
        return f'"{file}" is in the folder of the state, which holds nothing else. {ANOTHER}'
    if spelling.endswith(".toml") and any(
        spelling.rpartition("/")[0] == one_spelling(_name(root, folder)).removeprefix(".")
        for folder in project.folders.configured
    ):
        return f'"{file}" would be read as configuration, and no answer may change that. {ANOTHER}'
    if spelling in map(one_spelling, project.folders.held):
        return (
            f'"{file}" is read by this project: an output written there would change what is '
            f"asked. {ANOTHER}"
        )
    return None


def _around(root: Path, target: Path) -> Iterator[Path]:
    """The folders of a file, less the project's own."""
    return (place for place in target.parents if place != root and place.is_relative_to(root))


def _is_environment(folder: Path) -> bool:
    if files.identity(folder / "pyvenv.cfg") is not None:
        return True
    return files.followed(folder) == files.followed(Path(sys.prefix))


def _is_in(spelling: str, root: Path, folder: Path) -> bool:
    place = files.followed(folder)
    if not place.is_relative_to(root):
        return False
    inner = one_spelling(place.relative_to(root).as_posix())
    return inner in (".", spelling) or spelling.startswith(f"{inner}/")


def _name(root: Path, folder: Path) -> str:
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else str(folder)


def _of_other_workspaces(project: Loaded) -> dict[str, str]:
    """Which other workspace wrote which file, as far as their states say so."""
    return {
        one_spelling(path): name
        for name, store in other_states(project).items()
        for path in store.files_written()
    }


def other_states(project: Loaded) -> dict[str, Store]:
    """The states of the other workspaces, by their names."""
    here = project.settings.workspace
    return {name: store for name, store in stores(project.options.place).items() if name != here}


def written_by_both(path: str, other: str) -> str:
    """Why two workspaces cannot write one file, and the name that mends it."""
    return f'"{path}" is written by the workspace {other} as well. {how_to_tell_apart(path)}'


def how_to_tell_apart(path: str) -> str:
    """The name by which each workspace has a file of its own."""
    folder, slash, name = path.rpartition("/")
    return (
        "Make what tells them apart a part of the name, by a variable of yours: "
        f'file = "{folder}{slash}{{{{ var.env }}}}/{name}".'
    )


def refused_output(project: Loaded, output: OutputValue, said: str) -> Problem:
    """Why an output is not written, at the line that names its file."""
    block = project.root.outputs[output.name].block
    problem: Problem = block.problem("Output cannot be written", said, ("file",))
    return problem
