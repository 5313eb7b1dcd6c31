"""The project that the current folder is a part of."""

import os
import stat
from contextlib import suppress
from pathlib import Path


def project_above(config: str, state: str) -> Path | None:
    """The closest folder above the current one that holds a configuration, relative to it; None if
    there is none, or if the current one is a project itself.

    No folder of somebody else's is looked at: all on the way belong to this user and may not be
    written by everybody; the way ends where a Git worktree does, and below the user's home.
    """
    here = Path.cwd()
    if (here / config).is_dir() or (here / state).is_dir():
        return None
    home = _home()
    up = Path()
    for folder in (here, *here.parents):
        if not _is_own(folder) or folder == home:
            return None
        if folder != here and _is_project(folder, config):
            return up
        if os.path.lexists(folder / ".git"):
            return None
        up /= ".."
    return None


def _is_project(folder: Path, config: str) -> bool:
    """Whether its configuration is there, and as much the user's own as the folder."""
    held = folder / config
    return held.is_dir() and _is_own(held) and any(held.glob("*.toml"))


def _is_own(folder: Path) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    if os.name != "posix":
        return True  # whose it is says an access list; the way ends below the user's home
    return found.st_uid == os.geteuid() and not found.st_mode & stat.S_IWOTH


def _home() -> Path | None:
    with suppress(RuntimeError):  # nobody's
        return Path.home()
    return None
