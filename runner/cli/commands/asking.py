"""A question that only `yes` answers with yes."""

import argparse
import sys

from runner.errors import error


def approved(arguments: argparse.Namespace, question: str, about: str) -> bool:
    """Whether the person agrees, or --auto-approve was given; RunnerError if nobody can be asked.

    `question` is one line with its question mark, `about` a sentence on what will happen.
    """
    if arguments.auto_approve:
        return True
    if not sys.stdin.isatty():
        raise error(
            "Nobody to ask",
            f"{about} There is no terminal to ask for approval: give --auto-approve.",
        )
    sys.stderr.write(
        f"{question}\n  {about}\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: "
    )
    sys.stderr.flush()
    if sys.stdin.readline().strip() == "yes":
        return True
    sys.stderr.write("\nCancelled.\n")
    return False
