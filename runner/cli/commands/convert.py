"""`runner convert`: what other programs are given in, this configuration language out."""

import argparse
import sys

from runner.cli.streams import named_or_piped
from runner.cli.views.problems import report
from runner.operations.files.convert import converted


def run(arguments: argparse.Namespace) -> int:
    """Convert all files as one configuration; 1 if anything could not be kept."""
    made = converted([*map(named_or_piped, arguments.files)], arguments.out)
    if arguments.out is None:
        sys.stdout.write(made.text)
    if made.problems:
        report(made.problems)
    return 1 if any(problem.severity == "error" for problem in made.problems) else 0
