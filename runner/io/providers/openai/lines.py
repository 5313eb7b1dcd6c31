"""A response of lines, handed out one by one as they come."""

from collections.abc import Callable


class BodyLines:
    """Cuts a body into lines, of which none is empty or longer than `most` bytes."""

    def __init__(self, take: Callable[[bytes], object], most: int) -> None:
        self._take, self._most = take, most
        self._rest: list[bytes] = []
        self._held = 0

    def feed(self, piece: bytes) -> bool:
        """The next piece of the body; False if a line is too long."""
        *whole, rest = piece.split(b"\n")
        for line in whole:
            if self._held + len(line) > self._most:
                return False
            self._hand_out(line)
        self._rest.append(rest)
        self._held += len(rest)
        return self._held <= self._most

    def finish(self) -> None:
        """The body is over; its last line may have no end."""
        self._hand_out(b"")

    def _hand_out(self, end: bytes) -> None:
        line = b"".join((*self._rest, end)).strip()
        self._rest, self._held = [], 0
        if line:
            self._take(line)
