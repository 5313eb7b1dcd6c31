"""`runner graph`: what waits for what, one node a block."""

import argparse
import sys

from runner.cli.commands.reading import read
from runner.cli.views.graph.formats import dot, mermaid, svg
from runner.cli.views.problems import tell_warnings

_DRAW = {"dot": dot, "mermaid": mermaid, "svg": svg}


def run(arguments: argparse.Namespace) -> int:
    """Print the graph in the format that was asked for."""
    project = read(arguments)
    tell_warnings(project)
    sys.stdout.write(_DRAW[arguments.format](project.graph))
    return 0
