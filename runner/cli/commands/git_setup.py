"""`runner git-setup`: git merges states by address from now on, and shows them as text."""

import argparse
import sys

from runner.cli.parser.options import place_of
from runner.operations.files.git_setup import GitSetup, git_setup


def run(arguments: argparse.Namespace) -> int:
    """Set up what is missing and say what that was; with --check, only say it."""
    found = git_setup(place_of(arguments), write=not arguments.check)
    if found.is_done:
        sys.stderr.write("Git is set up: it merges states by address, and shows them as text.\n")
        return 0
    told = ("Missing in", "Missing in") if arguments.check else ("Added to", "Set in")
    if found.lines:
        _list(f"{told[0]} {found.file}", found.lines)
    if found.settings:
        lines = [f"{name} = {value}" for name, value in found.settings]
        _list(f"{told[1]} the configuration of this clone", lines)
    sys.stderr.write("\n" + (_MISSING if arguments.check else _next(found)))
    return int(arguments.check)


def _list(title: str, lines: "list[str] | tuple[str, ...]") -> None:
    sys.stdout.write(f"{title}:\n")
    sys.stdout.writelines(f"    {line}\n" for line in lines)


_MISSING = "`runner git-setup` sets it up.\n"


def _next(found: GitSetup) -> str:
    commit = f"Commit {found.file}. " if found.lines else ""
    return (
        f"{commit}Each clone needs `runner git-setup` once; without it git merges states line by "
        "line.\n"
    )
