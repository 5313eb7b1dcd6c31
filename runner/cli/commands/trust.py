"""`runner trust`: what this project may send where; a yes is kept in the user's own folder."""

import argparse
import sys
from collections.abc import Iterator

from runner.cli.commands.reading import agrees, read
from runner.cli.parser.options import place_of
from runner.cli.views.problems import tell_warnings
from runner.core.secrets.trust import Door, in_words, needs_asking
from runner.operations.reading.loaded import Loaded
from runner.operations.reading.trust import (
    admit_doors,
    still_closed,
    trust_no_more,
    trusted_projects,
    wanted,
)


def run(arguments: argparse.Namespace) -> int:
    """Show all that the project may reach, ask for what is new, record it."""
    if arguments.list:
        lines = [f"{line}\n" for line in _listed()]
        sys.stdout.writelines(lines)
        if not lines:
            sys.stderr.write("No project is trusted with anything yet.\n")
    elif arguments.revoke:
        forgotten = trust_no_more(place_of(arguments))
        said = "is not trusted any more" if forgotten else "was not trusted"
        sys.stdout.write(f"This project {said}.\n")
    else:
        _ask(read(arguments))
    return 0


def _ask(project: Loaded) -> None:
    doors = wanted(project)
    tell_warnings(project)
    if not doors:
        sys.stdout.write("Nothing leaves this machine: there is nothing to trust.\n")
        return
    closed = still_closed(project, doors)
    lines = "\n".join(_line(project, door, new=door in closed) for door in doors)
    mark = "\n\n+ is new, and not trusted yet." if closed else ""
    sys.stdout.write(f"When it is applied, this project may\n\n{lines}{mark}\n\n")
    sys.stdout.flush()
    if closed:
        if project.ask is not None:
            project.ask = agrees
        admit_doors(project, closed)
        tell_warnings(project)
        sys.stdout.write("\nThis project is trusted with that.\n")
    else:
        sys.stdout.write("There is nothing new to trust.\n")


def _line(project: Loaded, door: Door, *, new: bool) -> str:
    if new:
        return f"  + {in_words(door)}"
    usual = not needs_asking(door, project.reach.own)
    return f"    {in_words(door)}{' (needs no yes)' if usual else ' (trusted)'}"


def _listed() -> Iterator[str]:
    """Every project, and what it is trusted with."""
    for name, doors, newer in trusted_projects():
        yield name
        yield from (f"    {in_words(door)}" for door in doors)
        if newer:
            yield f"    and {newer} of a kind that this version does not know"
