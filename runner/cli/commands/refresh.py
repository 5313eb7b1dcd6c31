"""`runner plan --refresh-only` and `runner apply --refresh-only`: what changed outside, alone."""

import argparse
import sys

from runner.cli.commands.reading import read, tell_workspace
from runner.cli.streams import put
from runner.cli.terminal.asking import approved
from runner.cli.views.json_lines import write
from runner.cli.views.problems import report, tell_warnings
from runner.cli.views.refresh import refresh_events, refresh_text
from runner.cli.views.style import style
from runner.errors import counted, error
from runner.operations.applying.events import apply_end
from runner.operations.applying.finish import Finished
from runner.operations.reading.loaded import Loaded
from runner.operations.states.refresh import RefreshPlan, held_refresh, record_refresh, refresh_plan

_BESIDE = ("replace", "destroy", "out", "plan", "batch", "stream", "junit", "check")


def plan_refresh(arguments: argparse.Namespace) -> int:
    """Show what changed outside."""
    project = _read(arguments)
    plan = refresh_plan(project)
    _show(project, plan, arguments)
    return 2 if not plan.empty and arguments.detailed_exitcode else 0


def apply_refresh(arguments: argparse.Namespace) -> int:
    """Show it, ask, record it."""
    project = _read(arguments)
    with held_refresh(project) as plan:
        _show(project, plan, arguments)
        about = "The state is to hold what the servers have, as described above; nothing is issued."
        writes = plan.changes or plan.moves or plan.files
        if writes and not approved(arguments, "\nDo you want to record these changes?", about):
            return 1
        return _tell(project, plan, record_refresh(project, plan), arguments)


def _read(arguments: argparse.Namespace) -> Loaded:
    beside = [name for name in _BESIDE if getattr(arguments, name, None) not in (None, False, [])]
    if beside:
        flag = "a saved plan" if beside[0] == "plan" else f"--{beside[0]}"
        raise error(
            "Nothing but a refresh",
            f"--refresh-only records what changed outside and issues nothing, so {flag} cannot "
            "stand beside it. Leave one of them out.",
        )
    project = read(arguments)
    if project.settings.offline:
        raise error(
            "Refresh needs the servers",
            "--refresh-only asks the servers what they have, and this run is offline. Leave out "
            "--offline, or --refresh-only.",
        )
    return project


def _show(project: Loaded, plan: RefreshPlan, arguments: argparse.Namespace) -> None:
    tell_warnings(project, as_json=arguments.json)
    if arguments.json:
        for event in refresh_events(plan):
            write(event)
        return
    tell_workspace(project)
    sys.stdout.write(refresh_text(plan, style(), full=arguments.full))


def _tell(
    project: Loaded, plan: RefreshPlan, finished: Finished, arguments: argparse.Namespace
) -> int:
    for content in finished.unsaved:  # what no file could take: the last place left
        put(content)
    report(finished.problems, project.secrets, as_json=arguments.json)
    if arguments.json:
        for event in apply_end(None, finished.outputs, finished.spent):
            write(event)
    elif not plan.empty:
        done = f"Refresh complete! {counted(len(plan.changes), 'record')} refreshed."
        sys.stdout.write(f"\n{done}\n")
    return int(finished.failed)
