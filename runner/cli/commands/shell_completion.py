"""`runner shell-completion`: what a shell has to know to complete this command line."""

import argparse
import sys

import shtab

from runner.cli.parser.arguments import parser


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    sys.stdout.write(shtab.complete(parser(), arguments.shell) + "\n")
    return 0
