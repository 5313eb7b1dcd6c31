"""Records as the command line names them: by address, by block, by module, or by a glob."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from runner.core.address import in_order, is_address, selects, why_none
from runner.core.request.declared_prices import declared_prices
from runner.core.request.provider_blocks import of_block
from runner.core.state.file import as_one_file, decode
from runner.core.state.records import Record, State
from runner.core.suggest import closest, there_are
from runner.errors import Problem, RunnerError, error
from runner.io import files
from runner.io.presets import preset
from runner.io.price_list import PriceList
from runner.io.prices import Prices
from runner.io.settings import environment
from runner.io.state.backend import KeptState
from runner.io.state.store import Store
from runner.operations.options import ProjectPlace
from runner.operations.project.places import blocks_of_place, project_directory, store_of

_LISTED = 8


def held_state(place: ProjectPlace) -> tuple[Store, State]:
    """The store and the state in it; RunnerError if nothing was ever recorded there."""
    store = store_of(place)
    return store, loaded(store)


def loaded(store: Store) -> State:
    """The state of a store; RunnerError if there is none, with what its warnings say."""
    state = store.load()
    if state is None:
        raise _none(store, store.warnings)
    return state


def all_records(state: State) -> list[Record]:
    """The records of a state, in order."""
    return [state.records[address] for address in in_order(state.records)]


def addresses_of(place: ProjectPlace, patterns: Sequence[str] = ()) -> list[str]:
    """The addresses of all records, or of those that the patterns name, in order; RunnerError for
    one that names none.
    """
    state = loaded(store_of(place))
    return selected(state, patterns) if patterns else in_order(state.records)


def records_of(place: ProjectPlace, name: str) -> list[Record]:
    """The record at an address, or those of a block or a module, in order; RunnerError if there is
    none.
    """
    _, state = held_state(place)
    found = _under(state, name)
    if not found:
        raise unknown(state, name)
    return found


def prices_at(place: ProjectPlace) -> Prices:
    """What the project says that its providers cost, as far as no expression says it."""
    blocks = blocks_of_place(place).of("provider").values()
    providers = (of_block(one, one.table, preset) for one in blocks)
    project = project_directory(place)
    return Prices(declared_prices(providers, [], environment(project)), PriceList(project))


def is_file(place: ProjectPlace, name: str) -> bool:
    """Whether a name is that of a file and not of a record, which goes first."""
    if files.identity(Path(name)) is None:
        return False
    if not is_address(name):
        return True
    state = store_of(place).load()
    return state is None or not _under(state, name)


def kept_states(place: ProjectPlace) -> list[KeptState]:
    """Every state that is kept, the newest first."""
    return store_of(place).backend.kept()


def state_file(place: ProjectPlace, serial: int | None = None) -> bytes:
    """A state as it stands there, or the one of a serial, as one file; RunnerError if there is
    none, or it is damaged: that is told here, not where it arrives.
    """
    store = store_of(place)
    found = store.backend.read("last" if serial is None else serial)
    if found is None and serial is not None:
        raise unknown_serial(store, serial)
    if found is None:
        raise _none(store, store.backend.absence())
    decode(found.text, store.name)
    return as_one_file(found.text, store.name)


def selected(state: State, patterns: Iterable[str]) -> list[str]:
    """The addresses that any pattern names, in order; RunnerError for one that names none."""
    chosen: set[str] = set()
    missed: list[str] = []
    for pattern in patterns:
        found = [address for address in state.records if selects(pattern, address)]
        chosen.update(found)
        if not found:
            missed.append(pattern)
    if missed:
        told = [unknown(state, pattern) for pattern in missed]
        raise RunnerError(*(problem for each in told for problem in each.problems))
    return in_order(chosen)


def unknown(state: State, name: str) -> RunnerError:
    """The error for an address without a record, with the closest one that has one."""
    if not state.records:
        return error("Unknown address", f"There is no record of {name}: the state holds none.")
    if why := why_none(name, state.records):
        return error("Unknown address", f"There is no record of {name}. {why}")
    near = closest(name, state.records)
    if near is None:
        near = closest(name, {address.partition("[")[0] for address in state.records})
    if near is not None:
        hint = f" Did you mean {near}?"
    else:
        hint = there_are(in_order(state.records), _LISTED)
    return error("Unknown address", f"There is no record of {name}.{hint}")


def unknown_serial(store: Store, serial: int) -> RunnerError:
    """The error for a serial that no state has which is kept."""
    held = there_are([str(one.serial) for one in store.backend.kept()])
    return error("Unknown serial", f"{store.name} keeps no state of serial {serial}.{held}")


def _under(state: State, name: str) -> list[Record]:
    return [state.records[found] for found in in_order(state.records) if selects(name, found)]


def _none(store: Store, why: tuple[Problem, ...]) -> RunnerError:
    said = " ".join(problem.detail for problem in why)
    detail = said or "`runner apply` writes it with the first answer; -C and --state name others."
    return error("No state", f"There is no {store.name}. {detail}")
