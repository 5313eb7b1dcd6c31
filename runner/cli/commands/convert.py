"""`runner convert`: Terraform HCL in, this configuration language out."""

import argparse
import sys
from pathlib import Path

from runner.cli.streams import STDIN
from runner.cli.views.problems import report
from runner.errors import Problem, RunnerError, Where, error
from runner.hcl import convert
from runner.io import files, links


def run(arguments: argparse.Namespace) -> int:
    """Convert all files as one configuration; 1 if anything could not be kept."""
    target = None if arguments.out is None else Path(arguments.out)
    if target is not None:
        links.refuse_leaving(Path(), target, "Take the link away, or name another file with --out.")
    if target is not None and files.identity(target) is not None:
        raise error(
            "File exists",
            f"{target} is there already, and convert never overwrites. Name another file with "
            "--out, or take it away.",
            Where(str(target)),
        )
    made = convert(_texts(arguments.files))
    if target is None:
        sys.stdout.write(made.text)
    else:
        files.make_directory(target.parent)
        files.write_atomic(target, made.text.encode())
    if made.problems:
        report(made.problems)
    return 1 if any(problem.severity == "error" for problem in made.problems) else 0


def _texts(names: list[str]) -> list[tuple[str, str]]:
    """Each file's name and text; a folder stands for its *.tf; every missing one is told."""
    found: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for name in names:
        try:
            found += _text(name)
        except RunnerError as exc:
            problems += exc.problems
    if problems:
        raise RunnerError(*problems)
    return found


def _text(name: str) -> list[tuple[str, str]]:
    if name == STDIN:
        return [("standard input", _decoded(sys.stdin.buffer.read()))]
    path = Path(name)
    if path.is_dir():
        inside = sorted(path.glob("*.tf"))
        if not inside:
            raise error("No such file", f'There are no *.tf files in "{name}".', Where(name))
        return [pair for file in inside for pair in _text(str(file))]
    text = files.text_of(path, files.read_named(path))
    if text is None:
        raise error("No such file", f'There is no file "{name}".', Where(name))
    return [(name, text)]


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as cause:
        line = data.count(b"\n", 0, cause.start) + 1
        detail = f"A byte in this line is not UTF-8 ({cause.reason}). Pipe text in UTF-8."
        raise error("File is not UTF-8", detail, Where("standard input", line)) from cause
