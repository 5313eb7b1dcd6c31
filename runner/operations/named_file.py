"""A file that the user names to be written: `plan --out`, `apply --junit`."""

from collections.abc import Callable
from pathlib import Path

from runner.errors import Where, error
from runner.io import files, links


def target_file(
    project: Path, named: str, flag: str, kind: str, is_one: Callable[[bytes], bool]
) -> Path:
    """Where the file will be, links followed. RunnerError if a link of the project leads out of
    it, which the user need not know; or if something else than one of this `kind` stands there.
    """
    advice = f"Take the link away, or name another file with {flag}."
    target = links.refuse_leaving(project, Path(named), advice)
    if files.identity(target) is None:
        return target
    data = None if target.is_dir() else files.read(target)
    if data is None or (data and not is_one(data)):
        raise error(
            "File exists",
            f"{target} is there already and is no {kind}, so it was not overwritten. Name "
            f"another file with {flag}.",
            Where(str(target)),
        )
    return target
