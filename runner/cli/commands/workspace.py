"""`runner workspace`: list, make and delete states of one configuration."""

import argparse
import re
import sys
from pathlib import Path

from runner.cli.parser.options import place_of
from runner.core.language.blocks import WORKSPACE
from runner.core.suggest import did_you_mean
from runner.errors import error
from runner.io import files
from runner.io.state.local import LOCK, NAME, OUTPUTS
from runner.io.state.store import Store
from runner.operations.places import DEFAULT, settings_of, workspace_names, workspace_store

_LOCK = (LOCK, f"{LOCK}.info")
_OURS = (NAME, f"{NAME}.backup", OUTPUTS, *_LOCK)


def run(arguments: argparse.Namespace) -> int:
    """One of list, new and delete."""
    match arguments.action:
        case "list":
            return _list(arguments)
        case "new":
            return _new(arguments)
        case _:
            return _delete(arguments)


def _list(arguments: argparse.Namespace) -> int:
    current = settings_of(place_of(arguments)).workspace
    found = workspace_names(place_of(arguments))
    for name in found:
        sys.stdout.write(f"{'*' if name == current else ' '} {name}\n")
    if current not in found:
        sys.stderr.write(f"The current one, {current}, is not there yet.\n")
    return 0


def _new(arguments: argparse.Namespace) -> int:
    name = _checked(arguments.name)
    if name in workspace_names(place_of(arguments)):
        raise error("Workspace exists", f'There is a workspace "{name}" already.')
    files.make_directory(workspace_store(place_of(arguments), name).directory)
    sys.stderr.write(
        f"Made the workspace {name}. Work in it with --workspace {name}, or with "
        f"RUNNER_WORKSPACE={name}.\n"
    )
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    name = arguments.name
    if name == DEFAULT:
        raise error("Workspace is needed", "The default workspace cannot be deleted.")
    known = workspace_names(place_of(arguments))
    if name not in known:
        hint = did_you_mean(name, known) or f" There are {', '.join(known)}."
        raise error("Unknown workspace", f'There is no workspace "{name}".{hint}')
    if name == settings_of(place_of(arguments)).workspace:
        raise error(
            "Workspace is in use",
            f"{name} is the current workspace (--workspace, RUNNER_WORKSPACE or [runner]). Choose "
            "another one first.",
        )
    store = workspace_store(place_of(arguments), name)
    with store.lock("runner workspace delete", settings_of(place_of(arguments)).lock_timeout):
        _refuse_loss(store, name, force=arguments.force)
        for path in _inside(store.directory):
            if path.name not in _LOCK:
                files.remove(path)
    for lock in _LOCK:
        files.remove(store.directory / lock)
    try:
        store.directory.rmdir()
    except OSError as cause:
        raise files.failure("remove", store.directory, cause) from cause
    sys.stderr.write(f"Deleted the workspace {name}. Its answers stay in the cache.\n")
    return 0


def _refuse_loss(store: Store, name: str, *, force: bool) -> None:
    """RunnerError for records, unless that is meant, and for files that are not the runner's."""
    foreign = [path for path in _inside(store.directory) if path.name not in _OURS]
    if foreign:
        raise error(
            "Workspace holds other files",
            f"{foreign[0]} is no part of a state (answers that could not be written elsewhere are "
            "in errored-* files). Move it away first.",
        )
    if force:
        return
    state = store.load()
    if state is not None and state.records:
        raise error(
            "Workspace holds records",
            f"{name} holds {len(state.records)} records. `runner --workspace {name} destroy` "
            "removes them, and what a server stored; --force only forgets them.",
        )


def _inside(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def _checked(name: str) -> str:
    if not re.match(WORKSPACE, name) or name.endswith("\n"):
        raise error(
            "Invalid name",
            f'"{name}" cannot be a workspace: its name is letters, digits, _, - and dots, and '
            "begins with none of the last two.",
        )
    return name
