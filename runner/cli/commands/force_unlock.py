"""`runner force-unlock`: who holds the state, if anybody does."""

import argparse
import sys

from runner.cli.parser.options import place_of
from runner.operations.workspaces import unheld


def run(arguments: argparse.Namespace) -> int:
    """Say that nobody holds the state; RunnerError names who does, and is status 1."""
    sys.stdout.write(f"Nobody holds {unheld(place_of(arguments))}.\n")
    return 0
