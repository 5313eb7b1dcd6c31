"""Keys pressed at a terminal, as they are pressed."""

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.errors import error

ENTER, QUIT, GONE = "\n", "q", ""

NextKey = Callable[[float], str | None]
"""The next key, or None where so many seconds pass without one."""


@contextmanager
def keys() -> Iterator[NextKey]:
    """Keys, unseen and without Enter, as long as this lasts. RunnerError where there are none."""
    try:
        import termios  # noqa: PLC0415  # Windows has none
        import tty  # noqa: PLC0415
    except ModuleNotFoundError:
        raise error("No keys", "Single keys cannot be read on this system.") from None
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd, termios.TCSADRAIN)  # what was typed meanwhile counts
    try:
        yield _next
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _next(seconds: float) -> str | None:
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    if not ready:
        return None
    return os.read(sys.stdin.fileno(), 64).decode(errors="replace")[:1].replace("\r", ENTER)
