"""Folders as a test finds or makes them."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def unwritable(fill: Callable[[Path], object] = lambda _: None) -> Iterator[Path]:
    """A directory, filled before, that this process may read but not write in; also if root's."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        fill(directory)
        directory.chmod(0o555)
        for path in directory.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        user = os.geteuid()
        try:
            if user == 0:  # whom no mode stops
                os.seteuid(65534)
            yield directory
        finally:
            if user == 0:
                os.seteuid(0)
            for path in (directory, *directory.rglob("*")):
                path.chmod(0o755)


def names(directory: Path) -> list[str]:
    """What is directly in a folder."""
    return sorted(path.name for path in directory.iterdir())
