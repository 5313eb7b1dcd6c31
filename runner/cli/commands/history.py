"""`runner history`: the earlier answers that git holds."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import islice

import orjson

from runner.cli.commands.reading import read_for_checks
from runner.cli.parser.options import place_of
from runner.cli.views.history import (
    HistoryTable,
    ToldCommit,
    commit_row,
    history_json,
    rows_text,
    version_lines,
    version_row,
)
from runner.cli.views.problems import report
from runner.cli.views.style import style
from runner.core.checks.verdicts import Standing
from runner.core.state.records import Record
from runner.core.viewing.changes import answers_of_changes
from runner.errors import Problem
from runner.operations.checks.judgements import Standings, standings
from runner.operations.reading.loaded import Loaded
from runner.operations.recorded.history import (
    History,
    answer_history,
    is_one_answer,
    project_history,
)
from runner.operations.recorded.past_states import Asking, ChangedIn
from runner.operations.recorded.records import prices_at
from runner.operations.spending import costs

_BATCH = 24  # commits that are shown together: columns are as wide as the first of them need


def run(arguments: argparse.Namespace) -> int:
    """Show what git holds, newest first, as it is found."""
    place, address = place_of(arguments), arguments.address
    asking = Asking(arguments.since, arguments.limit)
    is_one = address is not None and is_one_answer(place, address)
    if is_one:
        history = answer_history(place, address, asking)
    else:
        history = project_history(place, () if address is None else (address,), asking)
    judged = _standings(arguments, history)
    price = costs(prices_at(place))
    told = _told(history, judged)
    if arguments.json:
        all_of_it = [one for batch in told for one in batch]
        held = history_json(all_of_it, price, history.notes)
        sys.stdout.write(orjson.dumps(held, option=orjson.OPT_INDENT_2).decode() + "\n")
        return 0
    below = ("why", "model served") if is_one else ("subject", "answers")
    shown, table = 0, HistoryTable(style(), *below)
    for batch in told:
        shown += len(batch)
        if is_one:
            rows = [version_row(one, address, price, checks=judged is not None) for one in batch]
        else:
            rows = [commit_row(one, price, checks=judged is not None) for one in batch]
        lines = list(table.lines(rows))
        if arguments.diff:
            for at, one in enumerate(reversed(batch), 1):
                for change in one.changed.changes:
                    lines[-at] += version_lines(change, price, style(), full=arguments.full)
        sys.stdout.write(rows_text(iter(lines)))
        sys.stdout.flush()
    _end(arguments, history, shown)
    return 0


def _standings(arguments: argparse.Namespace, history: History) -> Standings | None:
    """What today's checks say; None where there are none, or the configuration cannot be read."""
    match read_for_checks(arguments):
        case Loaded() as project:
            return standings(project)
        case Problem() as problem:
            history.notes.append(problem)
            return None
        case None:
            return None


def _told(history: History, judged: Standings | None) -> Iterator[list[ToldCommit]]:
    while batch := list(islice(history.found, _BATCH)):
        yield list(_with_standings(batch, history.verdicts, judged))


def _with_standings(
    batch: Sequence[ChangedIn], verdicts: Sequence[Record], judged: Standings | None
) -> Iterator[ToldCommit]:
    records = [answers_of_changes(one.changes) for one in batch]
    found = iter(judged([one for each in records for one in each], verdicts) if judged else ())
    for changed, each in zip(batch, records, strict=True):
        own = list(islice(found, len(each)))
        total = Standing(sum(one.held for one in own), sum(one.told for one in own))
        yield ToldCommit(changed, total if judged else None)


def _end(arguments: argparse.Namespace, history: History, shown: int) -> None:
    """What has to be said besides."""
    if not shown:
        what = arguments.address or "answers"
        since = f" since {arguments.since}" if arguments.since else ""
        sys.stderr.write(f"No change of {what}{since}.\n")
    if not arguments.quiet:
        report(history.notes)
