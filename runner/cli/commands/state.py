"""`runner state`: look at records and change their addresses, without a request."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from runner.cli.parser.options import overrides_of, place_of
from runner.cli.streams import put
from runner.cli.views.problems import report
from runner.core.address import covers, in_order, is_address, split_key
from runner.core.state.file import decode
from runner.core.state.records import Record, State
from runner.errors import Problem, RunnerError, error
from runner.io import files
from runner.io.state.store import Store
from runner.operations.places import settings_of, store_of
from runner.operations.records import loaded, selected, unknown

STDIN = "-"


def run(arguments: argparse.Namespace) -> int:
    """One of list, show, mv, rm, pull and push."""
    match arguments.action:
        case "list":
            return _list(arguments)
        case "show":
            from runner.cli.commands.show import show_records  # noqa: PLC0415  # prices

            return show_records(arguments, arguments.address)
        case "mv":
            return _mv(arguments)
        case "rm":
            return _rm(arguments)
        case "pull":
            return _pull(arguments)
        case _:
            return _push(arguments)


def _push(arguments: argparse.Namespace) -> int:
    from runner.operations.push import Replaced, push  # noqa: PLC0415  # the cache's library

    name = "standard input" if arguments.file == STDIN else arguments.file
    place, overrides = place_of(arguments), overrides_of(arguments)
    with push(_read(arguments.file), name, place, overrides, force=arguments.force) as pushed:
        if isinstance(pushed, Replaced):
            said = f"serial {pushed.state.serial}, {len(pushed.state.records)} records"
            sys.stderr.write(f"{pushed.place} is now what {name} holds ({said}).\n")
        else:
            if pushed.cut_off:
                sys.stderr.write(f"The last line of {name} is cut off: one answer in it is lost.\n")
            sys.stderr.write(
                f"{pushed.answers} answers: {pushed.new_in_state} new in {pushed.place}, "
                f"{pushed.new_in_cache} new in the cache. Nothing of this is paid again.\n"
            )
        refresh(arguments)
    return 0


def _read(file: str) -> bytes:
    if file == STDIN:
        return sys.stdin.buffer.read()
    data = files.read_named(Path(file))
    if data is None:
        raise error("No such file", f'There is no file "{file}".')
    return data


def _list(arguments: argparse.Namespace) -> int:
    state = loaded(store_of(place_of(arguments)))
    chosen = selected(state, arguments.patterns) if arguments.patterns else in_order(state.records)
    sys.stdout.writelines(f"{address}\n" for address in chosen)
    return 0


def _pull(arguments: argparse.Namespace) -> int:
    store = store_of(place_of(arguments))
    found = store.backend.read()
    if found is None:
        loaded(store)
    else:
        decode(found.data, store.name)  # what is damaged is told here, not where it arrives
        put(found.data)
    return 0


def _rm(arguments: argparse.Namespace) -> int:
    with writing(arguments, "runner state rm") as (store, state):
        gone = set(selected(state, arguments.patterns))
        kept = {name: record for name, record in state.records.items() if name not in gone}
        store.write(replace(state, records=kept))
        for address in in_order(gone):
            sys.stderr.write(f"Removed {address}\n")
        sys.stderr.write(f"{_records(len(gone))} removed from {store.name}.\n")
        refresh(arguments)
    return 0


def _mv(arguments: argparse.Namespace) -> int:
    source, target = arguments.source, arguments.target
    _check_names(source, target)
    with writing(arguments, "runner state mv") as (store, state):
        if not any(covers(source, address) for address in state.records):
            raise unknown(state, source)
        _refuse_existing(state, source, target)
        records, moves = _moved(state, source, target)
        store.write(replace(state, records=records))
        for old, new in moves:
            sys.stderr.write(f"Moved {old} to {new}\n")
        sys.stderr.write(f"{_records(len(moves))} moved in {store.name}.\n")
        refresh(arguments)
    return 0


@contextmanager
def writing(arguments: argparse.Namespace, command: str) -> Iterator[tuple[Store, State]]:
    """The store, held, and its state; RunnerError if there is none."""
    store = store_of(place_of(arguments))
    loaded(store)  # a mistake in the path makes no directory
    with store.lock(
        command, settings_of(place_of(arguments), overrides_of(arguments)).lock_timeout
    ):
        yield store, loaded(store)


def refresh(arguments: argparse.Namespace) -> None:
    """Write the outputs anew; a warning where the configuration does not let it."""
    from runner.cli.commands.reading import read  # noqa: PLC0415  # only writers
    from runner.operations.finish import refresh_outputs  # noqa: PLC0415

    try:
        told = refresh_outputs(read(arguments))
        problems: Iterable[Problem] = told.problems
        for content in told.unsaved:
            put(content)
    except RunnerError as exc:
        problems = exc.problems
    found = [problem for problem in problems if problem.severity == "error"]
    if found:
        said = " ".join(f"{problem.summary}: {problem.detail}" for problem in found[:1])
        detail = f"{said}\nThe state was written; the next `runner apply` writes outputs.json."
        report(
            [Problem("Outputs are not up to date", detail, found[0].where, "warning")],
            arguments.secrets,
        )


def _check_names(source: str, target: str) -> None:
    for name in (source, target):
        if not is_address(name):
            raise error(
                "Invalid address",
                f'"{name}" is no address. Addresses are completion.NAME, data.TYPE.NAME or '
                'module.NAME, with ["KEY"] or [INDEX] for one instance.',
            )
    if source == target:
        raise error("Nothing to move", f"{source} is both where from and where to.")
    if _kind(source) != _kind(target):
        raise error(
            "Invalid move",
            f"{source} is a {_kind(source)}, and {target} would be a {_kind(target)}: records "
            "move within their kind.",
        )


def _refuse_existing(state: State, source: str, target: str) -> None:
    taken = [name for name in state.records if covers(target, name) and not covers(source, name)]
    if taken:
        raise error(
            "Address is taken",
            f"There is a record of {in_order(taken)[0]} already, and a move replaces none. Take "
            f"it away first: runner state rm '{target}'",
        )


def _moved(
    state: State, source: str, target: str
) -> tuple[dict[str, Record], list[tuple[str, str]]]:
    """The records under their new addresses, and each pair of old and new."""
    records: dict[str, Record] = {}
    moves = []
    for address, record in state.records.items():
        new = _renamed(address, source, target)
        depends_on = tuple(_renamed(need, source, target) for need in record.depends_on)
        if (new, depends_on) == (address, record.depends_on):
            records[new] = record
            continue
        if not is_address(new):
            raise error(
                "Invalid move",
                f"{address} would become {new}, which is no address: {source} has instances, so "
                "it moves to a block, not to one instance.",
            )
        records[new] = replace(record, address=new, depends_on=depends_on)
        if new != address:
            moves.append((address, new))
    return records, moves


def _kind(address: str) -> str:
    """completion, module, or data.TYPE: what the last step of an address names."""
    steps = split_key(address)[0].split(".")
    if len(steps) > 2 and steps[-3] == "data":
        return f"data.{steps[-2]}"
    return steps[-2]


def _renamed(address: str, source: str, target: str) -> str:
    return target + address[len(source) :] if covers(source, address) else address


def _records(number: int) -> str:
    return "1 record" if number == 1 else f"{number} records"
