"""`runner workspace`: list, make and delete states of one configuration."""

import argparse
import sys

from runner.cli.parser.options import place_of
from runner.operations.places import settings_of, workspace_names
from runner.operations.workspaces import delete, make


def run(arguments: argparse.Namespace) -> int:
    """One of list, new and delete."""
    place, name = place_of(arguments), getattr(arguments, "name", "")
    match arguments.action:
        case "list":
            return _list(arguments)
        case "new":
            make(place, name)
            sys.stderr.write(
                f"Made the workspace {name}. Work in it with --workspace {name}, or with "
                f"RUNNER_WORKSPACE={name}.\n"
            )
        case _:
            delete(place, name, force=arguments.force)
            sys.stderr.write(f"Deleted the workspace {name}. Its answers stay in the cache.\n")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    current = settings_of(place_of(arguments)).workspace
    found = workspace_names(place_of(arguments))
    for name in found:
        sys.stdout.write(f"{'*' if name == current else ' '} {name}\n")
    if current not in found:
        sys.stderr.write(f"The current one, {current}, is not there yet.\n")
    return 0
