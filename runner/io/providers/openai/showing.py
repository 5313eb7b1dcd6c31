"""The text of an answer, shown while it is written."""

from collections.abc import Callable

from runner.core.secrets.redact import Sieve


class Showing:
    """Hands the text of one attempt on, without the secrets, however the pieces are cut."""

    def __init__(self, write: Callable[[str], None], secrets: tuple[str, ...]) -> None:
        self._write = write
        self._sieve = Sieve(self._tell, secrets)
        self._begun = False

    def text(self, piece: str) -> None:
        """The next piece."""
        self._sieve.feed(piece)

    def end(self, *, answered: bool) -> None:
        """The attempt is over; what another one writes begins on a line of its own."""
        self._sieve.close()
        if self._begun and not answered:
            self._write("\n")

    def _tell(self, text: str) -> None:
        self._begun = True
        self._write(text)
