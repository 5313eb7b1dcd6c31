"""A state in a folder, as every test of a whole command has it."""

from pathlib import Path

from runner.io.state.local import Folder
from runner.io.state.store import Store


def local_store(directory: Path) -> Store:
    """The state of a folder, with its cache in there."""
    return Store(Folder(directory), directory, directory / "cache")


def file_of(store: Store) -> Path:
    """The file of a state that `local_store` gave."""
    return store.directory / "state.json"


def backup_of(store: Store) -> Path:
    """The file of the state before."""
    return store.directory / "state.json.backup"
