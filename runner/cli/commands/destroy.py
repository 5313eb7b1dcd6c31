"""`runner destroy`: an apply of the plan that removes everything."""

import argparse

from runner.cli.commands import apply


def run(arguments: argparse.Namespace) -> int:
    """Remove every record; delete at the server what it stored."""
    arguments.destroy, arguments.plan, arguments.junit = True, None, None
    return apply.run(arguments)
