"""`runner rollback`: earlier answers again, shown as a plan, approved like one, for free."""

import argparse
import sys

from runner.cli.commands.reading import read, tell_workspace
from runner.cli.streams import put
from runner.cli.terminal.asking import approved
from runner.cli.views.problems import report, tell_warnings
from runner.cli.views.rollback import rollback_events, rollback_text
from runner.cli.views.style import style
from runner.errors import counted, error
from runner.operations.caches.keeping import KeptAnswers
from runner.operations.reading.loaded import Loaded
from runner.operations.recorded.revisions import source_of
from runner.operations.spending import costs
from runner.operations.states.rollback import RollbackPlan, held_rollback, roll_back


def run(arguments: argparse.Namespace) -> int:
    """Plan, ask, go back."""
    if bool(arguments.addresses) == arguments.all:
        raise error(
            "Nothing to roll back",
            "Name the addresses that go back, or give --all: runner rollback completion.chat "
            "--to HEAD~1",
        )
    project = read(arguments)
    source = source_of(project.options.place, arguments.to)
    with held_rollback(project, arguments.addresses, source) as plan:
        _show(project, plan, arguments)
        about = "Records go back as described above; the configuration is not changed."
        if plan.empty or not approved(arguments, "\nDo you want to roll back?", about):
            return 0 if plan.empty else 1
        return _carry_out(project, plan, arguments)


def _show(project: Loaded, plan: RollbackPlan, arguments: argparse.Namespace) -> None:
    tell_warnings(project, as_json=arguments.json)
    if arguments.json:
        from runner.cli.views.json_lines import write  # noqa: PLC0415

        for event in rollback_events(plan):
            write(event)
        return
    price = costs(project.prices)
    tell_workspace(project)
    sys.stdout.write(rollback_text(plan, price, style(), full=arguments.full))


def _carry_out(project: Loaded, plan: RollbackPlan, arguments: argparse.Namespace) -> int:
    kept, finished = roll_back(project, plan)
    problems = () if finished is None else finished.problems
    for content in () if finished is None else finished.unsaved:
        put(content)
    report(problems, project.secrets, as_json=arguments.json)
    if arguments.json:
        from runner.cli.views.json_lines import write  # noqa: PLC0415

        done = {"restored": len(plan.of("restore")), "cached": kept.new}
        write({"type": "rollback_complete", **done})
    else:
        sys.stdout.write(f"\n{_done(plan, kept)}\n")
    return int(any(problem.severity == "error" for problem in problems))


def _done(plan: RollbackPlan, kept: KeptAnswers) -> str:
    restored = f"{len(plan.of('restore'))} rolled back"
    cached = f"{counted(kept.new, 'answer')} new in the cache, {kept.there} there already"
    return f"Rollback complete! {restored}, {cached}."
