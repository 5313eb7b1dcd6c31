"""A backend begun to be used: tried, trusted, given the states of before or none, and recorded."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from runner.core.request.backends import BackendSettings
from runner.core.state.records import State
from runner.errors import Where, counted, error
from runner.io.state.backend import DEFAULT, States
from runner.io.state.store import Store
from runner.operations.options import NO_OVERRIDES, Overrides, ProjectPlace
from runner.operations.project.backends import (
    check_initialised,
    closed_door,
    record_backend,
)
from runner.operations.project.places import (
    backend_of,
    chosen_states,
    project_directory,
    same_place,
    settings_of,
    state_directory,
    workspace_store,
)
from runner.operations.reading.doors import admit_door
from runner.operations.reading.loaded import Ask

_COMMAND = "runner init --migrate-state"


@dataclass(frozen=True, slots=True)
class BackendStart:
    """What becomes of the states of before: they are copied, or left where they are; without a
    word it is an error to have any. `given` are values of the backend as KEY=VALUE.
    """

    states: Literal["copied", "left"] | None = None
    force: bool = False
    given: tuple[str, ...] = ()
    overrides: Overrides = NO_OVERRIDES


class StartedBackend(Struct, frozen=True):
    """Where the states were and where they are now. `copied` are the workspaces whose state was
    copied, with how many records each holds.
    """

    before: str
    now: str
    copied: tuple[tuple[str, int], ...]


def means_backend(place: ProjectPlace) -> bool:
    """Whether a project means a backend, or did so before."""
    meant = backend_of(place)
    return meant.now is not None or meant.before is not None


def start_backend(place: ProjectPlace, start: BackendStart, ask: Ask | None) -> StartedBackend:
    """Begin to use the backend that configuration, environment and `start` say.

    RunnerError, and all is as it was, for one that cannot keep states, for states of before that
    nobody spoke of, and for others where they would be copied to. Untrusted if the user did not
    say that the states may be there.
    """
    meant = backend_of(place, given=_pairs(start.given) if start.given else None)
    for settings in (meant.now, meant.before if start.states == "copied" else None):
        if settings is not None:
            _admit(place, settings, ask)
    if start.states is None and (meant.before is not None or _has_local_state(place)):
        check_initialised(meant, same_place(place), _shown(place, None), holds_states=True)
    new = chosen_states(place, meant.now, meant.layout)
    if meant.now is not None:
        new.backend(DEFAULT).probe()
    copied: tuple[tuple[str, int], ...] = ()
    if start.states == "copied" and not meant.is_initialised:
        copied = tuple(_copied(place, chosen_states(place, meant.before), new, start))
    record_backend(state_directory(place), meant)
    return StartedBackend(_shown(place, meant.before), _shown(place, meant.now), copied)


def _has_local_state(place: ProjectPlace) -> bool:
    states = chosen_states(place, None)
    return any(states.backend(name).version() is not None for name in states.workspaces())


def _shown(place: ProjectPlace, settings: BackendSettings | None) -> str:
    return f"the folder {state_directory(place)}" if settings is None else settings.shown


def _pairs(given: Sequence[str]) -> Mapping[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            said = f'--backend-config wants KEY=VALUE, got "{text}".'
            raise error("Invalid --backend-config", said)
        found[name.strip()] = value
    return found


def _admit(place: ProjectPlace, settings: BackendSettings, ask: Ask | None) -> None:
    """A yes is kept for this project; without somebody to ask, `chosen_states` says what to do."""
    project = project_directory(place)
    door = closed_door(settings, project, place.trust)
    if door is not None and ask is not None:
        admit_door(place, door, ask)


def _copied(
    place: ProjectPlace, old: States, new: States, start: BackendStart
) -> Iterator[tuple[str, int]]:
    """All are held on both sides, and looked at, before the first is written."""
    timeout = settings_of(place, start.overrides).lock_timeout
    with ExitStack() as held:
        states: list[tuple[str, Store, State]] = []
        for name in old.workspaces():
            source = workspace_store(place, name, old)
            if not source.backend.exists():
                continue
            held.enter_context(source.lock(_COMMAND, timeout))
            state = source.load()
            if state is not None:
                target = workspace_store(place, name, new)
                held.enter_context(target.lock(_COMMAND, timeout))
                _check_target(target, target.load(), state, force=start.force)
                states.append((name, target, state))
        for name, target, state in states:
            if name != DEFAULT and name not in new.workspaces():
                new.make(name)
            target.write(state)
            yield name, len(state.records)


def _check_target(target: Store, there: State | None, state: State, *, force: bool) -> None:
    if there is None or force:
        return
    if there.lineage != state.lineage:
        raise error(
            "State of another lineage",
            f"{target.name} holds {counted(len(there.records), 'record')} of the lineage "
            f"{there.lineage}, and what would be copied is of {state.lineage}: they were never the "
            "same state. Nothing was copied. --reconfigure takes what is there as it is; "
            "--force-copy replaces it.",
            Where(target.name),
        )
    if there.serial > state.serial and there.records != state.records:
        raise error(
            "State is not newer",
            f"{target.name} has serial {there.serial}, and what would be copied {state.serial}: "
            "something was written there since. Nothing was copied. --reconfigure takes what is "
            "there as it is; --force-copy replaces it.",
            Where(target.name),
        )
