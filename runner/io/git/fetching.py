"""A repository of others, fetched: the files of one commit, taken out of git's own store. Nothing
is checked out, so no filter, hook or submodule of it counts.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

from msgspec import Struct

from runner.errors import RunnerError, error
from runner.io.git.program import GitProgram, fetching_program, refused
from runner.io.git.repository import Repository
from runner.io.programs import Talk

MOST_BYTES = 50_000_000
MOST_FILES = 10_000
_MOST_PACKED = 4 * MOST_BYTES  # with what other commits hold, where all have to be fetched
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LINK, _SUBMODULE = "120000", "160000"


class Fetched(Struct, frozen=True):
    """A commit, and its files by their paths."""

    commit: str
    files: Mapping[str, bytes]


def fetch_commit(url: str, ref: str, commit: str | None = None) -> Fetched:
    """What a ref of a repository names, or this commit of it. RunnerError if it cannot be fetched,
    is too large, or holds what no module may: links, and names that lead elsewhere.
    """
    with tempfile.TemporaryDirectory(prefix="runner-") as made:
        folder = Path(made)
        git = fetching_program(folder, urlsplit(url).scheme)
        if git is None:
            said = "Modules of repositories are fetched with git, which is not installed."
            raise error("Git is not there", said)
        git.output("init", "--quiet", "--template=")
        found = _fetched(git, url, commit or ref, pinned=commit is not None)
        names = _names(git, found)
        blobs = Repository(git, folder, "").blobs(names.values())
        held = zip(names, blobs, strict=True)
        return Fetched(found, {name: data for name, (_, data) in held})


def _fetched(git: GitProgram, url: str, ref: str, *, pinned: bool) -> str:
    try:
        _fetch(git, url, ref, "--depth=1")
    except RunnerError:
        if not pinned:
            raise
        # A server that gives only what its refs name: all of them, and the commit is among it.
        _fetch(git, url, "+refs/*:refs/fetched/*")
        found = ref
    else:
        found = "FETCH_HEAD"
    named = git.output("rev-parse", "--verify", "--quiet", f"{found}^{{commit}}", empty_if=1)
    commit = named.decode().strip()
    if not _COMMIT.fullmatch(commit) or (pinned and commit != ref):
        raise error("Not a commit", f"{url}: {ref} names no commit.")
    return commit


def _fetch(git: GitProgram, url: str, refs: str, *options: str) -> None:
    given = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", *options, "--", url, refs)
    with git.talking(*given) as talk, _bounded(talk, git.folder) as is_too_large:
        talk.asked.close()
        talk.told.read()
        ended = talk.ended()
    if is_too_large.is_set():
        raise _too_large()
    if ended.status:
        raise refused("fetch", ended)


@contextmanager
def _bounded(talk: Talk, folder: Path) -> Iterator[Event]:
    """Ends a program that writes too much into a folder; whether it did."""
    is_over, is_too_large = Event(), Event()

    def watch() -> None:
        while not is_over.wait(0.2):
            if _size(folder) > _MOST_PACKED:
                is_too_large.set()
                talk.stop()
                return

    watching = Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield is_too_large
    finally:
        is_over.set()
        watching.join()


def _size(folder: Path) -> int:
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_size  # noqa: PTH118  # quick
            except FileNotFoundError:
                continue  # git has named it otherwise meanwhile
    return total


def _names(git: GitProgram, commit: str) -> dict[str, str]:
    """The blob of each file by its path. Folders count as well: many may hold one another."""
    found: dict[str, str] = {}
    total = 0
    for at, entry in enumerate(_entries(git, commit)):
        facts, _, path = entry.partition(b"\t")
        mode, _, blob, size = facts.decode().split()
        name = _checked(path)
        if mode == _LINK:
            raise error("Module holds a link", f'"{name}" is a link, and a module holds none.')
        total += int(size) if size.isdigit() else 0
        if at >= MOST_FILES or total > MOST_BYTES:
            raise _too_large()
        if size != "-" and mode != _SUBMODULE:
            found[name] = blob
    return found


def _entries(git: GitProgram, commit: str) -> Iterator[bytes]:
    """What stands in a commit, as it is read: the list of a hostile one may have no end."""
    with git.talking("ls-tree", "-r", "-t", "-l", "-z", "--full-tree", commit) as talk:
        talk.asked.close()
        rest = b""
        while piece := talk.told.read(1 << 16):
            *whole, rest = (rest + piece).split(b"\0")
            yield from whole
        ended = talk.ended()
    if ended.status:
        raise refused("ls-tree", ended)


def _checked(path: bytes) -> str:
    """A path that leads to a place below the folder that it is written in, on any system."""
    try:
        name = path.decode()
    except UnicodeDecodeError:
        name = ""
    parts = name.split("/")
    if not name.isprintable() or any(map(_leads_elsewhere, parts)) or set(name) & {"\\", ":"}:
        raise error("Module holds a hostile name", f"{path!a} is no name of a file.")
    return name


def _leads_elsewhere(part: str) -> bool:
    plain = part.rstrip(". ")
    return plain == "" or plain.lower() in (".git", "git~1")


def _too_large() -> RunnerError:
    said = (
        f"A repository of modules has {MOST_FILES:,} files and folders and "
        f"{MOST_BYTES // 1_000_000} MB at most."
    )
    return error("Repository is too large", said)
