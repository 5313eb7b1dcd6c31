"""`runner convert`: Terraform HCL in, this configuration language out."""

import argparse
import sys

from runner.cli.streams import STDIN
from runner.cli.views.problems import report
from runner.operations.convert import converted


def run(arguments: argparse.Namespace) -> int:
    """Convert all files as one configuration; 1 if anything could not be kept."""
    files = arguments.files
    sources = [sys.stdin.buffer.read() if name == STDIN else name for name in files]
    made = converted(sources, arguments.out)
    if arguments.out is None:
        sys.stdout.write(made.text)
    if made.problems:
        report(made.problems)
    return 1 if any(problem.severity == "error" for problem in made.problems) else 0
