"""`runner plan`: what would be issued, why, and what it costs."""

import argparse
import sys
from textwrap import fill

from runner.cli.commands.reading import read, tell_workspace
from runner.cli.views.plan import plan_text
from runner.cli.views.problems import report, tell_warnings
from runner.cli.views.style import Style, style
from runner.errors import Problem
from runner.operations.applying.ended import unfinished
from runner.operations.planning.plan import Planned, unfinished_answers
from runner.operations.planning.whole import whole_plan
from runner.operations.reading.loaded import Loaded


def run(arguments: argparse.Namespace) -> int:
    """Show the plan; with --out, save it."""
    if arguments.refresh_only:
        from runner.cli.commands.refresh import plan_refresh  # noqa: PLC0415  # aiohttp

        return plan_refresh(arguments)
    project = read(arguments)
    made = whole_plan(project, recalls=True)
    if arguments.out:
        from runner.operations.saved_plan.file import save  # noqa: PLC0415

        text = plan_text(made, project.secrets, Style(colour=False), full=arguments.full)
        save(project, made, arguments.out, text)
    show(project, made, arguments)
    show_untrusted(project, made, arguments)
    return 2 if not made.empty and arguments.detailed_exitcode else 0


def show_untrusted(project: Loaded, made: Planned, arguments: argparse.Namespace) -> None:
    """What apply will ask for before it sends anything."""
    if project.settings.offline:
        return
    from runner.operations.reading.trust import asked_by, listed, untrusted, ways  # noqa: PLC0415

    known, perhaps = asked_by(project, made.plan)
    closed = untrusted(project, known | perhaps)
    if not closed:
        return
    said = "\n".join(listed(closed))
    if getattr(arguments, "json", False):
        detail = f"Before apply sends anything, you have to say that this project may\n\n{said}"
        problem = Problem("Not trusted yet", detail, None, "warning")
        report([problem], project.secrets, as_json=True)
        return
    told = fill(ways(project, closed), 80, break_long_words=False, break_on_hyphens=False)
    sys.stdout.write(
        "\nNot trusted yet. Before it sends anything, apply asks whether this project may\n\n"
        f"{said}\n\n{told}\n"
    )


def show(project: Loaded, made: Planned, arguments: argparse.Namespace) -> None:
    """The plan on stdout, warnings on stderr."""
    project.warnings.extend(unfinished(unfinished_answers(made.plan)))
    if getattr(arguments, "refresh", False) and not project.settings.offline:
        from runner.operations.states.refresh import vanished  # noqa: PLC0415  # aiohttp

        project.warnings.extend(vanished(project, made))
    tell_warnings(project, as_json=arguments.json)
    if arguments.json:
        from runner.cli.views.json_lines import write  # noqa: PLC0415
        from runner.operations.applying.events import plan_events  # noqa: PLC0415

        for event in plan_events(made, project.secrets):
            write(event)
        return
    full = getattr(arguments, "full", False)
    tell_workspace(project)
    sys.stdout.write(plan_text(made, project.secrets, style(), full=full))
    if getattr(arguments, "out", None):
        sys.stdout.write(
            f"\nSaved the plan to: {arguments.out}\n\nTo carry out exactly this plan, run:\n"
            f"    runner apply {arguments.out}\n"
        )
