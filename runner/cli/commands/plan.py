"""`runner plan`: what would be issued, why, and what it costs."""

import argparse
import sys

from runner.cli.commands.loading import load
from runner.cli.commands.planning import Planned, unfinished_answers, whole_plan
from runner.cli.commands.world import Project, tell_warnings
from runner.cli.views.plan import plan_text
from runner.cli.views.report import unfinished
from runner.cli.views.style import style


def run(arguments: argparse.Namespace) -> int:
    """Show the plan; with --out, save it."""
    project = load(arguments)
    made = whole_plan(project, arguments)
    if arguments.out:
        from runner.cli.commands.planfile import save  # noqa: PLC0415

        save(project, made, arguments)
    show(project, made, arguments)
    return 2 if not made.empty and arguments.detailed_exitcode else 0


def show(project: Project, made: Planned, arguments: argparse.Namespace) -> None:
    """The plan on stdout, warnings on stderr."""
    project.warnings.extend(unfinished(unfinished_answers(made.plan)))
    if getattr(arguments, "refresh", False) and not project.settings.offline:
        from runner.cli.commands.refreshing import vanished  # noqa: PLC0415  # aiohttp

        project.warnings.extend(vanished(project, made))
    tell_warnings(project)
    if getattr(arguments, "json", False):
        from runner.cli.views.events import plan_events, write  # noqa: PLC0415

        for event in plan_events(made.plan, made.estimate, made.outputs, made.files):
            write(event)
        return
    full = getattr(arguments, "full", False)
    text = plan_text(made.plan, made.estimate, made.outputs, style(), files=made.files, full=full)
    sys.stdout.write(text)
    if getattr(arguments, "out", None):
        sys.stdout.write(
            f"\nSaved the plan to: {arguments.out}\n\nTo carry out exactly this plan, run:\n"
            f"    runner apply {arguments.out}\n"
        )
