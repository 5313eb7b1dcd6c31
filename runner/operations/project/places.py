"""Where a place is: its project, the settings there, and the state."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from os import environ
from pathlib import Path

from runner.core.modules.folder import Blocks
from runner.core.modules.folder import load_folder as load_blocks
from runner.core.request.backends import BackendSettings
from runner.core.state.shards import StateLayout
from runner.core.suggest import did_you_mean, there_are
from runner.core.toml.source import choose_parser
from runner.errors import Where, error
from runner.io import links
from runner.io.cache.names import cache_names
from runner.io.folders import Folders
from runner.io.selection import selected_workspace
from runner.io.settings import Settings, settings, variable_of
from runner.io.state.backend import DEFAULT, States
from runner.io.state.local import LocalStates, folder_of
from runner.io.state.store import Store
from runner.operations.blocking import is_main_thread
from runner.operations.options import NO_OVERRIDES, Overrides, ProjectPlace
from runner.operations.project.backends import (
    RECORD,
    MeantBackend,
    check_initialised,
    meant_backend,
    opened_states,
)

_SELECTED = "selected by `runner workspace select`"
_ELSEWHERE = "Put what it names in its place; to keep the states elsewhere: --state DIR"


def store_of(place: ProjectPlace) -> Store:
    """The state that is meant, its workspace included; not yet read. RunnerError for
    a workspace that is none.
    """
    blocks = blocks_of_place(place)
    return store_in(blocks, settings_in(blocks, place), place)


def store_in(blocks: Blocks, held: Settings, place: ProjectPlace) -> Store:
    """As `store_of`, where these blocks and settings were read: a misspelt name would be a state
    without any answer, and all would be paid again.
    """
    states = states_of(place, blocks)
    known = [DEFAULT] if held.workspace == DEFAULT else states.workspaces()
    if held.workspace not in known:
        source, where = _naming(blocks, place)
        hint = did_you_mean(held.workspace, known, there_are(known))
        again = _again(place, DEFAULT)
        other = f", `{again} workspace select default` leaves it" if source == _SELECTED else ""
        raise error(
            "Unknown workspace",
            f'There is no workspace "{held.workspace}" ({source}).{hint} '
            f"`{again} workspace new {held.workspace}` makes it{other}.",
            where,
        )
    return workspace_store(place, held.workspace, states)


def states_of(place: ProjectPlace, blocks: Blocks | None = None) -> States:
    """Where the states of a project live: here it is that another backend is chosen. `blocks` are
    those of the configuration, where they were read.

    RunnerError for a backend that was not initialised, and nobody is asked for anything then.
    """
    meant = backend_of(place, blocks)
    check_initialised(meant, same_place(place), _local(place))
    return chosen_states(place, meant.now, meant.layout)


def backend_of(
    place: ProjectPlace, blocks: Blocks | None = None, given: Mapping[str, str] | None = None
) -> MeantBackend:
    """The backend that is meant; `given` are values of it that count instead of earlier ones."""
    folder = state_directory(place)
    links.refuse_links(project_directory(place), [folder], _ELSEWHERE)
    links.refuse_links(folder, [folder / RECORD], _ELSEWHERE)
    held = blocks_of_place(place) if blocks is None else blocks
    return meant_backend(held, folder, given)


def chosen_states(
    place: ProjectPlace, backend: BackendSettings | None, layout: StateLayout | None = None
) -> States:
    """The states in a backend, or in the folder, in a layout; Untrusted if nobody said that they
    may be there.

    RunnerError, now or later, if anything of the folder is a link: what a repository holds leads
    nowhere else. What the user names does, by --state.
    """
    if backend is not None:
        project = project_directory(place)
        return opened_states(backend, project, place.trust, lambda name: _again(place, name))
    shared = state_directory(place)
    return LocalStates(shared, lambda paths: links.refuse_links(shared, paths, _ELSEWHERE), layout)


def _local(place: ProjectPlace) -> str:
    return f"the folder {state_directory(place)}"


def workspace_store(place: ProjectPlace, workspace: str, states: States | None = None) -> Store:
    """The state of a workspace, and what stands in a folder of this machine wherever that lives.
    `states` are those of the place, if they are known already.

    The cache is one for all of them, and may be elsewhere by RUNNER_CACHE in the environment (.env
    does not count); else it is no link either.
    """
    shared = state_directory(place)
    backend = (states or states_of(place)).backend(workspace)
    named = environ.get("RUNNER_CACHE")
    cache = Path(named) if named else shared / "cache"
    if not named:
        advice = "Take it away; to keep the cache elsewhere: RUNNER_CACHE=DIR in the environment."
        links.refuse_links(shared, cache_names(cache), advice)
    return Store(backend, folder_of(shared, workspace), cache, _again(place, workspace))


def same_place(place: ProjectPlace) -> str:
    """How the next command about this project begins."""
    return _again(place, DEFAULT)


def _again(place: ProjectPlace, workspace: str) -> str:
    """How the next command about this state begins."""
    given = (
        ("-C", place.project, "."),
        ("--config", place.config, "configs"),
        ("--state", place.state, "state"),
        ("--workspace", workspace, DEFAULT),
    )
    flags = [f"{flag} {shlex.quote(value)}" for flag, value, usual in given if value != usual]
    return " ".join(["runner", *flags])


def project_directory(place: ProjectPlace) -> Path:
    """The project's folder, which must be there."""
    directory = Path(place.project)
    if not directory.is_dir():
        raise error("No such directory", f'"{directory}" is no directory.')
    return directory


