"""What the user trusts each project with, in the user's own configuration folder: a file each."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.errors import error
from runner.io import files
from runner.io.user_files import is_of_project, read_own, user_file, user_folder, write_own

DoorTable = Mapping[str, Any]

_KIND = "trust"
_HEAD = "# Written by runner. `runner trust --revoke` in the project takes it back.\n"


def trusted(project: Path) -> tuple[DoorTable, ...]:
    """The doors that are recorded for a project; RunnerError if the record cannot be read."""
    path = user_file(_KIND, project)
    return () if is_of_project(path, project) else _doors(_read(path))


def trust(project: Path, doors: Iterable[DoorTable]) -> Path:
    """Records doors for a project, instead of what is recorded; the file that has them now."""
    path = user_file(_KIND, project)
    if is_of_project(path, project):
        raise error(
            "Trust cannot be kept",
            f"Your configuration folder ({path.parent}) is inside of the project, which would then "
            "say itself what it may do. Work in a folder of the project's own, or name the hosts "
            "for one run: --trust HOST.",
        )
    write_own(path, project, _HEAD, {"door": [dict(door) for door in doors]})
    return path


def revoke(project: Path) -> bool:
    """Forgets what is recorded for a project; whether anything was."""
    return files.remove(user_file(_KIND, project))


def all_trusted() -> Iterator[tuple[str, tuple[DoorTable, ...]]]:
    """Every project that something is recorded for, by its path."""
    folder = user_folder(_KIND)
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        held = _read(path)
        yield str(held.get("project")), _doors(held)


def _read(path: Path) -> DoorTable:
    advice = "Remove the file, and say again what you trust: runner trust"
    return read_own(path, "Record of trust is damaged", advice)


def _doors(held: DoorTable) -> tuple[DoorTable, ...]:
    doors = held.get("door")
    return tuple(door for door in (doors if isinstance(doors, list) else ()) if _is_table(door))


def _is_table(door: object) -> bool:
    return isinstance(door, dict)
