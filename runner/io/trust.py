"""What the user trusts each project with, in the user's own configuration folder: a file each."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from runner.core.toml.source import parse, source
from runner.errors import RunnerError, error
from runner.io import files

DoorTable = Mapping[str, Any]

_HEAD = "# Written by runner. `runner trust --revoke` in the project takes it back.\n"


def trusted(project: Path) -> tuple[DoorTable, ...]:
    """The doors that are recorded for a project; RunnerError if the record cannot be read."""
    folder = _folder()
    return () if _is_inside(folder, project) else _doors(_read(folder / _name(project)))


def trust(project: Path, doors: Iterable[DoorTable]) -> Path:
    """Records doors for a project, instead of what is recorded; the file that has them now."""
    folder = _folder()
    if _is_inside(folder, project):
        raise error(
            "Trust cannot be kept",
            f"Your configuration folder ({folder}) is inside of the project, which would then say "
            "itself what it may do. Work in a folder of the project's own, or name the hosts for "
            "one run: --trust HOST.",
        )
    path = folder / _name(project)
    import tomli_w  # noqa: PLC0415  # who says yes may wait for it

    held = {"project": _text(project), "door": [dict(door) for door in doors]}
    files.make_directory(folder)
    try:
        folder.chmod(0o700)
        # It is written beside and moved here with the mode that it finds.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as cause:
        raise files.failure("write", path, cause) from cause
    files.write_atomic(path, (_HEAD + tomli_w.dumps(held)).encode())
    return path


def revoke(project: Path) -> bool:
    """Forgets what is recorded for a project; whether anything was."""
    return files.remove(_folder() / _name(project))


def all_trusted() -> Iterator[tuple[str, tuple[DoorTable, ...]]]:
    """Every project that something is recorded for, by its path."""
    folder = _folder()
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        held = _read(path)
        yield str(held.get("project")), _doors(held)


def _folder() -> Path:
    from platformdirs import user_config_path  # noqa: PLC0415  # most commands ask nobody

    return user_config_path("runner") / "trust"


def _name(project: Path) -> str:
    return f"{sha256(os.fsencode(project.resolve())).hexdigest()}.toml"


def _text(project: Path) -> str:
    return os.fsencode(project.resolve()).decode(errors="backslashreplace")


def _is_inside(folder: Path, project: Path) -> bool:
    return folder.resolve().is_relative_to(project.resolve())


def _read(path: Path) -> DoorTable:
    data = files.read(path)
    if not data:
        return {}
    try:
        return parse(source(str(path), data))
    except RunnerError as exc:
        said = " ".join(problem.detail for problem in exc.problems)
        raise error(
            "Record of trust is damaged",
            f"{said} Remove the file, and say again what you trust: runner trust",
            exc.problems[0].where,
        ) from exc


def _doors(held: DoorTable) -> tuple[DoorTable, ...]:
    doors = held.get("door")
    return tuple(door for door in (doors if isinstance(doors, list) else ()) if _is_table(door))


def _is_table(door: object) -> bool:
    return isinstance(door, dict)
