"""`runner import`: a stored completion into the state, and its block on stdout."""

import argparse
import sys

from runner.cli.commands.reading import read
from runner.cli.streams import put
from runner.cli.views.problems import report, tell_warnings
from runner.operations.states.adopt import adopt


def run(arguments: argparse.Namespace) -> int:
    """Fetch, record, print the block."""
    adopted = adopt(read(arguments), arguments.address, arguments.id, arguments.provider)
    for content in adopted.unsaved:
        put(content)
    if adopted.problems:
        report(adopted.problems, arguments.secrets)
    tell_warnings(adopted.project)
    sys.stdout.write(adopted.block)
    said = "Its block is above: in a file of the configuration, it plans as unchanged."
    if adopted.declared:
        said = "The configuration has its block; `runner plan` shows whether they differ."
    sys.stderr.write(f"Imported {adopted.record.address}. {said}\n")
    return 0
