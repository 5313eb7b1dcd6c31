"""`runner workspace`: list, make and delete states of one configuration."""

import argparse
import json
import sys

from runner.cli.parser.options import place_of
from runner.operations.options import ProjectPlace
from runner.operations.project.places import settings_of
from runner.operations.project.workspaces import choose, delete, make, workspace_names


def run(arguments: argparse.Namespace) -> int:
    """One of list, show, select, new and delete."""
    place, name = place_of(arguments), getattr(arguments, "name", "")
    match arguments.action:
        case "list":
            return _list(arguments)
        case "show":
            sys.stdout.write(f"{settings_of(place).workspace}\n")
        case "select":
            _select(place, name, may_make=arguments.or_create)
        case "new":
            make(place, name)
            sys.stderr.write(
                f"Made the workspace {name}. Work in it with --workspace {name}, with "
                f"RUNNER_WORKSPACE={name}, or from now on: runner workspace select {name}\n"
            )
        case _:
            delete(place, name, force=arguments.force)
            sys.stderr.write(f"Deleted the workspace {name}. Its answers stay in the cache.\n")
    return 0


def _select(place: ProjectPlace, name: str, *, may_make: bool) -> None:
    meant = choose(place, name, may_make=may_make)
    sys.stderr.write(f"Selected the workspace {name} for this project, for you alone.\n")
    if meant != name:
        sys.stderr.write(
            f"--workspace or RUNNER_WORKSPACE counts before that, and names {meant}.\n"
        )


def _list(arguments: argparse.Namespace) -> int:
    current = settings_of(place_of(arguments)).workspace
    found = workspace_names(place_of(arguments))
    if arguments.json:
        told = [{"name": name, "current": name == current} for name in found]
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return 0
    for name in found:
        sys.stdout.write(f"{'*' if name == current else ' '} {name}\n")
    if current not in found:
        sys.stderr.write(f"The current one, {current}, is not there yet.\n")
    return 0
