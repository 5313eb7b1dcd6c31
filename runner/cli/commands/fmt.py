"""`runner fmt`: the configuration in its canonical layout, comments kept."""

import argparse
import sys

from runner.cli.parser.options import place_of
from runner.cli.streams import STDIN, put
from runner.errors import error
from runner.operations.files.layout import in_layout, relaid


def run(arguments: argparse.Namespace) -> int:
    """Lay out each file, and print the names of those that change; 1 with --check if any would."""
    if STDIN in arguments.files:
        return _stdin(arguments)
    changed = False
    for name in relaid(place_of(arguments), arguments.files, write=not arguments.check):
        sys.stdout.write(f"{name}\n")
        changed = True
    return 1 if arguments.check and changed else 0


def _stdin(arguments: argparse.Namespace) -> int:
    if len(arguments.files) > 1:
        raise error("Too many files", "- is standard input; it stands alone.")
    data = sys.stdin.buffer.read()
    formatted = in_layout("<standard input>", data)
    if arguments.check:
        return 1 if formatted != data else 0
    put(formatted)
    return 0
