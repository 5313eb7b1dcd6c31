"""`runner plan`: what would be issued, why, and what it costs."""

import argparse
import sys
from textwrap import fill

from runner.cli.views.plan import plan_text
from runner.cli.views.problems import report
from runner.cli.views.report import unfinished
from runner.cli.views.style import style
from runner.errors import Problem
from runner.operations.load import load
from runner.operations.plan import Planned, unfinished_answers, whole_plan
from runner.operations.project import Project, tell_warnings


def run(arguments: argparse.Namespace) -> int:
    """Show the plan; with --out, save it."""
    project = load(arguments)
    made = whole_plan(project, arguments)
    if arguments.out:
        from runner.operations.saved_plan.file import save  # noqa: PLC0415

        save(project, made, arguments)
    show(project, made, arguments)
    _show_untrusted(project, made, arguments)
    return 2 if not made.empty and arguments.detailed_exitcode else 0


def _show_untrusted(project: Project, made: Planned, arguments: argparse.Namespace) -> None:
    """What apply will ask for before it sends anything."""
    if project.settings.offline:
        return
    from runner.operations.trust import asked_by, listed, untrusted, ways  # noqa: PLC0415

    known, perhaps = asked_by(project, made.plan)
    closed = untrusted(project, known | perhaps)
    if not closed:
        return
    said = "\n".join(listed(closed))
    if getattr(arguments, "json", False):
        detail = f"Before apply sends anything, you have to say that this project may\n\n{said}"
        report([Problem("Not trusted yet", detail, None, "warning")], as_json=True)
        return
    told = fill(ways(project, closed), 80, break_long_words=False, break_on_hyphens=False)
    sys.stdout.write(
        "\nNot trusted yet. Before it sends anything, apply asks whether this project may\n\n"
        f"{said}\n\n{told}\n"
    )


def show(project: Project, made: Planned, arguments: argparse.Namespace) -> None:
    """The plan on stdout, warnings on stderr."""
    project.warnings.extend(unfinished(unfinished_answers(made.plan)))
    if getattr(arguments, "refresh", False) and not project.settings.offline:
        from runner.operations.refresh import vanished  # noqa: PLC0415  # aiohttp

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
