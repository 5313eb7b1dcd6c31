"""What is kept for each project in the user's own configuration folder: a file each."""

import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from runner.errors import RunnerError, error
from runner.io import files


def user_folder(kind: str) -> Path:
    """Where files of this kind stand, whether or not there are any."""
    from platformdirs import user_config_path  # noqa: PLC0415  # most commands ask nobody

    return user_config_path("runner") / kind


def user_file(kind: str, project: Path) -> Path:
    """The file of this kind that is about a project."""
    name = f"{sha256(os.fsencode(project.resolve())).hexdigest()}.toml"
    return user_folder(kind) / name


def is_of_project(path: Path, project: Path) -> bool:
    """Whether the user's folder is inside of the project, which would then say itself what only
    the user may say.
    """
    return path.parent.resolve().is_relative_to(project.resolve())


def read_own(path: Path, damaged: str, advice: str) -> Mapping[str, Any]:
    """What such a file says; nothing if there is none. RunnerError, of the summary `damaged` and
    with the advice, if it cannot be read.
    """
    data = files.read(path)
    if not data:
        return {}
    from runner.core.toml.source import parse, source  # noqa: PLC0415  # most users keep nothing

    try:
        return parse(source(str(path), data))
    except RunnerError as exc:
        said = " ".join(problem.detail for problem in exc.problems)
        raise error(damaged, f"{said} {advice}", exc.problems[0].where) from exc


def write_own(path: Path, project: Path, head: str, held: Mapping[str, Any]) -> None:
    """Write such a file, which nobody else may read; it says which project it is about."""
    import tomli_w  # noqa: PLC0415  # who says something for good may wait for it

    about = os.fsencode(project.resolve()).decode(errors="backslashreplace")
    files.make_directory(path.parent)
    try:
        path.parent.chmod(0o700)
        # It is written beside and moved here with the mode that it finds.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as cause:
        raise files.failure("write", path, cause) from cause
    files.write_atomic(path, (head + tomli_w.dumps({"project": about, **held})).encode())
