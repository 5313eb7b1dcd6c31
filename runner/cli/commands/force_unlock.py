"""`runner force-unlock`: who holds the state, if anybody does, or nobody from now on."""

import argparse
import sys

from runner.cli.parser.options import place_of
from runner.operations.project.workspaces import unlock


def run(arguments: argparse.Namespace) -> int:
    """Say that nobody holds the state; RunnerError names who does, and is status 1."""
    done = unlock(place_of(arguments), arguments.id)
    if done.holder is None:
        sys.stdout.write(f"Nobody holds {done.place}.\n")
        return 0
    sys.stdout.write(
        f"The lock of {done.place} is taken away. It was held by {done.holder}. If that still "
        "runs, it stops before it writes, and keeps what it has in a file.\n"
    )
    return 0
