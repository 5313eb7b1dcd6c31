"""What the library of OpenTelemetry says by itself while it reads its variables: a value that it
does not understand is passed over, with a line in a log that repeats it, headers and all.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import enumerate as threads
from threading import get_ident

_LIBRARY = "opentelemetry"
_HIDDEN = "(sensitive)"


@contextmanager
def overheard() -> Iterator[list[str]]:
    """What is said in this thread, and in those that it begins, as long as this lasts: each once
    and without values of headers. What others say with the library is heard as before.
    """
    library, handler = logging.getLogger(_LIBRARY), _Ear()
    before = library.propagate
    library.addHandler(handler)
    library.propagate = False
    try:
        yield handler.said
    finally:
        library.propagate = before
        library.removeHandler(handler)


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._others = {one.ident for one in threads()} - {get_ident()}

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread in self._others:
            logging.getLogger().handle(record)
            return
        said = _without_headers(record.getMessage())
        if said not in self.said:
            self.said.append(said)


def _without_headers(text: str) -> str:
    held = (value for name, value in os.environ.items() if _is_secret(name))
    parts = {part.strip() for value in held for part in (value, *re.split("[,\n]", value))}
    for part in sorted(filter(None, parts), key=len, reverse=True):
        text = text.replace(part, _HIDDEN)
    return text


def _is_secret(name: str) -> bool:
    return name.startswith("OTEL_") and name.endswith("HEADERS")
