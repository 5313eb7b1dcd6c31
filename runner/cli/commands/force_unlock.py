"""`runner force-unlock`: who holds the state, if anybody does."""

import argparse
import sys

from runner.cli.parser.options import place_of
from runner.operations.places import store_of


def run(arguments: argparse.Namespace) -> int:
    """Say that nobody holds the state; RunnerError names who does, and is status 1.

    The kernel gives the lock back when its process ends, so none is ever left to be broken.
    """
    store = store_of(place_of(arguments))
    if store.backend.exists():
        with store.lock("runner force-unlock"):
            pass
    sys.stdout.write(f"Nobody holds {store.name}.\n")
    return 0
