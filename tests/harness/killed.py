"""Runs a command, and ends it with kill -9 right before it gives a file a name for the n-th time.

`python -m tests.harness.killed N FOLDER -C DIR apply ..` counts what is renamed or linked below
folders of this name. It looks on, as a profiler does, and changes nothing until then.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from runner.cli.main import main

_NAMING = ("replace", "rename", "link")


class Killer:
    """A profile function that counts."""

    def __init__(self, number: int, folder: str) -> None:
        self._left, self._folder = number, folder

    def look(self, frame: FrameType, event: str, function: Any) -> None:
        """A call of C that gives a file a name is counted; the last one is never made."""
        if event != "c_call" or getattr(function, "__module__", "") != "posix":
            return
        if function.__name__ not in _NAMING or not self._is_below(frame):
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _is_below(self, frame: FrameType) -> bool:
        named = (held for held in frame.f_locals.values() if isinstance(held, os.PathLike))
        return any(self._folder in Path(held).parts for held in named)


if __name__ == "__main__":
    killer = Killer(int(sys.argv[1]), sys.argv[2])
    threading.setprofile(killer.look)
    sys.setprofile(killer.look)
    try:
        status = main(sys.argv[3:])
    finally:
        sys.setprofile(None)
    sys.exit(status)
