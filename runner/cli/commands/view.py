"""`runner view`: the answers, beside each other, in a browser."""

import argparse
import sys
import webbrowser

from runner.cli.parser.options import options_of
from runner.io.web.guard import is_any, is_local
from runner.operations.viewing.project_view import Looked
from runner.operations.viewing.view import ViewOptions, show_project


def run(arguments: argparse.Namespace) -> int:
    """Show the project until Ctrl-C, which is how this ends."""
    if not is_local(arguments.host):
        sys.stderr.write(_warning(arguments.host))

    def ready(address: str) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        sys.stderr.write("Read-only. Ctrl-C ends it.\n")
        if arguments.open:
            webbrowser.open(address)

    looked = Looked(arguments.rev, arguments.against)
    try:
        show_project(
            options_of(arguments), ViewOptions(arguments.host, arguments.port, looked), ready
        )
    except KeyboardInterrupt:
        sys.stderr.write("\n")
    return 0


def _warning(host: str) -> str:
    said = f"Warning: whoever reaches {host} and has the address below can read all answers.\n"
    if is_any(host):
        said += "It answers to the name localhost alone. For others: --host, and what they type.\n"
    return said
