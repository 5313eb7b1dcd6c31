"""A question that only `yes` answers with yes."""

import argparse
import sys

from runner.errors import error


def approved(arguments: argparse.Namespace, question: str, about: str, otherwise: str = "") -> bool:
    """Whether the person agrees, or --auto-approve was given; RunnerError if nobody can be asked.

    `question` is one line with its question mark, `about` a sentence on what will happen;
    `otherwise` says what there is besides --auto-approve.
    """
    if arguments.auto_approve:
        return True
    if not is_there(arguments):
        raise error(
            "Nobody to ask",
            f"{about} There is no terminal to ask for approval, or --no-input says to ask nothing: "
            f"give --auto-approve{otherwise}.",
        )
    if says_yes(question, about):
        return True
    sys.stderr.write("\nCancelled.\n")
    return False


def is_there(arguments: argparse.Namespace) -> bool:
    """Whether a person sits there who may be asked."""
    return bool(getattr(arguments, "input", True)) and sys.stdin.isatty()


def says_yes(question: str, about: str) -> bool:
    """Ask at the terminal; nothing but `yes` is taken for it."""
    sys.stderr.write(
        f"{question}\n  {about}\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: "
    )
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "yes"
