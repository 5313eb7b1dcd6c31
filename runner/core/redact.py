"""Sensitive values out of what others sent back: a server may repeat a prompt."""

from collections.abc import Iterable
from typing import Any

import orjson

from runner.core.values import MASK


def redact(response: bytes, secrets: Iterable[str]) -> bytes:
    """A JSON body with every occurrence of a secret inside its texts masked; verbatim if there
    is none.
    """
    wanted = tuple(secrets)
    if not wanted:
        return response
    held = orjson.loads(response)
    masked = _masked(held, wanted)
    return response if masked == held else orjson.dumps(masked)


def redact_text(text: str, secrets: Iterable[str]) -> str:
    """A message with every secret masked."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _masked(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return redact_text(value, secrets)
    if isinstance(value, dict):
        return {redact_text(key, secrets): _masked(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, secrets) for inner in value]
    return value
