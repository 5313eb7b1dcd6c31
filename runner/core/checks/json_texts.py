"""Whether a text is JSON, and fits a schema."""

from functools import lru_cache
from typing import Any

import orjson

from runner.core.canonical import dotted
from runner.core.checks.telling import as_json_text
from runner.core.received import json_of


def fault_of_json(text: str) -> str | None:
    """Why a text is no JSON."""
    try:
        json_of(text)
    except ValueError as exc:
        return f"no JSON: {exc}; it begins {as_json_text(text)}"
    return None


def fault_against(schema: bytes, text: str) -> str | None:
    """Why a text does not fit a schema."""
    broken = fault_of_json(text)
    if broken is not None:
        return broken
    found = next(iter(_validator(schema).iter_errors(json_of(text))), None)
    if found is None:
        return None
    return f"at {dotted(tuple(found.instance_path)) or 'the whole'}: {found.message}"


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Any:
    import jsonschema_rs  # noqa: PLC0415  # only where a check has a schema

    return jsonschema_rs.validator_for(orjson.loads(schema), offline=True)
