"""`runner show`: the state, one record, or a saved plan."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import orjson

from runner.cli.parser.options import options_of, place_of
from runner.cli.streams import harmless
from runner.cli.views.problems import report
from runner.cli.views.records import record_json, record_text, state_json, state_text
from runner.cli.views.style import style
from runner.core.address import in_order, is_address, selects
from runner.core.state.records import Record, State
from runner.io import files
from runner.operations.places import store_of
from runner.operations.records import held_state, unknown


def run(arguments: argparse.Namespace) -> int:
    """Show what was asked for; RunnerError if it is neither an address nor a plan."""
    if arguments.what is None:
        return _state(arguments)
    if _is_file(arguments):
        return _plan(arguments)
    return show_records(arguments, arguments.what)


def show_records(arguments: argparse.Namespace, name: str) -> int:
    """One record, or each of a block or a module; as JSON an object, or a list of those."""
    from runner.operations.spending import cost_of  # noqa: PLC0415  # prices cost 0.1 s

    _, state = held_state(place_of(arguments))
    found = _named(state, name)
    if not found:
        raise unknown(state, name)
    if arguments.json:
        made = [record_json(record, cost_of) for record in found]
        _write(made[0] if name in state.records and len(made) == 1 else made)
        return 0
    _lines("\n".join(record_text(record, cost_of)) + "\n" for record in found)
    return 0


def _state(arguments: argparse.Namespace) -> int:
    from runner.operations.spending import cost_of  # noqa: PLC0415  # prices cost 0.1 s

    store, state = held_state(place_of(arguments))
    records = [state.records[address] for address in in_order(state.records)]
    if arguments.json:
        _write(state_json(state, records, cost_of))
    else:
        _lines(state_text(state, records, store.name))
    return 0


def _is_file(arguments: argparse.Namespace) -> bool:
    if files.identity(Path(arguments.what)) is None:
        return False
    if not is_address(arguments.what):
        return True
    state = store_of(place_of(arguments)).load()
    return state is None or not _named(state, arguments.what)


def _plan(arguments: argparse.Namespace) -> int:
    from runner.cli.views.saved_plan import told_anew, words  # noqa: PLC0415  # only for a plan
    from runner.operations.saved_plan.file import read_plan  # noqa: PLC0415

    saved = read_plan(arguments.what)
    if arguments.json:
        _write(msgspec.to_builtins(told_anew(options_of(arguments), saved)))
        return 0
    shown = words(options_of(arguments), saved, style())
    sys.stdout.write(shown.text)
    if shown.less is not None:
        report([shown.less])
    return 0


def _named(state: State, name: str) -> list[Record]:
    return [state.records[found] for found in in_order(state.records) if selects(name, found)]


def _lines(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{harmless(line)}\n" for line in lines)


def _write(value: Any) -> None:
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
