"""Where each record of a state stands, read in pieces: the whole is never held."""

from collections.abc import Iterable, Iterator

from runner.core.state.header import CLOSE, OPEN


class NotLaidOutError(ValueError):
    """A state that another tool has laid out: its records stand on lines of no known form."""


def header_of(line: bytes) -> bytes:
    """A whole state without records, by the first line of one; NotLaidOutError for any other."""
    if not line.rstrip(b"\n").endswith(OPEN):
        raise NotLaidOutError
    return line.rstrip(b"\n") + CLOSE


def record_lines(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each record's line, and at which byte it begins, of a state in pieces, in their order;
    NotLaidOutError where it is not as `document` writes it.
    """
    rest, start, first = b"", 0, True
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.endswith(b","):
                yield start, line[:-1]
            elif first:
                header_of(line)
            elif line != CLOSE.strip(b"\n"):
                yield start, line
            first = False
            start += len(line) + 1
    if first or rest:
        raise NotLaidOutError
