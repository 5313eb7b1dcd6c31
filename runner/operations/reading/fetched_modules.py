"""Modules of repositories: fetched by `runner init` alone, and read as the lock file says."""

import posixpath
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from runner.core.modules.folder import Block
from runner.core.modules.folder import load_folder as load_blocks
from runner.core.modules.git_source import (
    GitSource,
    Lock,
    LockedModule,
    files_digest,
    git_source,
    is_elsewhere,
    read_lock,
    written_lock,
)
from runner.core.secrets.trust import ModuleDoor
from runner.errors import Problem, RunnerError, error
from runner.io.checkouts import Checkouts
from runner.io.folders import Folders
from runner.operations.options import ProjectPlace
from runner.operations.project.places import folders_of, same_place
from runner.operations.reading.doors import admit_door
from runner.operations.reading.loaded import Ask

_MOST_REPOSITORIES = 100


class ModuleFetch(Struct, frozen=True):
    """A repository that is about to be fetched, was fetched, or is there already."""

    state: Literal["fetching", "fetched", "kept"]
    source: str
    ref: str
    commit: str | None


class FetchedModules:
    """What was fetched for a project. Nothing is fetched by it."""

    def __init__(self, folders: Folders, place: ProjectPlace) -> None:
        self._folders, self._place = folders, place
        self._checkouts = Checkouts(folders.config)
        self._lock: Lock | None = None
        self._known: dict[str, str] = {}

    def folder(self, source: GitSource) -> str:
        """Where the files of a repository are; RunnerError if they are not there, or not those of
        the commit that the lock file names.
        """
        locked = self._locked(source)
        if locked.folder not in self._known:
            self._known[locked.folder] = self._checked(source, locked)
        return self._known[locked.folder]

    def _locked(self, source: GitSource) -> LockedModule:
        if self._lock is None:
            self._folders.look_at(self._checkouts.lock)
            self._lock = read_lock(
                _name(self._folders, self._checkouts.lock), self._checkouts.lock_data()
            )
        found = self._lock.get((source.url, source.ref))
        if found is None:
            said = f"{source.name} is in no lock file yet. To fetch and pin it: {self._init}"
            raise error("Module is not fetched", said)
        return found

    def _checked(self, source: GitSource, locked: LockedModule) -> str:
        held = self._checkouts.files(locked.folder)
        path = _name(self._folders, self._checkouts.path(locked.folder))
        if held is None:
            said = f"{source.name} is pinned, and not on this machine. To fetch it: {self._init}"
            raise error("Module is not fetched", said)
        if files_digest(held) != locked.digest:
            said = (
                f"{path} is not what commit {locked.commit[:12]} of {source.url} holds: it was "
                f"changed here. What is fetched is not edited. To fetch it again: {self._init}"
            )
            raise error("Module is changed", said)
        return path

    @property
    def _init(self) -> str:
        return f"{same_place(self._place)} init"


def fetch_modules(
    place: ProjectPlace, ask: Ask | None, *, upgrade: bool = False
) -> Iterator[ModuleFetch]:
    """Fetches what the modules of a project name and is not there: the commit that the lock file
    has, or with `upgrade` the one that each ref names now. Tells each before and after.

    The lock file is written once all is there. RunnerError at the block that names what cannot be
    had, Untrusted if the user did not say that it may be fetched from there.
    """
    yield from _Fetching(place, ask, upgrade=upgrade).run()


class _Fetching:
    def __init__(self, place: ProjectPlace, ask: Ask | None, *, upgrade: bool) -> None:
        self._place, self._ask, self._upgrade = place, ask, upgrade
        self._folders = folders_of(place)
        self._checkouts = Checkouts(self._folders.config)
        self._before = read_lock(
            _name(self._folders, self._checkouts.lock), self._checkouts.lock_data()
        )
        self._taken: dict[tuple[str, str], LockedModule] = {}

    def run(self) -> Iterator[ModuleFetch]:
        root = self._folders.root
        todo, seen = [root], {root}
        while todo:
            folder = todo.pop(0)
            unread: list[Problem] = []  # what is wrong in a file is told by whatever plans
            calls = load_blocks(folder, self._folders.read_folder, unread, root=folder == root)
            for block in calls.of("module").values():
                named = block.table.get("source")
                if not isinstance(named, str):
                    continue
                target = yield from self._target(folder, named, block)
                if target is not None and target not in seen:
                    seen.add(target)
                    todo.append(target)
        held = self._taken.values()
        self._checkouts.keep_lock(written_lock(held) if held else None)
        self._checkouts.keep_only(one.folder for one in held)

    def _target(
        self, folder: str, named: str, block: Block
    ) -> Generator[ModuleFetch, None, str | None]:
        """The folder of a module; None where it cannot be, which a plan tells."""
        if not is_elsewhere(named):
            try:
                path = self._folders.path(folder, named)
            except RunnerError:
                return None
            return posixpath.normpath(posixpath.join(folder, named)) if path.is_dir() else None
        try:
            source = git_source(named)
        except ValueError as exc:
            problem = block.problem("Source is elsewhere", f"{exc}", ("source",))
            raise RunnerError(problem) from exc
        try:
            locked = yield from self._locked(source)
        except RunnerError as exc:
            raise _at(block, exc) from exc
        around = _name(self._folders, self._checkouts.path(locked.folder))
        return posixpath.normpath(posixpath.join(around, source.folder))

    def _locked(self, source: GitSource) -> Generator[ModuleFetch, None, LockedModule]:
        key = source.url, source.ref
        if key not in self._taken:
            if len(self._taken) == _MOST_REPOSITORIES:
                said = f"The modules of a project come from {_MOST_REPOSITORIES} of them at most."
                raise error("Too many repositories", said)
            self._taken[key] = yield from self._take(source)
        return self._taken[key]

    def _take(self, source: GitSource) -> Generator[ModuleFetch, None, LockedModule]:
        pinned = None if self._upgrade else self._before.get((source.url, source.ref))
        if pinned is not None and self._is_there(pinned):
            yield ModuleFetch("kept", source.url, source.ref, pinned.commit)
            return pinned
        wanted = None if pinned is None else pinned.commit
        admit_door(self._place, ModuleDoor(source.place), self._ask)
        yield ModuleFetch("fetching", source.url, source.ref, wanted)
        from runner.io.git.fetching import fetch_commit  # noqa: PLC0415  # `runner init` alone

        fetched = fetch_commit(source.url, source.ref, wanted)
        digest = files_digest(fetched.files)
        if pinned is not None and digest != pinned.digest:
            said = (
                f"Commit {pinned.commit} of {source.url} does not hold what the lock file says "
                "(digest). Somebody changed one of them."
            )
            raise error("Module is not what was locked", said)
        taken = LockedModule(source.url, source.ref, fetched.commit, digest)
        self._checkouts.keep(taken.folder, fetched.files)
        yield ModuleFetch("fetched", source.url, source.ref, fetched.commit)
        return taken

    def _is_there(self, locked: LockedModule) -> bool:
        held = self._checkouts.files(locked.folder)
        return held is not None and files_digest(held) == locked.digest


def _at(block: Block, found: RunnerError) -> RunnerError:
    """The same, told where a source is written."""
    where = block.where(("source",))
    problems = (Problem(one.summary, one.detail, one.where or where) for one in found.problems)
    return type(found)(*problems)


def _name(folders: Folders, path: Path) -> str:
    inside = path.is_relative_to(folders.project)
    return (path.relative_to(folders.project) if inside else path).as_posix()
