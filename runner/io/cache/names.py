"""The files of a cache."""

from pathlib import Path

DATABASE = "cache.db"


def database_files(path: Path) -> tuple[Path, ...]:
    """The database and what SQLite may keep beside it."""
    return tuple(path.with_name(f"{DATABASE}{end}") for end in ("", "-wal", "-shm", "-journal"))


def cache_names(directory: Path) -> tuple[Path, ...]:
    """The folder of a cache, and all that is read and written there."""
    return (directory, *database_files(directory / DATABASE))
