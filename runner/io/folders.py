"""The folders of a project: configuration files in, and nothing outside of it."""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import quote

from runner.core.language.file_names import one_spelling
from runner.core.modules.folder import holds_values
from runner.core.modules.git_source import CHECKOUTS
from runner.errors import RunnerError, error
from runner.io import files, links

_MAGIC = re.compile(r"[*?[]")
_MOST_ENTRIES = 100_000
_LONGEST_NAME = 255  # bytes
_LONGEST_PATH = 3000  # bytes, with room for the folder of the project


class Folders:
    """Reads for the core, by names relative to the project; nothing outside may be read, links
    followed.

    `config` is the root module's folder. The user may name one elsewhere, which is then a root of
    its own; RunnerError if a link leads out of the project to it.
    """

    def __init__(self, project: Path, config: Path) -> None:
        self.project = files.followed(project)
        self.config = config if config.is_absolute() else project / config
        advice = f"To read what stands there: --config {quote(str(files.followed(self.config)))}"
        self._roots = (self.project, links.refuse_leaving(project, self.config, advice))
        self.root = self._name(self.config)
        self.checkouts = files.followed(self.config) / CHECKOUTS  # no link is followed to another
        self._held: dict[tuple[str, str], bytes] = {}
        self._read_once: dict[Path, bytes] = {}  # a file has many names: ./a, x/../a
        self._folders: set[Path] = set()
        self._looked_at: dict[Path, files.Identity | None] = {}

    def read_folder(self, folder: str) -> list[tuple[str, bytes]]:
        """The *.toml files directly in a folder, by name; none if there is no such folder."""
        path = self._inside(folder, folder)
        self._folders.add(path)
        self.look_at(path)
        found = []
        for file in sorted(path.iterdir()) if path.is_dir() else ():  # glob hides what it may not
            if file.suffix != ".toml" or file.name.startswith("."):
                continue
            if files.is_link(file):
                self._refuse_link(file)
            self.look_at(file)
            data = files.read(file) if file.is_file() else None
            if data is not None:
                found.append((self._name(file), data))
            elif file.is_symlink() and not file.exists():
                raise error("No such file", f"{file} is a link, and what it names is not there.")
        return found

    def read(self, folder: str, path: str) -> bytes:
        """A file named by a file in `folder`; RunnerError if it is not there or not inside."""
        if (folder, path) not in self._held:
            self._held[folder, path] = self._read(folder, path)
        return self._held[folder, path]

    def matching(self, folder: str, pattern: str) -> tuple[str, ...]:
        """The files whose paths, from `folder`, are as a pattern says: `*`, `?` and `[..]` within a
        name, `**` for any folders. Sorted; no hidden ones. RunnerError if it leaves the project, or
        names a hidden folder.
        """
        parts = [part for part in pattern.split("/") if part != "."]
        fixed = next((at for at, part in enumerate(parts) if _MAGIC.search(part)), len(parts) - 1)
        written = "/".join(parts[:fixed])
        base = self.path(folder, written or ".")
        self._refuse_private(base, pattern)
        if pattern.endswith("/") or ".." in parts[fixed:] or not base.is_dir():
            return ()
        kept = f"{written}/" if written else ""
        self.look_at(base)
        found = (kept + name for name in _matching(base, tuple(parts[fixed:]), [], self.look_at))
        return tuple(sorted(set(found)))

    @property
    def held(self) -> Mapping[str, bytes]:
        """Every file that `read` gave, by its name."""
        return {
            self._name(self.path(folder, path)): data for (folder, path), data in self._held.items()
        }

    def look_at(self, path: Path) -> None:
        """A change of this file or folder is a change of what was read."""
        self._looked_at.setdefault(path, files.identity(path))

    def changed(self) -> bool:
        """Whether a file or folder that was looked at is not as it was then."""
        return any(files.identity(path) != was for path, was in self._looked_at.items())

    @property
    def configured(self) -> frozenset[Path]:
        """The folders whose *.toml are configuration: of the root and of modules."""
        return frozenset(self._folders)

    def path(self, folder: str, path: str) -> Path:
        """Where a name leads; RunnerError if that is outside of the project, or of the repository
        that the folder was fetched from.
        """
        target = self._inside(_joined(folder, path), path)
        around = self._checkout(files.followed(self.project / folder))
        if around is not None and not target.is_relative_to(around):
            said = "leads out of the repository that this module was fetched from, and a module of "
            raise error("Path leaves the module", f'"{path}" {said}others reads its own files.')
        return target

    def _checkout(self, target: Path) -> Path | None:
        """The folder of the repository of others that something stands in."""
        if not target.is_relative_to(self.checkouts) or target == self.checkouts:
            return None
        return self.checkouts / target.relative_to(self.checkouts).parts[0]

    def _read(self, folder: str, path: str) -> bytes:
        target = self.path(folder, path)
        if target not in self._read_once:
            self.look_at(target)
            self._read_once[target] = self._content(target, path)
        return self._read_once[target]

    def _content(self, target: Path, path: str) -> bytes:
        self._refuse_private(target, path)
        if target.is_dir():
            raise error("Not a file", f'"{path}" is a folder, not a file.')
        try:
            data = files.read(target)
        except RunnerError as exc:
            said = " ".join(problem.detail for problem in exc.problems)
            raise error("Cannot read file", f'"{path}" cannot be read: {said}') from exc
        if data is None:
            raise error(
                "No such file", f'There is no file "{path}" (looked for {self._name(target)}).'
            )
        return data

    def _inside(self, name: str, written: str) -> Path:
        if "\x00" in name:
            raise error("Invalid path", "A path cannot hold a NUL character.")
        if not _is_nameable(name):
            raise error("Invalid path", f'"{name[:60]}.." is too long for a path, or is no text.')
        path = Path(name)
        target = files.followed(path if path.is_absolute() else self.project / path)
        if not self._is_inside(target):
            raise error(
                "Path leaves the project",
                f'"{written}" leads outside of the project ({self.project.name}/). Copy the file '
                "into the project, so that a clone of it has everything.",
            )
        return target

    def _is_inside(self, target: Path) -> bool:
        return any(target.is_relative_to(root) for root in self._roots)

    def _refuse_link(self, file: Path) -> None:
        """A configuration is shown where something is wrong in it: it is no file of keys either."""
        target = files.followed(file)
        if not self._is_inside(target):
            advice = "Copy the file here."
            if holds_values(file.name):
                advice = f"Copy the file here, or name it: --var-file {quote(str(target))}"
            raise links.linked(file, advice, f"{self._name(file.parent)}/{file.name}")
        self._refuse_private(target, self._name(file.parent) + f"/{file.name}")

    def _refuse_private(self, target: Path, written: str) -> None:
        """A prompt is sent away, and a mistake is shown: no file of keys is a part of either."""
        roots = [root for root in self._roots if target.is_relative_to(root)]
        around = self._checkout(target)
        roots += () if around is None or not around.is_dir() else (around,)
        inner = max(roots, key=lambda root: len(root.parts))  # the user may name a hidden one
        parts = [one_spelling(part) for part in target.relative_to(inner).parts]
        if any(part.startswith(".") for part in parts) or "".join(parts[-1:]).endswith(".env"):
            raise error(
                "File is private",
                f'"{written}" may hold keys, as files do that have a dot before their name or .env '
                "at its end, and what is read is shown or sent. Copy what is meant into a file of "
                "another name.",
            )

    def _name(self, path: Path) -> str:
        full = files.followed(path)
        if full.is_relative_to(self.project):
            return full.relative_to(self.project).as_posix() or "."
        return full.as_posix()


