"""The workspaces of a project: each a state of its own, one cache for all."""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from runner.cli.commands.places import settings_of, workspace_names, workspace_store
from runner.shell.store import Store


def stores(arguments: argparse.Namespace) -> list[Store]:
    """The state of each workspace that has one."""
    found = [workspace_store(arguments, name) for name in workspace_names(arguments)]
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
