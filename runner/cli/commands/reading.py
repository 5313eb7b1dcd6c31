"""The project that a command line means, read as it says."""

import argparse
import sys
from pathlib import Path

from runner.cli.parser.options import options_of, secrets_of
from runner.cli.terminal.asking import is_there, says_yes
from runner.core.secrets.trust import Door
from runner.errors import Problem, RunnerError
from runner.operations.options import Options
from runner.operations.reading.load import load
from runner.operations.reading.loaded import Loaded
from runner.operations.reading.trust import listed


def read(arguments: argparse.Namespace, options: Options | None = None) -> Loaded:
    """The project, with a person to be asked where one sits at a terminal; RunnerError if it
    cannot be read. `options` are those of the command line, if no others are given.
    """
    asks = ask if is_there(arguments) and sys.stderr.isatty() else None
    project = load(options or options_of(arguments), secrets_of(arguments), asks)
    if project.settings.log_level in ("debug", "info"):
        from runner.cli.views.logs import turn_on  # noqa: PLC0415  # only who asks pays for it

        turn_on(project.settings.log_level, project.secrets)
    return project


def read_for_checks(arguments: argparse.Namespace) -> Loaded | Problem | None:
    """The project, where it has checks; None where it has none, and a warning where nobody knows,
    because its configuration cannot be read: what else a command shows does without.
    """
    if not any(Path(arguments.chdir, arguments.config).glob("*.toml")):
        return None
    try:
        project = read(arguments)
    except RunnerError as exc:
        said = " ".join(f"{one.summary}." for one in exc.problems)
        return Problem("Checks are left out", said, None, "warning")
    return project if project.root.checks else None


def ask(closed: tuple[Door, ...]) -> bool:
    """Whether a person trusts the project with that; what it is, is shown first."""
    lines = "\n".join(listed(closed))
    sys.stderr.write(f"\nThis project is not trusted yet to\n\n{lines}\n\n")
    return agrees(closed)


def agrees(_: tuple[Door, ...]) -> bool:
    """Whether a person, who has seen what it is, trusts the project with that."""
    return says_yes(
        "Do you trust this project with that?",
        "A yes is kept in your own configuration folder, until `runner trust --revoke`.",
    )


def tell_workspace(project: Loaded) -> None:
    """Says whose answers follow, where that is not the usual workspace: what is about to be paid
    for, or removed, may be another's.
    """
    if project.other_workspace is not None:
        sys.stderr.write(f"In the workspace {project.other_workspace}:\n\n")
