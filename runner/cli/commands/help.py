"""`runner help`: what --help says."""

import argparse

from runner.cli.parser.arguments import parser


def run(arguments: argparse.Namespace) -> int:
    """Print the help of a command, or of all."""
    parser().parse_args([*arguments.words, "--help"])
    return 0
