"""A repository and what stands in its commits, as git itself finds it."""

import hashlib
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO

from msgspec import Struct

from runner.core.suggest import did_you_mean
from runner.errors import RunnerError, error
from runner.io.git.program import GitProgram, git_program, refused
from runner.io.programs import Ended

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_UP = re.compile(r"(?:\.\./)*")
_NOT_HERE = ("not a git repository", "must be run in a work tree", "cannot use bare repository")
_UNSAFE = ("dubious ownership", "unsafe repository")
_NO_WORKTREE = "cannot chdir to"
_FORM = "%x01%H%x00%P%x00%an%x00%ad%x00%s%x00"
_DATE = "%Y-%m-%dT%H:%M:%SZ"
_AHEAD = 4  # objects that are asked for while one is looked at
_PIECE = 1 << 16


class Commit(Struct, frozen=True):
    """A commit that changed files against each of its parents. `date` is when it was written,
    RFC 3339 in UTC. `blobs` are these files in it, `before` those in each parent, in their order,
    as far as there are any.
    """

    id: str
    parents: tuple[str, ...]
    author: str
    date: str
    subject: str
    blobs: tuple[str, ...]
    before: tuple[tuple[str, ...], ...]


class Repository:
    """The repository around a folder. Revisions are whatever git takes for a commit; paths are
    those of the repository, with slashes (`path_of`).

    `top` is the folder that all its paths begin in, `prefix` the way from there to the folder that
    was asked about: empty, or with a slash at its end.
    """

    def __init__(self, git: GitProgram, top: Path, prefix: str) -> None:
        self._git = git
        self.top, self.prefix = top, prefix

    @classmethod
    def around(cls, folder: Path) -> "Repository | None":
        """The repository whose worktree a folder is in; None where there is none, or no git.

        RunnerError if git refuses it: it is another user's, or its configuration is none.
        """
        git = git_program(folder)
        if git is None:
            return None
        with git.talking("rev-parse", "--is-inside-work-tree", "--show-cdup", "--show-prefix") as t:
            t.asked.close()
            told, ended = t.told.read(), t.ended()
        if ended.status:
            _refuse(folder, ended)
            return None
        inside, _, rest = os.fsdecode(told.removesuffix(b"\n")).partition("\n")
        up, _, prefix = rest.partition("\n")  # neither of them where it is bare
        if inside != "true" or not _UP.fullmatch(up):
            return None  # core.worktree is elsewhere
        top = Path(os.path.realpath(folder / up))
        return cls(git.at(top), top, prefix)  # paths on its command line begin where it works

    @property
    def is_shallow(self) -> bool:
        """Whether older commits were left out when it was cloned."""
        return self._git.output("rev-parse", "--is-shallow-repository").strip() == b"true"

    def cut_off(self) -> frozenset[str]:
        """The commits of a shallow clone whose parents are not in it."""
        name = os.fsdecode(self._git.output("rev-parse", "--git-path", "shallow"))
        try:
            return frozenset((self._git.folder / name.removesuffix("\n")).read_text().split())
        except FileNotFoundError:
            return frozenset()

    def path_of(self, path: Path) -> str | None:
        """How a file is called in the repository; None where it is outside of it."""
        whole = Path(os.path.realpath(path.parent)) / path.name
        inside = whole.is_relative_to(self.top)
        return whole.relative_to(self.top).as_posix() if inside else None

    def resolve(self, revision: str) -> str:
        """The id of the commit that a revision names; RunnerError where it names none."""
        found = self._commit(revision)
        if found is None:
            raise self._unknown(revision)
        return found

    def names_commit(self, revision: str) -> bool:
        """Whether it is a revision that names a commit."""
        return self._commit(revision) is not None

    def names(self) -> list[str]:
        """The branches and tags, as a revision may name them."""
        told = self._git.output("for-each-ref", "--format=%(refname:short)")
        return [name for name in told.decode(errors="replace").split("\n") if name]

    def merge_base(self, one: str, other: str) -> str:
        """The commit that two revisions have in common last; RunnerError where there is none."""
        ids = self.resolve(one), self.resolve(other)
        found = self._git.output("merge-base", *ids, empty_if=1).decode().strip()
        if not found:
            less = " This clone is shallow: it may be older." if self.is_shallow else ""
            said = f"{one} and {other} have no commit in common.{less}"
            raise error("No common commit", said)
        return found

    def read(self, commit: str, path: str) -> bytes | None:
        """A file as it was in a commit; None if it had none there (a link is none)."""
        found = self.tree(commit, path).get(path)
        return None if found is None else next(data for _, data in self.blobs((found,)))

    def tree(self, commit: str, folder: str = "") -> dict[str, str]:
        """The files in and below a folder of a commit (or one file): the blob of each by its path,
        in order. No links, no submodules.
        """
        words = ("ls-tree", "-r", "-z", "--full-tree", _checked(commit))
        under = ("--", folder.rstrip("/")) if folder.strip("/") else ()
        found: dict[str, str] = {}
        for entry in self._git.output(*words, *under).split(b"\0")[:-1]:
            facts, _, name = entry.partition(b"\t")
            mode, _, blob = facts.decode().split(" ")
            if _regular(mode, blob):
                found[os.fsdecode(name)] = blob
        return found

    def blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The content of blobs, each with its id, in their order, all by one process; `ids` are
        asked for a few ahead. RunnerError for one that this clone does not have.
        """
        left, asked = iter(ids), deque[str]()
        if (first := next(left, None)) is None:
            return  # without a process
        left = chain((first,), left)
        with self._git.talking("cat-file", "--batch") as talk:
            while True:
                for more in islice(left, _AHEAD - len(asked)):
                    asked.append(_checked(more))
                    _ask(talk.asked, more)
                if not asked:
                    return
                head = talk.told.readline().decode().split()
                wanted = asked.popleft()
                if len(head) != 3 or head[1] != "blob":
                    raise self._missing(wanted)
                data = talk.told.read(int(head[2]) + 1)[:-1]
                yield wanted, data

    def commits(
        self,
        *paths: str,
        tip: str = "HEAD",
        after: str | None = None,
        since: str | None = None,
        meant: Callable[[str], bool] = lambda _: True,
    ) -> Iterator[Commit]:
        """The commits up to `tip` that changed any of some files, or of those in folders that are
        `meant`, against each of their parents, newest first, as they are found. Left out: what
        `after` has too, and what is older than `since`, a date as git takes it. A renamed file is
        another one.
        """
        words = [
            "log", "--full-history", "-c", "--raw", "-z", "--no-abbrev", "--root", "--no-renames",
            "--no-ext-diff", "--no-textconv", "--no-color", "--encoding=UTF-8", "--no-notes",
            "--no-mailmap", f"-O{os.devnull}", f"--date=format-local:{_DATE}",
            f"--format={_FORM}", *([f"--since={since}"] if since else ()), self.resolve(tip),
            *([f"^{self.resolve(after)}"] if after else ()), "--", *paths,
        ]  # fmt: skip
        with self._git.talking(*words) as talk:
            talk.asked.close()
            yield from _commits(_tokens(talk.told), meant)
            ended = talk.ended()
        if ended.status:
            raise refused("log", ended)

    def setting(self, name: str) -> str | None:
        """What git's configuration says of a name, wherever; None where it says nothing."""
        found = self._git.output("config", "--null", "--get", name, empty_if=1)
        return os.fsdecode(found.removesuffix(b"\0")) if found else None

    def configure(self, name: str, value: str) -> None:
        """Writes a setting into the configuration of this clone."""
        self._git.output("config", "--local", "--replace-all", name, value)

    def attribute(self, path: str, name: str) -> str:
        """What .gitattributes say of a file: a value, `set`, `unset` or `unspecified`."""
        words = ("check-attr", "-z", name, "--", str(self.top / path))
        return os.fsdecode(self._git.output(*words).split(b"\0")[2])

    def _commit(self, revision: str) -> str | None:
        if not revision or revision.startswith("-") or "\0" in revision or "\n" in revision:
            return None
        words = ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        try:
            found = self._git.output(*words, empty_if=1).decode().strip()
        except RunnerError:
            return None  # such as HEAD@{1000}: the log only goes back to ...
        return found if _ID.fullmatch(found) else None

    def _unknown(self, revision: str) -> RunnerError:
        if self._commit("HEAD") is None and revision in ("HEAD", "@"):
            return error("No commit", f"The repository {self.top} has no commit yet.")
        hint = did_you_mean(revision, self.names())
        if self.is_shallow:
            hint += (
                " This clone is shallow, so it may be a commit that was left out: "
                "`git fetch --unshallow` brings them."
            )
        said = f'"{revision}" names no commit in the repository {self.top}.{hint}'
        return error("Unknown revision", said)

    def _missing(self, blob: str) -> RunnerError:
        return error(
            "Not in this clone",
            f"Git has no file {blob} in {self.top}: the clone is partial, or damaged. In a partial "
            "clone, `git fetch --refetch --no-filter` brings what is missing; nothing is fetched "
            "from here.",
        )


