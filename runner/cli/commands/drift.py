"""`runner drift`: whether models still answer as they did."""

import argparse
import sys
from functools import partial

import orjson

from runner.cli.commands.reading import read
from runner.cli.parser.arguments import INTERRUPTED, UNMET
from runner.cli.terminal.asking import approved
from runner.cli.terminal.interrupting import Interrupts
from runner.cli.views.drift import drift_json, drift_plan_text, drift_text
from runner.cli.views.problems import report, tell_warnings
from runner.cli.views.running.telling import progress
from runner.cli.views.style import style
from runner.operations.drift.ask import AskedAgain, ask_again, foresee_drift, not_asked
from runner.operations.drift.findings import drift_found
from runner.operations.drift.plan import DriftAsked, PlannedDrift, plan_drift
from runner.operations.reading.loaded import Loaded
from runner.operations.spending import paid_for


def run(arguments: argparse.Namespace) -> int:
    """Choose, show, ask, compare."""
    project = read(arguments)
    planned = plan_drift(project, _asked_for(arguments))
    asked = not_asked(planned)
    if not planned.plan.empty:
        foresee_drift(project, planned)
        sys.stderr.write(drift_plan_text(planned, style(sys.stderr)))
        about = "runner will send these requests again; state and records stay as they are."
        if not approved(arguments, "\nDo you want to ask again?", about):
            return 1
        asked = _ask(project, planned, arguments)
    return _tell(project, planned, asked, arguments)


def _asked_for(arguments: argparse.Namespace) -> DriftAsked:
    return DriftAsked(
        tuple(arguments.addresses),
        arguments.count,
        arguments.share,
        arguments.seed,
        arguments.repeat,
    )


def _ask(project: Loaded, planned: PlannedDrift, arguments: argparse.Namespace) -> AskedAgain:
    interrupts, paid = Interrupts(), partial(paid_for, prices=project.prices)
    shown = argparse.Namespace(**{**vars(arguments), "json": False})  # stdout has one object alone
    total = len(planned.plan.steps)
    with interrupts.heard(), progress(shown, total, paid, interrupts.during) as told:
        return ask_again(project, planned, told)


def _tell(
    project: Loaded, planned: PlannedDrift, asked: AskedAgain, arguments: argparse.Namespace
) -> int:
    found = drift_found(project, planned, asked)
    tell_warnings(project)
    report(asked.problems, project.secrets)
    status = UNMET if found.is_shown else 0
    if asked.failed or not (planned.sampled or project.settings.offline):
        status = 1  # not all of it could be asked
    if asked.interrupted:
        status = INTERRUPTED
    if arguments.json:
        told = drift_json(planned, asked, found, status)
        sys.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(drift_text(planned, asked, found, style()))
    return status
