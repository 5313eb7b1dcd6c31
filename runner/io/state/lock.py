"""The lock of a folder: held by one process, ended with it, seen to be gone if deleted."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")
_AGAIN = 0.05  # seconds between tries


def never() -> bool:
    """Whoever waits wants it to the end."""
    return False


def held_by(
    take: Callable[[], _T | None], timeout: float, given_up: Callable[[], bool], again: float = 1.0
) -> _T | None:
    """Who holds a lock that `take` tried to take; None as soon as that gave none. Another holder is
    waited for so many seconds, as long as nobody has `given_up`; `again` is how long between tries.
    """
    until = time.monotonic() + timeout
    while (holder := take()) is not None:
        left = until - time.monotonic()
        if left <= 0 or given_up():
            return holder
        time.sleep(min(again, left))
    return None


class Waiting:
    """How a lock is waited for."""

    def acquire(self, timeout: float = 0.0, given_up: Callable[[], bool] = never) -> bool:
        """Whether it is held now; another holder is waited for so many seconds, as long as nobody
        has `given_up`. OSError if the file cannot be made, or is a link.
        """
        return held_by(lambda: None if self._try() else True, timeout, given_up, _AGAIN) is None

    def _try(self) -> bool:
        """Whether it is held now."""
        raise NotImplementedError


if sys.platform == "win32":
    from typing import Any

    class Lock(Waiting):
        """A file that is locked as long as it is open, and that nobody can delete meanwhile."""

        def __init__(self, path: Path) -> None:
            from filelock import FileLock  # noqa: PLC0415 - costly, and only writers lock

            self._path = path
            self._held: Any = FileLock(path)

        def lost(self) -> bool:
            """Whether somebody else may hold it by now."""
            return False

        def release(self) -> None:
            """Lets it go; once more does nothing."""
            self._held.release()

        def discard(self) -> None:
            """Lets it go, and its file with it unless another has opened that by now."""
            self.release()
            with suppress(OSError):
                self._path.unlink()

        def _try(self) -> bool:
            from filelock import Timeout  # noqa: PLC0415

            try:
                self._held.acquire(timeout=0)
            except Timeout:
                return False
            return True

else:
    import fcntl

    _FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

    class Lock(Waiting):
        """A file that is locked as long as it is open. Who deletes it lets a second holder in, of
        another file under the same name: so what counts is the file that the name stands for.
        """

        def __init__(self, path: Path) -> None:
            self._path = path
            self._fd: int | None = None

        def lost(self) -> bool:
            """Whether another may hold it by now: the name stands for another file, or for none."""
            try:
                found = self._path.lstat()
            except OSError:
                return True
            return self._fd is None or not os.path.samestat(found, os.fstat(self._fd))

        def release(self) -> None:
            """Lets it go; once more does nothing."""
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None

        def discard(self) -> None:
            """Lets it go, and its file with it: who waits for it makes another."""
            if not self.lost():
                with suppress(OSError):
                    self._path.unlink()
            self.release()

        def _try(self) -> bool:
            while True:
                try:
                    self._fd = os.open(self._path, _FLAGS, 0o644)
                except FileNotFoundError:  # its folder went with it
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    continue
                try:
                    fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self.release()
                    return False
                except BaseException:
                    self.release()
                    raise
                if not self.lost():
                    return True
                self.release()  # it was deleted while it was taken
