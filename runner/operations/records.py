"""Records as the command line names them: by address, by block, by module, or by a glob."""

from collections.abc import Iterable

from runner.core.address import in_order, selects
from runner.core.state.records import State
from runner.core.suggest import closest, there_are
from runner.errors import RunnerError, error
from runner.io.state.store import Store
from runner.operations.options import ProjectPlace
from runner.operations.places import store_of

_LISTED = 8


def held_state(place: ProjectPlace) -> tuple[Store, State]:
    """The store and the state in it; RunnerError if nothing was ever recorded there."""
    store = store_of(place)
    return store, loaded(store)


def loaded(store: Store) -> State:
    """The state of a store; RunnerError if there is none, with what its warnings say."""
    state = store.load()
    if state is None:
        said = " ".join(problem.detail for problem in store.warnings)
        detail = (
            said or "`runner apply` writes it with the first answer; -C and --state name others."
        )
        raise error("No state", f"There is no {store.name}. {detail}")
    return state


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
    near = closest(name, state.records)
    if near is None:
        near = closest(name, {address.partition("[")[0] for address in state.records})
    if near is not None:
        hint = f" Did you mean {near}?"
    else:
        hint = there_are(in_order(state.records), _LISTED)
    return error("Unknown address", f"There is no record of {name}.{hint}")
