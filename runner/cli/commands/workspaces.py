"""The workspaces of a project: each a state of its own, one cache for all."""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from runner.cli.commands.places import WORKSPACES, settings_of, workspace_store
from runner.shell import links
from runner.shell.store import Store

DEFAULT = "default"


def names(arguments: argparse.Namespace) -> list[str]:
    """Every workspace there is, the default one first."""
    folder = workspace_store(arguments, DEFAULT).directory / WORKSPACES
    links.refuse_links(folder.parent, [folder], "to keep the states elsewhere: --state DIR")
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return [DEFAULT, *(name for name in found if (folder / name).is_dir())]


def stores(arguments: argparse.Namespace) -> list[Store]:
    """The state of each workspace that has one."""
    found = [workspace_store(arguments, name) for name in names(arguments)]
    return [store for store in found if store.directory.is_dir()]


@contextmanager
def all_held(arguments: argparse.Namespace, command: str) -> Iterator[list[Store]]:
    """The state of every workspace, held: nobody writes to the cache that they share."""
    timeout = settings_of(arguments).lock_timeout
    with ExitStack() as held:
        found = stores(arguments)
        for store in found:
            held.enter_context(store.lock(command, timeout))
        yield found
