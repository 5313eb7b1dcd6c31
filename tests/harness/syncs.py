"""Runs a command, and tells in which order it synced and renamed files.

`python -m tests.harness.syncs -C DIR apply ..` writes a JSON list as the last line of stderr: of
["sync", content] and ["rename", content, new name], as `content` tells them. It looks on, as a
profiler does, and changes nothing: what is called is what is called without it.
"""

import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR
from types import FrameType
from typing import Any

from runner.cli.main import main

SYNCS = ("fsync", "fcntl")  # the latter with F_FULLFSYNC, on a Mac
RENAMES = ("replace", "rename", "link")  # the last where nothing may be replaced
_seen: list[list[Any]] = []


def look(frame: FrameType, event: str, function: Any) -> None:
    """A profile function: a call of C that syncs or renames is noted."""
    if event != "c_call" or getattr(function, "__module__", "") not in ("posix", "fcntl"):
        return
    if function.__name__ in SYNCS:
        _seen.extend(["sync", held] for held in _open_files(frame))
    elif function.__name__ in RENAMES:
        names = [value for value in frame.f_locals.values() if isinstance(value, os.PathLike | str)]
        source, target = (Path(os.fspath(name)) for name in names[:2])
        if function.__name__ == "link":  # Path.hardlink_to begins with the new name
            source, target = target, source
        _seen.append(["rename", content(source.stat()), str(target)])


def content(found: os.stat_result) -> str:
    """Which content a file has: its inode alone may have been another's; that of a folder."""
    written = "" if S_ISDIR(found.st_mode) else f" {found.st_size} {found.st_mtime_ns}"
    return f"{found.st_ino}{written}"


def _open_files(frame: FrameType) -> set[str]:
    """What the function that syncs has at hand: a number, or a file."""
    found = set()
    for value in frame.f_locals.values():
        number = value.fileno() if hasattr(value, "fileno") else value
        if isinstance(number, int) and number > 2:
            with suppress(OSError):  # not every number is a file's
                found.add(content(os.fstat(number)))
    return found


if __name__ == "__main__":
    threading.setprofile(look)
    sys.setprofile(look)
    try:
        status = main(sys.argv[1:])
    finally:
        sys.setprofile(None)
    sys.stderr.write(f"\n{json.dumps(_seen)}\n")
    sys.exit(status)