def blob_id(data: bytes, like: str) -> str:
    """The id of a blob with this content, in a repository where another one has an id like this."""
    made = hashlib.sha1 if len(like) == 40 else hashlib.sha256
    return made(b"blob %d\0" % len(data) + data).hexdigest()


def _refuse(folder: Path, ended: Ended) -> None:
    """RunnerError where git refuses a repository; nothing where it found none."""
    if any(words in ended.err for words in _NOT_HERE):
        return
    whole = os.path.realpath(folder)
    if any(words in ended.err for words in _UNSAFE):
        raise error(
            "Git refuses the repository",
            f"The repository around {whole} belongs to another user. If you trust what is in it: "
            "git config --global --add safe.directory DIR, with its folder as DIR.",
        )
    if _NO_WORKTREE in ended.err:
        raise error(
            "Git refuses the repository",
            f"core.worktree in the configuration of the repository around {whole} names a folder "
            "that is not there: take that line out of its .git/config, or mend it.",
        )
    raise refused("rev-parse", ended)


def _checked(name: str) -> str:
    if not _ID.fullmatch(name):
        raise ValueError(name)
    return name


def _ask(stream: IO[bytes], name: str) -> None:
    try:
        stream.write(f"{name}\n".encode())
        stream.flush()
    except BrokenPipeError:
        return  # it has ended: what it answered no more says which one is missing


