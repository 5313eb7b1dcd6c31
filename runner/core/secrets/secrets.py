"""What one project keeps secret: everything that is shown of it goes through here."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from msgspec import Struct

from runner.core.secrets.redact import redact, redact_text
from runner.core.secrets.texts import sensitive_texts
from runner.errors import Problem


class Secrets(Struct):
    """Grows as expressions read the environment, and as modules are given what they declare
    sensitive.
    """

    _found: set[str] = set()
    _sorted: tuple[str, ...] = ()
    _joined: tuple[tuple[str, ...], int, tuple[str, ...]] = ((), 0, ())

    def add(self, values: Iterable[Any]) -> None:
        """The texts of these values are secret."""
        self._found.update(sensitive_texts(values))

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts that nothing may show, longest first."""
        if len(self._sorted) != len(self._found):
            self._sorted = sensitive_texts(self._found)
        return self._sorted

    def and_also(self, more: tuple[str, ...]) -> tuple[str, ...]:
        """Those texts and these: the same tuple wherever it holds these already, so that what is
        looked for in all answers of a run is made ready once.
        """
        before, known, joined = self._joined
        if more is before and known == len(self._found):
            return joined
        joined = self.texts + tuple(text for text in more if text not in self._found)
        self._joined = more, len(self._found), joined
        return joined

    def text(self, text: str) -> str:
        """A text without them."""
        return redact_text(text, self.texts)

    def body(self, data: bytes) -> bytes:
        """JSON without them: it may have been recorded before a value in it was declared so."""
        return redact(data, self.texts)

    def problem(self, problem: Problem) -> Problem:
        """A problem without them."""
        if not self._found:
            return problem
        where = problem.where
        if where is not None and where.source is not None:
            where = replace(where, source=self.text(where.source))
        return replace(problem, detail=self.text(problem.detail), where=where)
