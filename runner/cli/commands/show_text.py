"""`runner show --text FILE`: a state's file as git shows it."""

import argparse
import sys

from runner.cli.streams import harmless, put
from runner.cli.views.records import record_text, values_text
from runner.errors import error
from runner.io.files import read_named
from runner.operations.files.merging import told_in


def run(arguments: argparse.Namespace) -> int:
    """Print it; as it is, if it is no such file: git shows nothing at all where this fails."""
    if arguments.what is None:
        raise error("No file", "--text shows a file: runner show --text state/state.json")
    data = read_named(arguments.what)
    match told_in(data):
        case list(records):
            lines = (line for one in records for line in (*record_text(one, None), ""))
        case dict(values):
            lines = (line for line in values_text(values))
        case None:
            put(data)
            return 0
    sys.stdout.writelines(f"{harmless(line)}\n" for line in lines)
    return 0
