"""A state's bytes, read where they are needed: a file stays the one that was opened."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from runner.core.state.file import as_one_file
from runner.io import files
from runner.io.state.backend import Backend
from runner.io.state.shard_files import shards_folder

_PIECE = 4 << 20


class StateBytes(Protocol):
    """A state as it was at one moment."""

    def pieces(self) -> Iterator[bytes]:
        """All of it, in order."""

    def part(self, start: int, stop: int) -> bytes:
        """Some of it; fewer bytes if another program has cut the file off meanwhile."""


class BytesInMemory:
    """A state that came as a whole: from a server, or an earlier revision."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def pieces(self) -> Iterator[bytes]:
        """All of it, in order."""
        for start in range(0, len(self._data), _PIECE):
            yield self._data[start : start + _PIECE]

    def part(self, start: int, stop: int) -> bytes:
        """Some of it."""
        return self._data[start:stop]


class BytesInFile:
    """A state in a file. It is written by putting another file in its place, which changes nothing
    here. The file is read and not mapped: who cuts a mapped one off ends the process.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)

    def pieces(self) -> Iterator[bytes]:
        """All of it, in order."""
        start = 0
        while piece := self.part(start, start + _PIECE):
            yield piece
            start += len(piece)

    def part(self, start: int, stop: int) -> bytes:
        """Some of it."""
        if hasattr(os, "pread"):
            return os.pread(self._fd, stop - start, start)
        os.lseek(self._fd, start, os.SEEK_SET)
        return os.read(self._fd, stop - start)


def opened(backend: Backend) -> StateBytes | None:
    """The state as last written; None if there is none. RunnerError if it cannot be read."""
    if backend.file is not None and not shards_folder(backend.file.parent).is_dir():
        return opened_file(backend.file)
    found = backend.read()
    return None if found is None else BytesInMemory(as_one_file(found.text, backend.name))


def opened_file(path: Path) -> BytesInFile | None:
    """A file as it is now; None if there is none."""
    if files.first_line(path) is None:  # what is no regular file is refused there
        return None
    try:
        return BytesInFile(path)
    except OSError as cause:
        raise files.failure("read", path, cause) from cause
