"""`runner shell-completion`: what a shell has to know to complete this command line."""

import argparse
import sys
from importlib.resources import files


def run(arguments: argparse.Namespace) -> int:
    """Print the script: it asks the runner itself, so that it knows the project's names."""
    script = files("runner") / "cli" / "shells" / f"runner.{arguments.shell}"
    sys.stdout.write(script.read_text(encoding="utf-8"))
    return 0