def _matching(
    folder: Path, parts: tuple[str, ...], seen: list[None], look_at: Callable[[Path], None]
) -> Iterator[str]:
    """The files below a folder, by the names that lead there; links to folders lead nowhere."""
    wanted, *rest = parts
    look_at(folder)
    if wanted == "**" and rest:
        yield from _matching(folder, tuple(rest), seen, look_at)
    for entry in _entries(folder, seen):
        if wanted == "**" and _is_own_folder(entry):
            below = parts
        elif not fnmatchcase(entry.name, wanted):
            continue
        elif not rest:
            if entry.is_file():
                yield entry.name
            continue
        elif _is_own_folder(entry):
            below = tuple(rest)
        else:
            continue
        yield from (f"{entry.name}/{name}" for name in _matching(entry, below, seen, look_at))


def _entries(folder: Path, seen: list[None]) -> Iterator[Path]:
    try:
        for entry in folder.iterdir():
            seen.append(None)
            if len(seen) > _MOST_ENTRIES:
                said = f"more than {_MOST_ENTRIES:,} files and folders would have to be looked at"
                raise error("Too many files", f"{said}: name a folder in the pattern.")
            if not entry.name.startswith("."):
                yield entry
    except OSError as cause:
        raise files.failure("read", folder, cause) from cause


def _is_own_folder(path: Path) -> bool:
    return path.is_dir() and not files.is_link(path)


def _joined(folder: str, path: str) -> str:
    return path if path.startswith("/") else f"{folder}/{path}"


def _is_nameable(path: str) -> bool:
    """Whether a file may have this name on the common systems."""
    try:
        sizes = [len(part.encode(errors="surrogateescape")) for part in path.split("/")]
    except UnicodeEncodeError:
        return False
    return max(sizes) <= _LONGEST_NAME and sum(sizes) + len(sizes) <= _LONGEST_PATH
