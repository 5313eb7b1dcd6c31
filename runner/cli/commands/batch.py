"""`runner batch`: the batches under way, and their answers."""

import argparse
import sys
import time

from runner.cli.commands.reading import read
from runner.cli.parser.arguments import UNMET
from runner.cli.parser.options import place_of
from runner.cli.streams import on_one_line
from runner.cli.views.batches import batches_json, batches_text
from runner.cli.views.problems import report, tell_warnings
from runner.core.secrets.secrets import Secrets
from runner.errors import Problem, RunnerError, counted, error
from runner.operations.batches.collecting import Collected, collect_alone, wait_for_all
from runner.operations.batches.listing import (
    ListedBatch,
    cancel,
    forget,
    listed_here,
    listed_there,
)
from runner.operations.reading.loaded import Loaded

_NONE = "No batch is under way."


def run(arguments: argparse.Namespace) -> int:
    """One of list, collect, wait, cancel and forget."""
    match arguments.action:
        case "list":
            return _list(arguments)
        case "collect":
            project = read(arguments)
            return _collected(project, collect_alone(project, "runner batch collect", _say))
        case "wait":
            project = read(arguments)
            return _collected(project, wait_for_all(project, _say))
        case "cancel":
            return _cancel(arguments)
        case _:
            return _forget(arguments)


def _list(arguments: argparse.Namespace) -> int:
    found, problems = _listed(arguments)
    if problems:
        report(problems, Secrets())
    if arguments.json:
        sys.stdout.write(batches_json(found, time.time()))
    elif found:
        sys.stdout.write(batches_text(found, time.time()))
    else:
        _say(_NONE)
    return 0


def _listed(arguments: argparse.Namespace) -> tuple[list[ListedBatch], list[Problem]]:
    """As the servers say; as it was written down, where the configuration cannot be read."""
    here = listed_here(place_of(arguments))
    if not here:
        return [], []
    try:
        return listed_there(read(arguments))
    except RunnerError as exc:
        said = f"{exc.problems[0].summary}: this is what was written down when they were sent."
        return here, [Problem("Servers were not asked", said, None, "warning")]


def _collected(project: Loaded, found: Collected) -> int:
    project.warnings.extend(found.problems)
    tell_warnings(project)
    if found.waiting:
        requests = sum(sent.requests for sent in found.waiting)
        number, are = len(found.waiting), "is" if len(found.waiting) == 1 else "are"
        _say(f"{counted(number, 'batch')} {are} under way, of {counted(requests, 'request')}.")
    else:
        _say(_NONE)
    return UNMET if found.waiting else 0


def _cancel(arguments: argparse.Namespace) -> int:
    if bool(arguments.names) == arguments.all:
        raise error("Which batches", "Name those that are to end, or say --all.")
    for sent, said in cancel(read(arguments), arguments.names):
        sys.stderr.write(f"{on_one_line(sent.batch)}: {on_one_line(said)}\n")
    return 0


def _forget(arguments: argparse.Namespace) -> int:
    for sent in forget(place_of(arguments), arguments.names):
        number = counted(sent.requests, "request")
        sys.stderr.write(f"{on_one_line(sent.batch or sent.key)} is forgotten ({number}).\n")
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
