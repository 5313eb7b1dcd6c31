"""--log-level: what the program does, on stderr; never a body, a header, a query or a key."""

import logging
import sys
from contextlib import suppress

from runner.cli.streams import harmless
from runner.core.secrets.secrets import Secrets

_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def turn_on(level: str, secrets: Secrets) -> None:
    """Log from this level on. `info`: each step of an apply; `debug`: each request as well."""
    logger = logging.getLogger("runner")
    handler = _Stderr(secrets)
    handler.setFormatter(logging.Formatter(_FORMAT))
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


class _Stderr(logging.Handler):
    """stderr as it is when something is said."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    def emit(self, record: logging.LogRecord) -> None:
        """One line; nobody reading it is no reason to end a run."""
        with suppress(BrokenPipeError):
            sys.stderr.write(harmless(self._secrets.text(self.format(record))) + "\n")
