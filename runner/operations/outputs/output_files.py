"""The files of outputs: which may be written, which will be, and how they are."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import orjson
from msgspec import Struct

from runner.core.canonical import digest
from runner.core.expansion.outputs import FileChange, OutputValue, declared_outputs
from runner.core.language.file_names import name_fault, normalised
from runner.errors import Problem, RunnerError
from runner.io import files, links
from runner.operations.outputs import outputs_json
from runner.operations.outputs.evaluate import recorded_session
from runner.operations.outputs.file_targets import (
    file_targets,
    how_to_tell_apart,
    other_states,
    refused_output,
    written_by_both,
)
from runner.operations.reading.loaded import Loaded


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
    for output, path in file_targets(project, outputs, problems):
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
    for output, path in file_targets(project, outputs, problems):
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
        return outputs_json.held(self._project.store) or {}

    @cached_property
    def _recorded(self) -> Mapping[str, Any]:
        found = declared_outputs(recorded_session(self._project), [])
        return {name: one.value for name, one in found.items() if one.known}


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
    others, held = other_states(project), _held(project, path)
    for name, store in others.items():
        value = (outputs_json.held(store) or {}).get(output.name)
        if value is not None and _bytes(value) == held:
            return refused_output(project, output, written_by_both(path, name))
    said = (
        f"The file {path} holds something that the runner did not write, or that was changed "
        "since. Move it away, name another file, or say that it may be replaced: overwrite = true."
    )
    if others:
        said += f" Another workspace may have written it, too. {how_to_tell_apart(path)}"
    return refused_output(project, output, said)


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"
