"""`runner show`: the state, one record, or a saved plan."""

import argparse
import sys
from collections.abc import Iterable
from typing import Any

import orjson

from runner.cli.parser.options import options_of, place_of, secrets_of
from runner.cli.streams import harmless
from runner.cli.views.problems import report
from runner.cli.views.records import (
    record_json,
    record_text,
    records_json,
    state_json,
    state_text,
)
from runner.cli.views.style import style
from runner.errors import Problem
from runner.operations.recorded.records import all_records, held_state, is_file, records_of


def run(arguments: argparse.Namespace) -> int:
    """Show what was asked for; RunnerError if it is neither an address nor a plan."""
    if arguments.what is None:
        return _state(arguments)
    if is_file(place_of(arguments), arguments.what):
        return _plan(arguments)
    return show_records(arguments, arguments.what)


def show_records(arguments: argparse.Namespace, name: str) -> int:
    """One record, or each of a block or a module; as JSON an object, or a list of those."""
    from runner.operations.recorded.records import prices_at  # noqa: PLC0415
    from runner.operations.spending import costs  # noqa: PLC0415  # prices cost 0.1 s

    place = place_of(arguments)
    found, cost_of = records_of(place, name), costs(prices_at(place))
    if arguments.json:
        if [record.address for record in found] == [name]:
            _write(record_json(found[0], cost_of))
        else:
            _pieces(records_json(found, cost_of))
        return 0
    _lines("\n".join(record_text(record, cost_of)) + "\n" for record in found)
    return 0


def _state(arguments: argparse.Namespace) -> int:
    from runner.operations.recorded.records import prices_at  # noqa: PLC0415
    from runner.operations.spending import costs  # noqa: PLC0415  # prices cost 0.1 s

    store, state = held_state(place_of(arguments))
    cost_of = costs(prices_at(place_of(arguments)))
    records = all_records(state)
    if arguments.json:
        _pieces(state_json(state, records, cost_of))
    else:
        _lines(state_text(state, records, store.name))
    return 0


def _plan(arguments: argparse.Namespace) -> int:
    from runner.cli.views.saved_plan import saved_plan_json, saved_plan_text  # noqa: PLC0415
    from runner.operations.saved_plan.again import planned_again  # noqa: PLC0415  # only for a plan
    from runner.operations.saved_plan.file import read_plan  # noqa: PLC0415

    saved, secrets = read_plan(arguments.what), secrets_of(arguments)
    again = planned_again(options_of(arguments), saved, secrets)
    if arguments.json:
        _write(saved_plan_json(saved.content, again, secrets))
        return 0
    sys.stdout.write(saved_plan_text(saved.content, again, secrets, style(), full=arguments.full))
    if isinstance(again, Problem):
        report([again])
    return 0


def _lines(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{harmless(line)}\n" for line in lines)


def _write(value: Any) -> None:
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def _pieces(made: Iterable[str]) -> None:
    sys.stdout.writelines(made)
    sys.stdout.write("\n")
