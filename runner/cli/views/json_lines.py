"""--json: one event a line on stdout."""

import sys
from collections.abc import Mapping
from typing import Any

import orjson


def write(event: Mapping[str, Any]) -> None:
    """One event as one line of stdout."""
    sys.stdout.write(orjson.dumps(event).decode() + "\n")
    sys.stdout.flush()
