"""The programs that checks start: which files are theirs, and what they say."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.core.canonical import canonical
from runner.core.checks.programs import Command, placed_programs, programs_of, verdicts_of
from runner.core.checks.verdicts import CheckVerdict, Unscored
from runner.core.modules.module import DeclaredCheck
from runner.core.secrets.trust import ProgramDoor
from runner.errors import Problem, RunnerError, error
from runner.io import files, programs
from runner.operations.project.places import state_directory
from runner.operations.reading.loaded import Loaded

_SECONDS = 600.0  # after which a program is said to hang
_HISTORY = ".git"
_SCRIPTS = (".py", ".js", ".mjs", ".cjs", ".ts", ".sh", ".rb", ".pl", ".php", ".lua", ".R", ".jl")


def program_doors(project: Loaded) -> tuple[ProgramDoor, ...]:
    """What the checks of a project start, each as its files are now."""
    checks = project.root.checks.values()
    commands = dict.fromkeys(one for check in checks for one in programs_of(check))
    return tuple(door_of(project, command) for command in commands)


def door_of(project: Loaded, command: Command) -> ProgramDoor:
    """A program as its files are now: of each word that names a file, that file and all that stands
    beside it and below, since a program may load it; where no word says which script is started,
    all of the configuration's folder.
    """
    folder = _folder(project)
    held = [*command]
    for path in _files(project, command):
        name = Path(os.path.relpath(path, folder)).as_posix()
        held.append(f"{name} {hashlib.sha256(files.read(path) or b'').hexdigest()}")
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
    if done.status:  # whatever it wrote before, it says itself that it did not come to an end
        last = project.secrets.text((done.err.strip().splitlines() or [""])[-1])
        how = f"ended with status {done.status}{f' ({last[:100]})' if last else ''}"
        return [Unscored(f"{first} {how}") for _ in lines]
    return verdicts_of(command, done.out, len(lines))


def program_problems(project: Loaded, check: DeclaredCheck) -> Iterator[Problem]:
    """Each file of the project that a check would start, or have started, and that is not there or
    leads out.
    """
    for path, command in placed_programs(check):
        try:
            list(_files(project, command))
        except RunnerError as exc:
            said = " ".join(problem.detail for problem in exc.problems)
            yield check.block.problem("Unusable program", said, path)
            continue
        for index, word in enumerate(command):
            if _is_meant_as_file(word, first=index == 0) and not (_folder(project) / word).exists():
                said = f'There is no file "{word}" in the folder of the configuration.'
                yield check.block.problem("No such program", said, (*path, index))


def _is_meant_as_file(word: str, *, first: bool) -> bool:
    """A program by its path, or the script of an interpreter; any other word may name what is still
    to come.
    """
    if Path(word).is_absolute():
        return False  # of this machine, not of the project
    if first:
        return "/" in word
    return word.endswith(_SCRIPTS) and not word.startswith("-") and " " not in word


def _folder(project: Loaded) -> Path:
    return project.folders.path(project.root.folder, ".")


def _files(project: Loaded, command: Command) -> Iterator[Path]:
    """Every file that a command is made of, in their order."""
    around = {path if path.is_dir() else path.parent for path in _named(project, command)}
    if not _names_script(project, command):
        around.add(_folder(project))
    found: dict[Path, None] = {}
    seen: set[Path] = set()
    for folder in sorted(around):
        found.update(dict.fromkeys(_below(project, folder, seen)))
    yield from sorted(path for path in found if path.is_file())


def _named(project: Loaded, command: Command) -> Iterator[Path]:
    """What words name in the project, also behind the = of an option."""
    for word in command:
        for name in dict.fromkeys((word, word.partition("=")[2])):
            if name and _is_there(_folder(project) / name):
                path = _inside(project, name)
                if path is not None:
                    yield path


def _names_script(project: Loaded, command: Command) -> bool:
    """Whether a script of the project is the program, or the word right after it: behind an option
    (-m, -c, run) a word may be anything.
    """
    scripts = [word for word in command[:1] if "/" in word] + [*command[1:2]]
    return any(
        word.endswith(_SCRIPTS) and (_folder(project) / word).is_file() and _inside(project, word)
        for word in scripts
        if _is_there(_folder(project) / word)
    )


def _inside(project: Loaded, name: str) -> Path | None:
    """Where a name leads; None if it is absolute and of this machine, not of the project."""
    try:
        return project.folders.path(project.root.folder, name)
    except RunnerError:
        if Path(name).is_absolute():
            return None
        raise


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False  # no word that a file could have as its name


def _below(project: Loaded, folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Each file in a folder and below it, also in a folder of the project that is linked there."""
    if (real := files.followed(folder)) in seen:
        return
    seen.add(real)
    for path in _entries(folder):
        if not path.is_dir():
            yield path
        elif not _is_kept_apart(project, path) and _inside(project, str(path.absolute())):
            yield from _below(project, path, seen)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as exc:
        said = f"{folder} cannot be read ({exc.strerror}), and a program may load what it holds."
        raise error("Cannot read folder", said) from exc


def _is_kept_apart(project: Loaded, path: Path) -> bool:
    """Whether a folder is a history or the answers: no code, and changed by every use."""
    state = files.followed(state_directory(project.options.place))
    return path.name == _HISTORY or files.followed(path) == state
