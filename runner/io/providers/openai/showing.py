"""One attempt at an answer, told while it is written."""

from collections.abc import Callable

from runner.core.plan.events import CutOff, Writing, Written
from runner.core.secrets.redact import Sieve


class Showing:
    """Hands the text of one attempt on, without the secrets, however the pieces are cut. `first` is
    when its first token came, by `now`.
    """

    def __init__(
        self,
        address: str,
        tell: Callable[[Writing], None],
        secrets: tuple[str, ...],
        now: Callable[[], float],
    ) -> None:
        self.first: float | None = None
        self._address, self._tell, self._now = address, tell, now
        self._sieve = Sieve(self._write, secrets)
        self._begun = False
        self._pieces = 0  # of what was not handed on yet

    def begin(self) -> None:
        """The first token is there, of text or of anything else."""
        self.first = self._now()

    def text(self, text: str, pieces: int) -> None:
        """What came next, in so many pieces."""
        self._pieces += pieces
        self._sieve.feed(text)

    def end(self, *, answered: bool) -> None:
        """The attempt is over; what was written in vain is said to be."""
        self._sieve.close()
        if self._begun and not answered:
            self._tell(CutOff(self._address))

    def _write(self, text: str) -> None:
        self._begun = True
        self._tell(Written(self._address, text, self._pieces))
        self._pieces = 0


def unheard_writing(_: Writing) -> None:
    """Nobody looks on."""
