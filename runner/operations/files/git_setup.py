"""What git is told of a project's states: to merge them by address, and to show them as text."""

import shlex
import sys
from pathlib import Path

from msgspec import Struct

from runner.errors import error
from runner.io import files, links
from runner.io.git.repository import Repository
from runner.operations.files.new_project import ATTRIBUTES_FILE, attribute_lines
from runner.operations.options import ProjectPlace
from runner.operations.project.places import project_directory, state_directory


class GitSetup(Struct, frozen=True):
    """Lines of a .gitattributes, which is committed, and settings of this clone alone, which may
    name what is on this machine: those that were missing.
    """

    file: Path
    lines: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]

    @property
    def is_done(self) -> bool:
        """Whether nothing was missing."""
        return not self.lines and not self.settings


def git_setup(place: ProjectPlace, *, write: bool) -> GitSetup:
    """What is missing so that git merges and shows the states of a project; with `write`, it is
    there afterwards. Other lines and settings stay as they are. RunnerError outside of git.
    """
    project = project_directory(place)
    repository = Repository.around(project)
    if repository is None:
        raise error(
            "Not a git repository",
            f"{project.resolve()} is in no git repository: `git init` makes one.",
        )
    file, lines = _attributes(project, state_directory(place))
    held = (files.read(file) or b"").decode(errors="replace")
    known = {" ".join(line.split()) for line in held.splitlines()}
    absent = tuple(line for line in lines if line not in known)
    unset = tuple((name, value) for name, value in _settings() if repository.setting(name) != value)
    if write:
        if absent:
            _append(file, held, absent)
        for name, value in unset:
            repository.configure(name, value)
    return GitSetup(file, absent, unset)


def _attributes(project: Path, shared: Path) -> tuple[Path, tuple[str, ...]]:
    """The file, and its lines: beside the configuration, or where the states are elsewhere."""
    folder, states = project.resolve(), shared.resolve()
    if states.is_relative_to(folder):
        return project / ATTRIBUTES_FILE, attribute_lines(states.relative_to(folder).as_posix())
    return shared / ATTRIBUTES_FILE, attribute_lines("")


def _append(file: Path, held: str, lines: tuple[str, ...]) -> None:
    links.refuse_links(file.parent, [file], "Take it away; git reads no attributes of a link.")
    between = "" if not held or held.endswith("\n") else "\n"
    files.write_atomic(file, (held + between + "".join(f"{line}\n" for line in lines)).encode())


def _settings() -> tuple[tuple[str, str], ...]:
    """The interpreter is named by its path, since a hook or a window may have another PATH; and if
    no runner is there any more, git does what it does without all this: a driver that cannot be
    started would leave one side where both belong.
    """
    runner = f"{shlex.quote(sys.executable)} -P"
    there = f"{runner} -c 'import runner' 2>/dev/null"
    driver = f"{runner} -m runner merge-driver %O %A %B %P; else git merge-file %A %O %B"
    shown = f'{runner} -m runner show --text "$1"; else cat "$1"'
    return (
        ("merge.runner.name", "answers by their addresses"),
        ("merge.runner.driver", f"if {there}; then {driver}; fi"),
        ("diff.runner.textconv", f"f() {{ if {there}; then {shown}; fi; }}; f"),
        ("diff.runner.xfuncname", "^# (.*):$"),
    )
