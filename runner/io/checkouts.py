"""What was fetched of repositories of others: a folder of files each, and the lock file beside."""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from runner.core.modules.git_source import CHECKOUTS, LOCK_FILE
from runner.errors import error
from runner.io import files, links

_ADVICE = "Take it away, and fetch again: runner init"
_MOST_FILES = 20_000


class Checkouts:
    """Those of a configuration's folder. They are no part of the project's own repository."""

    def __init__(self, config: Path) -> None:
        self._config = files.followed(config)
        self.lock = self._config / LOCK_FILE
        self._folder = self._config / CHECKOUTS

    def lock_data(self) -> bytes | None:
        """The lock file; None if there is none."""
        links.refuse_links(self._config, [self.lock], _ADVICE)
        return files.read(self.lock)

    def keep_lock(self, data: bytes | None) -> None:
        """Writes the lock file where it says something else, or removes it."""
        if data is None:
            files.remove(self.lock)
        elif data != self.lock_data():
            files.write_atomic(self.lock, data)

    def path(self, name: str) -> Path:
        """The folder of a repository's files."""
        return self._folder / name

    def files(self, name: str) -> dict[str, bytes] | None:
        """The files in a folder, by their paths; None if there is no such folder. RunnerError for
        anything that was not put there: a link, or too much.
        """
        folder = self.path(name)
        links.refuse_links(self._config, [folder], _ADVICE)
        if not folder.is_dir():
            return None
        found: dict[str, bytes] = {}
        for path in _entries(folder):
            found[path.relative_to(folder).as_posix()] = files.read(path) or b""
        return found

    def keep(self, name: str, held: Mapping[str, bytes]) -> None:
        """Puts files into a folder, instead of what is there; whole, or not at all."""
        folder, new = self.path(name), self.path(f"{name}.new")
        links.refuse_links(self._config, [folder, new], _ADVICE)
        files.make_directory(self._folder)
        files.hide_from_git(self._folder)
        _remove(new)
        files.make_directory(new)
        for path, data in held.items():
            target = new / path
            files.make_directory(target.parent)
            target.write_bytes(data)
        _remove(folder)
        new.rename(folder)

    def keep_only(self, names: Iterable[str]) -> None:
        """Removes what else was fetched."""
        kept = {*names, files.IGNORING}
        for entry in self._folder.iterdir() if self._folder.is_dir() else ():
            if entry.name not in kept and entry.is_dir() and not files.is_link(entry):
                _remove(entry)


def _entries(folder: Path) -> Iterator[Path]:
    seen = 0
    for where, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path, seen = Path(where, name), seen + 1
            if files.is_link(path):
                raise links.linked(path, _ADVICE)
            if seen > _MOST_FILES:
                raise error("Module is changed", f"{folder} holds too many files. {_ADVICE}")
        yield from (Path(where, name) for name in names)


def _remove(folder: Path) -> None:
    if files.identity(folder) is not None:
        shutil.rmtree(folder)