def _tokens(stream: IO[bytes]) -> Iterator[bytes]:
    """What stands between zero bytes."""
    rest = b""
    while piece := stream.read1(_PIECE):  # type: ignore[attr-defined]
        *whole, rest = (rest + piece).split(b"\0")
        yield from whole


def _commits(tokens: Iterator[bytes], meant: Callable[[str], bool]) -> Iterator[Commit]:
    """Each commit's facts, then one entry for each file: its facts and its name."""
    head: tuple[str, ...] = ()
    files: list[list[str | None]] = []
    for token in tokens:
        entry = token.lstrip(b"\n")
        if entry.startswith(b"\x01"):
            if files:
                yield _commit_of(head, files)
            facts = (entry[1:], *islice(tokens, 4))
            head, files = tuple(fact.decode(errors="replace") for fact in facts), []
        elif entry.startswith(b":"):
            if not meant(os.fsdecode(next(tokens))):
                continue
            number = len(entry) - len(entry.lstrip(b":"))
            fields = entry.decode().split(" ")
            modes, blobs = fields[: number + 1], fields[number + 1 : 2 * number + 2]
            files.append([*map(_regular, modes, blobs)])
    if files:
        yield _commit_of(head, files)


def _commit_of(head: tuple[str, ...], files: list[list[str | None]]) -> Commit:
    """A commit by its facts, and for each file its blobs in all parents and in the commit."""
    commit, parents, author, date, subject = head
    sides = zip(*files, strict=True)
    *before, now = (tuple(blob for blob in side if blob is not None) for side in sides)
    return Commit(commit, tuple(parents.split()), author, date, subject, now, (*before,))


def _regular(mode: str, blob: str) -> str | None:
    """A file's blob; None for what is not there, a link, or a submodule."""
    return blob if mode.lstrip(":").startswith("100") else None
