"""A response of lines, handed out as they come."""

from runner.io.providers.endpoint import TakeLines


class BodyLines:
    """Cuts a body into lines, of which none is empty or longer than `most` bytes."""

    def __init__(self, take: TakeLines, most: int) -> None:
        self._take, self._most = take, most
        self._rest: list[bytes] = []
        self._held = 0

    async def feed(self, piece: bytes) -> bool:
        """The next piece of the body; False if a line is too long. More is read when the lines of
        this one have been taken.
        """
        *ends, rest = piece.split(b"\n")
        fits = True
        lines: list[bytes] = []
        for end in ends:
            fits = self._held + len(end) <= self._most
            if not fits:
                break
            lines.append(self._line(end))
        await self._hand_out(lines)
        self._rest.append(rest)
        self._held += len(rest)
        return fits and self._held <= self._most

    async def finish(self) -> None:
        """The body is over; its last line may have no end."""
        await self._hand_out([self._line(b"")])

    def _line(self, end: bytes) -> bytes:
        line = b"".join((*self._rest, end)).strip()
        self._rest, self._held = [], 0
        return line

    async def _hand_out(self, lines: list[bytes]) -> None:
        whole = [line for line in lines if line]
        if whole:
            await self._take(whole)
