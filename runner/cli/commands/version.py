"""`runner version`: which runner this is."""

import argparse
import json
import platform
import sys

from runner import __version__
from runner.cli.parser.verb import PROG


def run(arguments: argparse.Namespace) -> int:
    """Print it; with --json, and what it runs on."""
    if not arguments.json:
        sys.stdout.write(f"{PROG} {__version__}\n")
        return 0
    told = {
        "runner_version": __version__,
        "python_version": platform.python_version(),
        "platform": f"{sys.platform}_{platform.machine()}",
    }
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 0
