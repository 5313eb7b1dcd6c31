"""The workspaces of a project: each a state of its own, one cache for all."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from runner.core.request.server_store import is_stored, stored_id
from runner.core.state.records import Record
from runner.io.state.store import Store
from runner.operations.options import ProjectPlace
from runner.operations.places import settings_of, workspace_names, workspace_store


def stores(place: ProjectPlace) -> dict[str, Store]:
    """The state of each workspace that has one, by its name."""
    found = {name: workspace_store(place, name) for name in workspace_names(place)}
    return {name: store for name, store in found.items() if store.backend.exists()}


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
            found = [name for name in workspace_names(self._place) if name != self._here]
            self._others = {name: workspace_store(self._place, name) for name in found}
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


@contextmanager
def all_held(place: ProjectPlace, command: str) -> Iterator[dict[str, Store]]:
    """The state of every workspace, held: nobody writes to the cache that they share."""
    timeout = settings_of(place).lock_timeout
    with ExitStack() as held:
        found = stores(place)
        for store in found.values():
            held.enter_context(store.lock(command, timeout))
        yield found
