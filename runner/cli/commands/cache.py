"""`runner cache`: how much it holds, and how to make it smaller."""

import argparse
import os
import sys
from collections.abc import Mapping

from runner.cli.parser.options import place_of
from runner.cli.terminal.asking import approved
from runner.io.cache.names import DATABASE
from runner.io.cache.upkeep import clear, info, prune
from runner.io.state.store import Store
from runner.operations.answers import keys_of
from runner.operations.places import store_of
from runner.operations.workspaces import all_held


def run(arguments: argparse.Namespace) -> int:
    """One of info, prune and clear."""
    store = store_of(place_of(arguments))
    match arguments.action:
        case "info":
            return _info(store)
        case "prune":
            return _prune(arguments, store)
        case _:
            return _clear(arguments, store)


def _info(store: Store) -> int:
    found = info(store.cache)
    sys.stdout.write(
        f"directory   {store.cache}\n"
        f"answers     {found.entries}\n"
        f"bytes       {found.bytes}\n"
        f"on the disk {found.file_bytes}\n"
    )
    return 0


def _prune(arguments: argparse.Namespace, store: Store) -> int:
    if _is_empty(store):
        return 0
    about = "Every answer that no record of any workspace refers to is dropped from the cache."
    if not approved(arguments, "Do you want to prune the cache?", about):
        return 1
    with all_held(place_of(arguments), "runner cache prune") as stores:
        gone = prune(store.cache, _referred(stores))
    sys.stderr.write(f"Dropped {_answers(gone.entries)} ({gone.bytes} bytes).\n")
    return 0


def _clear(arguments: argparse.Namespace, store: Store) -> int:
    if _is_empty(store):
        return 0
    about = (
        "Every answer is dropped from the cache. Those that a state records are kept there; all "
        "others would be paid again."
    )
    if not approved(arguments, "Do you want to clear the cache?", about):
        return 1
    with all_held(place_of(arguments), "runner cache clear"):
        gone = clear(store.cache)
    if gone is None:
        said = (
            f"Removed {store.cache / DATABASE}, which could not be read as a cache of the runner's"
        )
        sys.stderr.write(f"{said}; the answers in it were not counted.\n")
    else:
        sys.stderr.write(f"Dropped {_answers(gone.entries)} ({gone.bytes} bytes).\n")
    return 0


def _is_empty(store: Store) -> bool:
    if os.path.lexists(store.cache / DATABASE):  # whatever it is
        return False
    sys.stderr.write(f"There is no cache in {store.cache}: nothing to do.\n")
    return True


def _referred(stores: Mapping[str, Store]) -> set[str]:
    """The keys of every record; RunnerError where a state cannot be read, so that none is lost."""
    found: set[str] = set()
    for name, store in stores.items():
        state = store.load()
        if state is not None:
            found.update(keys_of(state, name))
    return found


def _answers(number: int) -> str:
    return "1 answer" if number == 1 else f"{number} answers"
