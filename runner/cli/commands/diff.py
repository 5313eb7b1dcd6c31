"""`runner diff`: which answers changed between two states, and how."""

import argparse
import sys
from collections.abc import Sequence

import orjson

from runner.cli.commands.reading import read_for_checks
from runner.cli.parser.arguments import CHANGED
from runner.cli.parser.options import place_of
from runner.cli.views.difference import Shifts, diff_json, diff_stat, diff_text
from runner.cli.views.problems import report
from runner.cli.views.style import style
from runner.core.address import is_pattern
from runner.core.viewing.shifts import shifts_of
from runner.errors import Problem, error
from runner.operations.reading.loaded import Loaded
from runner.operations.recorded.comparison import StateComparison, compare_states
from runner.operations.recorded.records import prices_at
from runner.operations.recorded.revisions import sources_of
from runner.operations.spending import costs


def run(arguments: argparse.Namespace) -> int:
    """Show what changed; with --exit-code, the status says whether anything did."""
    place, price = place_of(arguments), costs(prices_at(place_of(arguments)))
    revisions, patterns = _sorted(arguments.names)
    found = compare_states(place, sources_of(place, revisions), patterns, price)
    _tell_missing(found, arguments)
    shifts = _shifts(found, patterns, arguments) if found.changes else ()
    if arguments.json:
        told = orjson.dumps(diff_json(found, price, shifts), option=orjson.OPT_INDENT_2)
        sys.stdout.write(told.decode() + "\n")
    elif arguments.markdown:
        from runner.cli.views.review.difference_markdown import diff_markdown  # noqa: PLC0415  # by a flag

        sys.stdout.write(diff_markdown(found, shifts))
    elif arguments.stat:
        sys.stdout.write(diff_stat(found, price, shifts, style()))
    else:
        sys.stdout.write(diff_text(found, price, shifts, style(), full=arguments.full))
    return CHANGED if found.changes and arguments.exit_code else 0


def _shifts(
    found: StateComparison, patterns: Sequence[str], arguments: argparse.Namespace
) -> Shifts | None:
    """What holds or fails by today's checks and did not; None where nobody knows."""
    match read_for_checks(arguments):
        case Loaded() as project:
            from runner.operations.checks.checking import checks_between  # noqa: PLC0415  # with checks

            sides = found.before.state.records, found.after.state.records
            return shifts_of(checks_between(project, *sides), patterns)
        case Problem() as problem:
            if not arguments.quiet:
                report([problem])
            return None
        case None:
            return ()


def _sorted(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Revisions and files, then addresses, which no revision is spelled like."""
    first = next((at for at, name in enumerate(names) if is_pattern(name)), len(names))
    late = [name for name in names[first:] if not is_pattern(name)]
    if late:
        said = f'"{late[0]}" is no address. Revisions and files stand before addresses.'
        raise error("Not an address", said)
    return [*names[:first]], [*names[first:]]


def _tell_missing(found: StateComparison, arguments: argparse.Namespace) -> None:
    """A side without a state is not the same as one without a change."""
    sides = (side.missing for side in (found.before, found.after))
    said = [Problem("No state", missing, None, "warning") for missing in sides if missing]
    if not arguments.quiet:
        report(said)
