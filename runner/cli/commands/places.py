"""Where a command line means: its project, the settings there, and the state."""

import argparse
import shlex
from pathlib import Path

from runner.core.config import Blocks
from runner.core.config import load as load_blocks
from runner.errors import error
from runner.shell.project import Folders
from runner.shell.settings import Settings, settings
from runner.shell.store import Store


def store_of(arguments: argparse.Namespace) -> Store:
    """The state that the command line means, its workspace included; not yet read."""
    return workspace_store(arguments, settings_of(arguments).workspace)


def workspace_store(arguments: argparse.Namespace, workspace: str) -> Store:
    """The state of a workspace; the cache is one for all of them."""
    shared = project_directory(arguments) / arguments.state
    held = shared if workspace == "default" else shared / "workspaces" / workspace
    return Store(held, shared / "cache", _again(arguments, workspace))


def _again(arguments: argparse.Namespace, workspace: str) -> str:
    """How the next command about this state begins."""
    given = (
        ("-C", arguments.chdir, "."),
        ("--config", arguments.config, "configs"),
        ("--state", arguments.state, "state"),
        ("--workspace", workspace, "default"),
    )
    flags = [f"{flag} {shlex.quote(value)}" for flag, value, usual in given if value != usual]
    return " ".join(["runner", *flags])


def project_directory(arguments: argparse.Namespace) -> Path:
    """The project's folder, which must be there."""
    directory = Path(arguments.chdir)
    if not directory.is_dir():
        raise error("No such directory", f'"{directory}" is no directory.')
    return directory


def folders_of(arguments: argparse.Namespace) -> Folders:
    """The folders of the project, which must be there."""
    return Folders(project_directory(arguments), Path(arguments.config))


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings alone, [runner] included; a configuration that is not whole will do."""
    folders = folders_of(arguments)
    return settings_in(load_blocks(folders.root, folders.read_folder, []), arguments)


def settings_in(blocks: Blocks, arguments: argparse.Namespace) -> Settings:
    """The settings where these blocks are the configuration."""
    block = blocks.of("runner").get("runner")
    names = ("concurrency", "lock_timeout", "max_cost", "max_requests", "offline", "workspace")
    flags = {name: getattr(arguments, name, None) for name in (*names, "log_level")}
    where = block.where() if block is not None else None
    table = block.table if block is not None else {}
    return settings(table, flags, project_directory(arguments), where)
