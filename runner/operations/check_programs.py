"""The programs that checks start: which files are theirs, and what they say."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.core.canonical import canonical
from runner.core.checks.programs import Command, programs_of, verdicts_of
from runner.core.checks.verdicts import CheckVerdict, Unscored
from runner.core.modules.module import DeclaredCheck
from runner.core.secrets.trust import ProgramDoor
from runner.errors import RunnerError, error
from runner.io import files, programs
from runner.operations.loaded import Loaded

_SECONDS = 600.0  # after which a program is said to hang


def program_doors(project: Loaded) -> tuple[ProgramDoor, ...]:
    """What the checks of a project start, each as its files are now."""
    checks = project.root.checks.values()
    commands = dict.fromkeys(one for check in checks for one in programs_of(check))
    return tuple(door_of(project, command) for command in commands)


def door_of(project: Loaded, command: Command) -> ProgramDoor:
    """A program as its files are now: of each word that names a file, that file and all that stands
    beside it and below, since a program may load it.
    """
    folder = _folder(project)
    held = [*command]
    for path in _files(project, command):
        digest = hashlib.sha256(files.read(path) or b"").hexdigest()
        held.append(f"{path.relative_to(folder).as_posix()} {digest}")
    return ProgramDoor(" ".join(command), hashlib.sha256(canonical(held)).hexdigest())


def say(project: Loaded, command: Command, lines: Sequence[bytes]) -> list[CheckVerdict]:
    """What a program says of each answer: it is started once, in the folder of the configuration,
    with no key of the user's.
    """
    first = command[0]
    path = str(_folder(project) / first) if "/" in first else programs.find(first)
    if path is None:
        return [Unscored(f"there is no program {first}") for _ in lines]
    try:
        done = programs.answer((path, *command[1:]), _folder(project), lines, _SECONDS)
    except OSError as exc:
        return [Unscored(f"{first} cannot be started: {exc.strerror}") for _ in lines]
    if done is None:
        return [Unscored(f"{first} took more than {_SECONDS:.0f} s") for _ in lines]
    last = project.secrets.text((done.err.strip().splitlines() or [""])[-1])
    how = f": it ended with status {done.status}{f' ({last[:100]})' if last else ''}"
    return verdicts_of(command, done.out, len(lines), how if done.status else "")


def check_files(project: Loaded, check: DeclaredCheck) -> None:
    """RunnerError for a program that is a file of the project and is not there, or leads out."""
    for command in programs_of(check):
        try:
            there = list(_files(project, command))
        except RunnerError as exc:
            said = " ".join(problem.detail for problem in exc.problems)
            raise error("Unusable program", said, check.block.where()) from exc
        if "/" in command[0] and not there:
            said = f'There is no file "{command[0]}" in the folder of the configuration.'
            raise error("No such program", said, check.block.where())


def _folder(project: Loaded) -> Path:
    return project.folders.path(project.root.folder, ".")


def _files(project: Loaded, command: Command) -> Iterator[Path]:
    """Every file that a command is made of, in their order."""
    top, found = _folder(project), set[Path]()
    for word in command:
        if Path(word).is_absolute() or not (top / word).exists():
            continue
        path = project.folders.path(project.root.folder, word)
        around = path if path.is_dir() else path.parent
        if around == top:
            found.add(path)
        else:
            found.update(_below(around))
    yield from sorted(path for path in found if path.is_file())


def _below(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        yield from (Path(where) / name for name in names)
