"""Links: nothing that a repository holds leads out of it.

What came with a clone is seen before it is used. Whoever changes the folder while a command runs
has the rights of its user already, and is not kept out; a hard link cannot be told from a file.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from runner.errors import RunnerError, Where, error
from runner.io import files


def refuse_links(root: Path, paths: Iterable[Path], advice: str) -> None:
    """RunnerError if one of the paths, or a folder of it below `root`, is a link.

    What lies outside of `root` was named by the user, who may have links there.
    """
    for path in paths:
        found = first_link(root, path)
        if found is not None:
            raise linked(found, advice)


def first_link(root: Path, path: Path) -> Path | None:
    """The first link on the way from `root`, which may be one itself, to the path, or there."""
    at = root
    for part in _parts(root, path):
        at = at / part
        if files.is_link(at):
            return at
    return None


def refuse_leaving(root: Path, path: Path, advice: str) -> Path:
    """Where a path leads, links followed; RunnerError, with the advice, if it is written as a part
    of `root` and leads out of it.
    """
    real = files.followed(path)
    if _parts(root, path) and not real.is_relative_to(files.followed(root)):
        raise linked(first_link(root, path) or path, advice)
    return real


def linked(link: Path, advice: str, name: str | None = None) -> RunnerError:
    """The error of a link where none may be followed. `advice` says in sentences what to do;
    `name` is what the link is called, if not as it is found.
    """
    shown = name or str(link)
    try:
        leads = f" to {link.readlink()}"
    except OSError:
        leads = ""
    return error(
        "Link in the project",
        f"{shown} is a link{leads}. A repository could have put it there, so the runner does not "
        f"follow it. {advice}",
        Where(shown),
    )


def _parts(root: Path, path: Path) -> tuple[str, ...]:
    """The steps from root to the path as it is written; none if it is written as outside."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - `..` goes, links stay
    for base in (Path(os.path.abspath(root)), files.followed(root)):  # noqa: PTH100
        if whole.is_relative_to(base):
            return whole.relative_to(base).parts
    return ()
