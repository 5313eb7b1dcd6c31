"""`runner graph`: what waits for what, one node a block."""

import argparse
import sys

from runner.cli.views.graph.formats import dot, mermaid, svg
from runner.core.modules.dependencies import block_graph
from runner.operations.load import load
from runner.operations.project import tell_warnings

_DRAW = {"dot": dot, "mermaid": mermaid, "svg": svg}


def run(arguments: argparse.Namespace) -> int:
    """Print the graph in the format that was asked for."""
    project = load(arguments)
    tell_warnings(project)
    sys.stdout.write(_DRAW[arguments.format](block_graph(project.root)))
    return 0
