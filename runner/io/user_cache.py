"""What is kept in the user's own cache folder, to be found sooner: whatever is there may go."""

import os
from contextlib import suppress
from pathlib import Path

from runner.errors import RunnerError
from runner.io import files
from runner.io.user_files import is_of_project


def cache_file(name: str, project: Path) -> Path | None:
    """The file of this name; None where the user's cache is inside of the project, which would then
    say itself what only we may say.
    """
    from platformdirs import user_cache_path  # noqa: PLC0415  # not every command looks there

    path = user_cache_path("runner") / name
    return None if is_of_project(path, project) else path


def kept_in(path: Path | None) -> bytes:
    """What a file holds; nothing if there is none, or none that can be read."""
    with suppress(RunnerError):
        return (files.read(path) or b"") if path is not None else b""
    return b""


def keep_in(path: Path | None, data: bytes) -> None:
    """Keep it, if there is a place that can be written; a crash may take it away again."""
    if path is None:
        return
    from tempfile import mkstemp  # noqa: PLC0415  # what is known already is only read

    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, name = mkstemp(prefix=f"{path.name}.", dir=path.parent)
        try:
            with os.fdopen(fd, "wb") as out:
                out.write(data)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink()
