"""The workspaces of a project: each a state of its own, one cache for all."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from msgspec import Struct

from runner.core.language.names import is_workspace
from runner.core.request.server_store import is_stored, stored_id
from runner.core.state.records import Record
from runner.core.suggest import did_you_mean, there_are
from runner.errors import counted, error
from runner.io.selection import select
from runner.io.state.backend import DEFAULT
from runner.io.state.lock_info import LockInfo
from runner.io.state.store import Store
from runner.operations.options import ProjectPlace
from runner.operations.project.places import (
    project_directory,
    settings_of,
    states_of,
    store_of,
    workspace_meant,
    workspace_store,
)


def workspace_names(place: ProjectPlace) -> list[str]:
    """Every workspace there is, the default one first."""
    return states_of(place).workspaces()


def stores(place: ProjectPlace) -> dict[str, Store]:
    """The state of each workspace that has one, by its name."""
    states = states_of(place)
    found = {name: workspace_store(place, name, states) for name in states.workspaces()}
    return {name: store for name, store in found.items() if store.backend.exists()}


def make(place: ProjectPlace, name: str) -> None:
    """A workspace that was not there; RunnerError for a name that is none, or is taken."""
    if not is_workspace(name):
        raise error(
            "Invalid name",
            f'"{name}" cannot be a workspace: its name is letters, digits, _, - and dots, and '
            "it begins with a letter, a digit or _.",
        )
    if name in workspace_names(place):
        raise error("Workspace exists", f'There is a workspace "{name}" already.')
    states_of(place).make(name)


def choose(place: ProjectPlace, name: str, *, may_make: bool = False) -> str:
    """Make a workspace the one that is meant where no flag and no variable names another, for this
    user alone; which is meant now. RunnerError if there is none of this name and not `may_make`.
    """
    known = workspace_names(place)
    if name not in known and may_make:
        make(place, name)
    elif name not in known:
        hint = did_you_mean(name, known, there_are(known))
        raise error(
            "Unknown workspace",
            f'There is no workspace "{name}".{hint} `runner workspace new {name}` makes it.',
        )
    select(project_directory(place), name)
    return workspace_meant(place, name)


def delete(place: ProjectPlace, name: str, *, force: bool) -> None:
    """Take a workspace away; RunnerError if it is in use, or holds records and not `force`, or
    what is not the runner's.
    """
    if name == DEFAULT:
        raise error("Workspace cannot be deleted", "default is the one that every project has.")
    known = workspace_names(place)
    if name not in known:
        hint = did_you_mean(name, known) or there_are(known)
        raise error("Unknown workspace", f'There is no workspace "{name}".{hint}')
    held = settings_of(place)
    if name == held.workspace:
        raise error(
            "Workspace is in use",
            f"{name} is the current workspace (--workspace, RUNNER_WORKSPACE, `runner workspace "
            "select` or [runner]). Choose another one first: runner workspace select default",
        )
    store = workspace_store(place, name)
    with store.lock("runner workspace delete", held.lock_timeout):
        if not force:
            _refuse_loss(store, name)
        store.backend.delete()
    states_of(place).remove(name)


def _refuse_loss(store: Store, name: str) -> None:
    """RunnerError for records."""
    state = store.load()
    if state is not None and state.records:
        held = counted(len(state.records), "record")
        raise error(
            "Workspace holds records",
            f"{name} holds {held}. `runner --workspace {name} destroy` removes them, and what a "
            "server stored; --force only forgets them.",
        )


class Elsewhere:
    """Which other workspace of the project names what a server stored for a record.

    Their states are read when that is first asked, and again when they were written since;
    RunnerError if one cannot be read.
    """

    def __init__(self, place: ProjectPlace, here: str) -> None:
        self._place, self._here = place, here
        self._others: dict[str, Store] | None = None
        self._ids: dict[str, frozenset[str]] = {}

    def __call__(self, record: Record) -> str | None:
        """The name of such a workspace; None if there is none."""
        if self._others is None:
            states = states_of(self._place)
            found = [name for name in states.workspaces() if name != self._here]
            self._others = {name: workspace_store(self._place, name, states) for name in found}
        wanted = stored_id(record)
        return next(
            (n for n, store in self._others.items() if wanted in self._named(n, store)), None
        )

    def _named(self, name: str, store: Store) -> frozenset[str]:
        if name not in self._ids or store.changed():
            state = store.load()
            held = state.records.values() if state is not None else ()
            self._ids[name] = frozenset(stored_id(made) for made in held if is_stored(made))
        return self._ids[name]


class Unlocked(Struct, frozen=True):
    """What the state is called, and whose lock was taken away; None if nobody held it."""

    place: str
    holder: LockInfo | None


def unlock(place: ProjectPlace, identifier: str | None) -> Unlocked:
    """Take the lock of the state away if this is its ID; RunnerError says who else holds it.

    A lock in a folder goes back to the kernel when its process ends: none is ever left there.
    """
    store = store_of(place)
    return Unlocked(store.name, store.backend.unlock(identifier))


@contextmanager
def all_held(place: ProjectPlace, command: str) -> Iterator[dict[str, Store]]:
    """The state of every workspace, held: nobody writes to the cache that they share."""
    timeout = settings_of(place).lock_timeout
    with ExitStack() as held:
        found = stores(place)
        for store in found.values():
            held.enter_context(store.lock(command, timeout))
        yield found
