"""What of projects was checked before and had no mistake: digests of it, in the user's cache."""

import os
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import runner
from runner.io.user_cache import cache_file, keep_in, kept_in

_MOST = 512  # digests that are kept


class Faultless:
    """What is known of what a project holds."""

    def __init__(self, project: Path) -> None:
        self._path = cache_file("faultless", project)
        self._held: list[str] | None = None

    def has(self, text: bytes) -> bool:
        """Whether this was checked by the rules as they are now, and nothing was found."""
        return _digest(text) in self._known()

    def add(self, text: bytes) -> None:
        """Nothing was found in this."""
        self._held = [*self._known()[1 - _MOST :], _digest(text)]
        keep_in(self._path, "\n".join(self._held).encode())

    def _known(self) -> list[str]:
        if self._held is None:
            self._held = kept_in(self._path).decode("ascii", "replace").split("\n")
        return self._held


def _digest(text: bytes) -> str:
    return sha256(_rules() + text).hexdigest()


@cache
def _rules() -> bytes:
    """The rules that hold now: our files as they were installed, and the library's version."""
    ours = (line for path in runner.__path__ for line in _files(os.path.join(path, "core")))  # noqa: PTH118
    found = find_spec("pydantic")
    theirs = (found and found.submodule_search_locations) or ()
    versions = [(Path(path) / "version.py").read_bytes() for path in theirs]
    held = "\n".join((runner.__version__, *ours)).encode()
    return sha256(b"\n".join((held, *versions))).digest()


def _files(place: str) -> Iterator[str]:
    """Each module in and below a folder, with its size and when it was written."""
    with os.scandir(place) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.endswith(".py"):
                status = entry.stat()
                yield f"{entry.path} {status.st_size} {status.st_mtime_ns}"
            elif entry.is_dir() and entry.name != "__pycache__":
                yield from _files(entry.path)
