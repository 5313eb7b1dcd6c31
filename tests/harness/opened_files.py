"""Which files are opened, as the interpreter itself says."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Files:
    """Those that are opened to be read alone, and those that may be written."""

    read: list[Path] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)


_watching: list[Files] = []


def _watch(event: str, args: tuple[Any, ...]) -> None:
    """Notes a file that is opened; a hook stays for as long as its process."""
    if _watching and event == "open" and isinstance(args[0], str | bytes | os.PathLike):
        writes = args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        noted = _watching[-1].written if writes else _watching[-1].read
        noted.append(Path(os.fsdecode(args[0])))
    elif _watching and event == "sqlite3.connect":
        name = os.fsdecode(args[0]).removeprefix("file:").partition("?")[0]
        _watching[-1].written.append(Path(name))


sys.addaudithook(_watch)


@contextmanager
def opened_files() -> Iterator[Files]:
    """The files that are opened for as long as this lasts."""
    _watching.append(Files())
    try:
        yield _watching[-1]
    finally:
        _watching.pop()
