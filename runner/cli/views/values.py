"""A value as it is shown on one line."""

from typing import Any

import orjson

from runner.core.plan.diff import ABSENT

LINE = 100
"""Columns of a value that is not all there is on its line."""


def short(value: Any, limit: int | None = LINE) -> str:
    """A value on one line, cut where it is longer than the limit, if there is one."""
    if value is ABSENT:
        return "(absent)"
    if isinstance(value, dict | list):
        text = orjson.dumps(value).decode()
    else:
        plain = isinstance(value, str) and "\n" not in value
        text = f'"{value}"' if plain else orjson.dumps(value).decode()
    return text if limit is None or len(text) <= limit else f"{text[: limit - 2]}.."
