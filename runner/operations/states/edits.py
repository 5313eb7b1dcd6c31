"""Records moved to other addresses, or forgotten: the state changes, and nothing is sent."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from msgspec import Struct

from runner.core.address import covers, in_order, is_address, split_key
from runner.core.secrets.secrets import Secrets
from runner.core.state.records import Record, State
from runner.errors import error
from runner.io.state.store import Store
from runner.operations.applying.finish import Refreshed, refreshed
from runner.operations.options import Options
from runner.operations.project.places import settings_of, store_of
from runner.operations.recorded.records import loaded, selected, unknown


class Edited(Struct, frozen=True):
    """Each address that changed, and the new one; None for what is forgotten."""

    place: str
    changed: tuple[tuple[str, str | None], ...]
    outputs: Refreshed


def remove(options: Options, secrets: Secrets, patterns: Iterable[str]) -> Edited:
    """Forget the records that the patterns name; RunnerError for one that names none."""
    with _writing(options, "runner state rm") as (store, state):
        gone = selected(state, patterns)
        kept = {name: record for name, record in state.records.items() if name not in set(gone)}
        store.write(replace(state, records=kept))
        changed = tuple((address, None) for address in in_order(gone))
        return Edited(store.name, changed, refreshed(options, secrets))


def move(options: Options, secrets: Secrets, source: str, target: str) -> Edited:
    """Give a record, a block with its instances or a module another address; RunnerError where that
    is taken, or is none.
    """
    _check_names(source, target)
    with _writing(options, "runner state mv") as (store, state):
        if not any(covers(source, address) for address in state.records):
            raise unknown(state, source)
        _refuse_existing(state, source, target)
        records, moves = _moved(state, source, target)
        store.write(replace(state, records=records))
        return Edited(store.name, tuple(moves), refreshed(options, secrets))


@contextmanager
def _writing(options: Options, command: str) -> Iterator[tuple[Store, State]]:
    """The store, held, and its state; RunnerError if there is none."""
    store = store_of(options.place)
    loaded(store)  # a mistake in the path makes no directory
    with store.lock(command, settings_of(options.place, options.overrides).lock_timeout):
        yield store, loaded(store)


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