def state_directory(place: ProjectPlace) -> Path:
    """The folder of the states of all workspaces."""
    return project_directory(place) / str(place.state)


def folders_of(place: ProjectPlace) -> Folders:
    """The folders of the project, which must be there: whatever reads a project begins here."""
    choose_parser(in_main_thread=is_main_thread())
    return Folders(project_directory(place), Path(place.config))


def settings_of(place: ProjectPlace, overrides: Overrides = NO_OVERRIDES) -> Settings:
    """The settings alone, [runner] included; a configuration that is not whole will do."""
    return settings_in(blocks_of_place(place), place, overrides)


def blocks_of_place(place: ProjectPlace) -> Blocks:
    """The blocks of the root module, as far as they can be read."""
    folders = folders_of(place)
    return load_blocks(folders.root, folders.read_folder, [])


def _naming(blocks: Blocks, place: ProjectPlace) -> tuple[str, Where | None]:
    """What names the workspace, and where if that is in a file of the configuration."""
    if place.workspace is not None:
        return "--workspace", None
    variable = variable_of("workspace", project_directory(place))
    block = blocks.of("runner").get("runner")
    if variable is None and _selected(place) is not None:
        return _SELECTED, None
    if variable is not None or block is None:
        return variable or "RUNNER_WORKSPACE", None
    return "workspace in [runner]", block.where(("workspace",))


def settings_in(
    blocks: Blocks, place: ProjectPlace, overrides: Overrides = NO_OVERRIDES
) -> Settings:
    """The settings where these blocks are the configuration."""
    selected = None if place.workspace is not None else _selected(place)
    return _with_selected(selected, blocks, place, overrides)


def workspace_meant(place: ProjectPlace, selected: str) -> str:
    """The workspace that is meant where the user has selected this one."""
    return _with_selected(selected, blocks_of_place(place), place, NO_OVERRIDES).workspace


def _with_selected(
    selected: str | None, blocks: Blocks, place: ProjectPlace, overrides: Overrides
) -> Settings:
    block = blocks.of("runner").get("runner")
    flags = {**asdict(overrides), "workspace": place.workspace}
    chosen = {} if selected is None else {"workspace": selected}  # before the project's word
    if block is None:
        return settings(chosen, flags, project_directory(place))
    table = {**block.table, **chosen}
    return settings(table, flags, project_directory(place), block.where)


def _selected(place: ProjectPlace) -> str | None:
    """The workspace that the user selected. It is asked for where there is none, too: whoever
    selected one that is gone is not to change another in its place.
    """
    return selected_workspace(project_directory(place))
