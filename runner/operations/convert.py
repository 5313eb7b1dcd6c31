"""Terraform's HCL, from files, as this configuration language."""

from collections.abc import Sequence
from pathlib import Path

from runner.errors import Problem, RunnerError, Where, error
from runner.hcl import Converted, convert
from runner.io import files, links
from runner.operations.named_file import read_source


def converted(sources: Sequence[str | bytes], out: str | None = None) -> Converted:
    """All sources as one configuration, written to `out` if that is given: files, folders for their
    *.tf, and what was piped, as bytes. RunnerError if there is a file `out` already.
    """
    target = None if out is None else Path(out)
    if target is not None:
        _refuse(target)
    made = convert(_texts(sources))
    if target is not None:
        files.make_directory(target.parent)
        files.write_atomic(target, made.text.encode())
    return made


def _refuse(target: Path) -> None:
    links.refuse_leaving(Path(), target, "Take the link away, or name another file with --out.")
    if files.identity(target) is not None:
        raise error(
            "File exists",
            f"{target} is there already, and convert never overwrites. Name another file with "
            "--out, or take it away.",
            Where(str(target)),
        )


def _texts(sources: Sequence[str | bytes]) -> list[tuple[str, str]]:
    """Each file's name and text; every missing one is told."""
    found: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            found += _text(source)
        except RunnerError as exc:
            problems += exc.problems
    if problems:
        raise RunnerError(*problems)
    return found


def _text(source: str | bytes) -> list[tuple[str, str]]:
    if isinstance(source, str) and Path(source).is_dir():
        inside = sorted(Path(source).glob("*.tf"))
        if not inside:
            raise error("No such file", f'There are no *.tf files in "{source}".', Where(source))
        return [pair for file in inside for pair in _text(str(file))]
    name, data = read_source(source)
    return [(name, files.text_of(name, data))]
