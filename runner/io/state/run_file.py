"""What a running apply tells, in a file beside its answers, for whoever looks on. They lock another
file beside it, each beside the others: by that a run knows that somebody reads.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from runner.core.canonical import digest
from runner.io.files import PRIVATE

MOST_TOLD = 4_000_000  # bytes; then it is begun anew
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_OLD = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

if sys.platform == "win32":

    def _hold(fd: int) -> None:
        """There, a file is there for as long as it is written."""

    def _is_held(fd: int) -> bool:  # noqa: ARG001
        return True

    def _join(fd: int) -> bool:  # noqa: ARG001
        return True

    def _exclude(fd: int) -> bool:  # noqa: ARG001
        """Never: there, whoever reads is not known of."""
        return False

    def _leave(fd: int) -> None:
        """Nothing was locked."""

else:
    import fcntl

    def _hold(fd: int) -> None:
        """For as long as it is open: the kernel tells by it whether its process is gone. Whoever
        looks whether it is held has it for that moment, which is waited for.
        """
        fcntl.flock(fd, fcntl.LOCK_EX)

    def _is_held(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        _leave(fd)
        return False

    def _join(fd: int) -> bool:
        """Whether the run knows of one more reader, until this is closed; where no locks can be
        had, it never excludes any.
        """
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def _exclude(fd: int) -> bool:
        """Whether there are no readers, nor any come until it is left."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _leave(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)


def _readers_of(path: Path) -> Path:
    """What is locked by those who read it."""
    return path.with_suffix(".readers")


def run_file(cache: Path, directory: Path) -> Path:
    """Where the run of a state tells what it does: in the cache, which states may share."""
    return cache / f"events-{digest(os.fsencode(directory.resolve()))[-16:]}.jsonl"


class RunFile:
    """Lines of JSON, for nobody else to read, gone when the run is over. What a run that crashed
    left there goes first; a link is never followed. OSError for what fails.
    """

    def __init__(self, path: Path, most: int = MOST_TOLD) -> None:
        self._path, self._most = path, most
        self._fd: int | None = None
        self._readers: int | None = None
        self._size = 0

    def begin(self, first: bytes) -> None:
        """A new file that begins with these lines; one that is there is over."""
        if self._readers is None:
            self._readers = _made(_readers_of(self._path))
        _remove(self._path, self._fd)
        self._fd = None
        self._fd = _made(self._path)
        _hold(self._fd)
        self._size = 0
        self.add(first)

    def add(self, lines: bytes) -> None:
        """More of them, in one piece."""
        if self._fd is None:
            return
        written = os.write(self._fd, lines)
        self._size += written
        if written < len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def is_full(self) -> bool:
        """Whether it is to be begun anew."""
        return self._size > self._most

    def is_followed(self) -> bool:
        """Whether somebody may read it. Whoever comes from now on is known of before he reads."""
        if self._readers is None or not _exclude(self._readers):
            return True
        _leave(self._readers)
        return False

    def end(self, last: Callable[[], bytes] = bytes) -> None:
        """Nobody writes it any more, and it is gone; whoever follows has the last lines first."""
        try:
            if self._readers is not None and not _exclude(self._readers):
                self.add(last())
        finally:
            _remove(self._path, self._fd)
            _remove(_readers_of(self._path), self._readers)
            self._fd = self._readers = None


def _made(path: Path) -> int:
    """A new file in the place of what is there."""
    path.unlink(missing_ok=True)
    return os.open(path, _NEW | _FLAGS, PRIVATE)


def _remove(path: Path, fd: int | None) -> None:
    """The open file, if it still has this name."""
    if fd is None:
        return
    with suppress(OSError):
        if _is_at(path, fd):
            path.unlink()
    os.close(fd)


def _is_at(path: Path, fd: int) -> bool:
    """Whether the name stands for the open file."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(fd))
    except OSError:
        return False


class RunLines(Struct, frozen=True):
    """What came since the last look. If `anew`, these are the first of a file. `is_running` says
    whether more may come.
    """

    lines: tuple[bytes, ...] = ()
    anew: bool = False
    is_running: bool = False


@contextmanager
def reading_runs(path: Path) -> Iterator[Callable[[], RunLines]]:
    """Each call looks once more, without waiting: at the run that is there now, to the end of the
    one that was read so far. What nobody of this user's writes is no run: a crash may have left it,
    or a repository brought it.
    """
    reader = _Reader(path)
    try:
        yield reader.look
    finally:
        reader.close()


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None  # held, so that the end can be read of a file that is gone
        self._known: int | None = None  # by this
        self._rest = b""

    def look(self) -> RunLines:
        anew = self._fd is None
        if self._fd is None and self._is_known():
            self._fd = _opened(self._path)
        if self._fd is None:
            self.close()
            return RunLines()
        # Both are asked before it is read: what a run says last is read once it is over.
        is_held = _is_held(self._fd)
        if anew and not is_held:
            self.close()
            return RunLines()
        is_there = _is_at(self._path, self._fd)
        *lines, self._rest = (self._rest + _read(self._fd)).split(b"\n")
        if not is_there:  # still known of where it has begun anew
            self._close_file()
        return RunLines(tuple(lines), anew, is_there and is_held)

    def _is_known(self) -> bool:
        """Whether the run that is there knows that it is read from now on. It was known of until
        then, if it is the run that was read before.
        """
        path = _readers_of(self._path)
        before, self._known = self._known, _opened(path)
        is_known = self._known is not None and _join(self._known) and _is_at(path, self._known)
        if before is not None:
            os.close(before)
        return is_known

    def _close_file(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd, self._rest = None, b""

    def close(self) -> None:
        self._close_file()
        if self._known is not None:
            os.close(self._known)
            self._known = None


def _opened(path: Path) -> int | None:
    try:
        fd = os.open(path, _OLD | _FLAGS)
    except OSError:
        return None
    found = os.fstat(fd)
    own = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    if stat.S_ISREG(found.st_mode) and own:
        return fd
    os.close(fd)
    return None


def _read(fd: int) -> bytes:
    pieces = []
    while piece := os.read(fd, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)
