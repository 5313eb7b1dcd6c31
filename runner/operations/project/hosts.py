"""The hosts that are trusted in one run."""

import os
from collections.abc import Iterable

from runner.core.secrets.trust import named_hosts
from runner.errors import error

TRUST = "RUNNER_TRUST"


def trusted_hosts(named: Iterable[str]) -> frozenset[str]:
    """The hosts that are named, and those of RUNNER_TRUST in the user's own environment.

    RunnerError for one that is no host.
    """
    given = [("--trust", text) for text in named]
    given.append((TRUST, os.environ.get(TRUST, "")))
    found: set[str] = set()
    for source_of, text in given:
        try:
            found |= named_hosts(text)
        except ValueError as exc:
            said = (
                f'{source_of}: "{exc}" is no host. Write one such as api.groq.com, '
                "localhost:8000 or http://gpu-box:8000, or a place such as s3://bucket or "
                "file:///folder; several with commas."
            )
            raise error("Invalid host", said) from exc
    return frozenset(found)
