"""The text of an answer, shown while it is written."""

from collections.abc import Callable

from runner.core.redact import redact_text


class Showing:
    """Hands the text of one attempt on, without the secrets, however the pieces are cut.

    What may be the beginning of a secret is kept back until more has come.
    """

    def __init__(self, write: Callable[[str], None], secrets: tuple[str, ...]) -> None:
        self._write = write
        self._secrets = tuple(filter(None, secrets))
        self._kept = ""
        self._begun = False

    def text(self, piece: str) -> None:
        """The next piece."""
        self._kept += piece
        self._show(self._harmless())

    def end(self, *, answered: bool) -> None:
        """The attempt is over; what another one writes begins on a line of its own."""
        self._show(len(self._kept))
        if self._begun and not answered:
            self._write("\n")

    def _show(self, length: int) -> None:
        if length:
            self._begun = True
            self._write(redact_text(self._kept[:length], self._secrets))
            self._kept = self._kept[length:]

    def _harmless(self) -> int:
        """How much of what is kept neither holds a part of a secret nor begins one at its end."""
        end = len(self._kept)
        cut = min((end - self._begins(secret) for secret in self._secrets), default=end)
        while (start := min(map(self._across(cut), self._secrets), default=cut)) < cut:
            cut = start
        return cut

    def _begins(self, secret: str) -> int:
        """The length of the longest end that is the beginning of a secret, and not all of it."""
        longest = min(len(secret) - 1, len(self._kept))
        return next((n for n in range(longest, 0, -1) if self._kept.endswith(secret[:n])), 0)

    def _across(self, cut: int) -> Callable[[str], int]:
        """Where a secret begins that a cut would divide; without one, the cut itself."""

        def start(secret: str) -> int:
            found = self._kept.find(secret, max(0, cut - len(secret) + 1), cut + len(secret) - 1)
            return found if 0 <= found < cut else cut

        return start
