"""The files of outputs: which may be written, which will be, and how they are."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct

from runner.core.canonical import digest
from runner.core.expansion.outputs import FileChange, OutputValue, declared_outputs
from runner.core.language.file_names import ANOTHER, name_fault, normalised, one_spelling
from runner.errors import Problem, RunnerError
from runner.io import files, links
from runner.io.state.store import Store
from runner.operations.outputs import outputs_json
from runner.operations.outputs.evaluate import recorded_session
from runner.operations.project.places import state_directory
from runner.operations.project.workspaces import stores
from runner.operations.reading.loaded import Loaded

_REFUSED = "Output cannot be written"


class Ready(Struct, frozen=True):
    """What an output has for its file. `seen` is the digest of what the file holds, which is ours
    to replace; None if there is none.
    """

    output: OutputValue
    path: str
    data: bytes
    seen: str | None

    @property
    def differs(self) -> bool:
        """Whether there is something to write."""
        return self.seen != named(self.data)


def file_changes(
    project: Loaded, outputs: Mapping[str, OutputValue], *, decided: bool
) -> tuple[FileChange, ...]:
    """What will happen to the files of outputs; `decided` says that no answer is awaited.

    RunnerError with each that must not be written there, before anything is spent.
    """
    problems: list[Problem] = []
    found: list[FileChange] = []
    ours = _Ours(project)
    for output, path in _targets(project, outputs, problems):
        held = _held(project, path)
        data = content(output) if output.known else None
        if held is not None and held == data:
            continue
        if held is not None and not (
            _overwrites(project, output) or ours.wrote(output, path, held)
        ):
            problems.append(_foreign(project, output, path))
        elif data is not None:
            found.append(FileChange(path, output.name, "create" if held is None else "change"))
        elif not decided:
            found.append(FileChange(path, output.name, "undecided"))
    if problems:
        raise RunnerError(*problems)
    return tuple(found)


def ready(
    project: Loaded, outputs: Mapping[str, OutputValue], problems: list[Problem]
) -> tuple[Ready, ...]:
    """What is to be in the files of outputs, before the state or outputs.json are written anew:
    those say which files are ours. What must not be written is told, and left out.
    """
    found: list[Ready] = []
    ours = _Ours(project)
    for output, path in _targets(project, outputs, problems):
        if not output.known:
            continue
        held, data = _held(project, path), content(output)
        may = held in (None, data) or _overwrites(project, output)
        if held is None or may or ours.wrote(output, path, held):
            found.append(Ready(output, path, data, None if held is None else named(held)))
        else:
            problems.append(_foreign(project, output, path))
    return tuple(found)


def digests(project: Loaded, written: Iterable[Ready]) -> dict[str, str]:
    """The digests for the state's header: of what is written now, and of what was written before
    and still stands.
    """
    new = {one.path: named(one.data) for one in written}
    kept = {
        path: said
        for path, said in project.state.files.items()
        if path not in new and _is_as_written(project, path, said)
    }
    return {**kept, **new}


def write(project: Loaded, one: Ready) -> Problem | None:
    """Write the file, unless it is so already; what is in the way by now stays, and is told."""
    target = project.folders.project / one.path
    try:
        held = _held(project, one.path)
        if held == one.data:
            return None
        if (None if held is None else named(held)) != one.seen:
            return _foreign(project, one.output, one.path)
        links.refuse_links(project.folders.project, [target], "Name another file, or take it away.")
        files.make_directory(target.parent)
        if held is None:
            files.write_new(target, one.data)
        else:
            files.write_atomic(target, one.data)
    except RunnerError as exc:
        return exc.problems[0]
    return None


def content(output: OutputValue) -> bytes:
    """A known output as it stands in its file: text as it is, all else as JSON."""
    return _bytes(output.value)


def named(data: bytes) -> str:
    """The digest of a file's content, as the state's header has it."""
    return f"sha256:{digest(data)}"


class _Ours:
    """Which files are the runner's own: it wrote what they hold."""

    def __init__(self, project: Loaded) -> None:
        self._project = project

    def wrote(self, output: OutputValue, path: str, held: bytes) -> bool:
        """Whether it did: by the digest in the state (or, after a crash, in its backup), else by
        what the recorded outputs yield.
        """
        digest_of_it = named(held)
        store = self._project.store
        if self._project.state.files.get(path) == digest_of_it:
            return True
        if store.files_written("before").get(path) == digest_of_it:
            return True
        yields = (self._written.get(output.name), self._recorded.get(output.name))
        return any(value is not None and _bytes(value) == held for value in yields)

    @cached_property
    def _written(self) -> Mapping[str, Any]:
        return outputs_json.held(self._project.store)

    @cached_property
    def _recorded(self) -> Mapping[str, Any]:
        found = declared_outputs(recorded_session(self._project), [])
        return {name: one.value for name, one in found.items() if one.known}


def _targets(
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
                said = _shared(path, other)
            else:
                said = _taken(project, path, file)
        if said is not None:
            problems.append(_problem(project, output, said))
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
        for name, store in _others(project).items()
        for path in store.files_written()
    }


def _others(project: Loaded) -> dict[str, Store]:
    """The states of the other workspaces, by their names."""
    here = project.settings.workspace
    return {name: store for name, store in stores(project.options.place).items() if name != here}


def _shared(path: str, other: str) -> str:
    """Why two workspaces cannot write one file, and the name that mends it."""
    return f'"{path}" is written by the workspace {other} as well. {_apart(path)}'


def _apart(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return (
        "Make what tells them apart a part of the name, by a variable of yours: "
        f'file = "{folder}{slash}{{{{ var.env }}}}/{name}".'
    )


def _held(project: Loaded, path: str) -> bytes | None:
    return files.read(project.folders.project / path)


def _is_as_written(project: Loaded, path: str, said: str) -> bool:
    """Whether a file of the state's header holds what the header says. A state that came with the
    repository may name anything: only what an output may be written to is looked at.
    """
    if normalised(path) != path or name_fault(path) is not None:
        return False
    root = project.folders.project
    try:
        held = None if links.first_link(root, root / path) else _held(project, path)
    except RunnerError:
        return False
    return held is not None and named(held) == said


def _overwrites(project: Loaded, output: OutputValue) -> bool:
    return project.root.outputs[output.name].block.table.get("overwrite") is True


def _foreign(project: Loaded, output: OutputValue, path: str) -> Problem:
    """What is in the way of an output. A state of 0.1.0 does not say which files it wrote, but its
    outputs.json says what was in them.
    """
    others, held = _others(project), _held(project, path)
    for name, store in others.items():
        value = outputs_json.held(store).get(output.name)
        if value is not None and _bytes(value) == held:
            return _problem(project, output, _shared(path, name))
    said = (
        f"The file {path} holds something that the runner did not write, or that was changed "
        "since. Move it away, name another file, or say that it may be replaced: overwrite = true."
    )
    if others:
        said += f" Another workspace may have written it, too. {_apart(path)}"
    return _problem(project, output, said)


def _problem(project: Loaded, output: OutputValue, said: str) -> Problem:
    block = project.root.outputs[output.name].block
    problem: Problem = block.problem(_REFUSED, said, ("file",))
    return problem


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"
