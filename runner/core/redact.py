"""Sensitive values out of what others sent back: a server may repeat a prompt."""

from collections.abc import Iterable
from typing import Any

import orjson

from runner.core.digest import encoded
from runner.core.values import MASK


def redact(response: bytes, secrets: Iterable[str]) -> bytes:
    """A JSON body with every occurrence of a secret inside its texts masked; verbatim if there
    is none.
    """
    wanted = _longest_first(secrets)
    if not wanted:
        return response
    held = orjson.loads(response)
    masked = _masked(held, wanted)
    return response if masked == held else encoded(masked)


def redact_text(text: str, secrets: Iterable[str]) -> str:
    """A message with every secret masked."""
    return _replaced(text, _longest_first(secrets))


def _longest_first(secrets: Iterable[str]) -> tuple[str, ...]:
    """So that of a secret that holds another one nothing is left."""
    return tuple(sorted(secrets, key=len, reverse=True))


def _replaced(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _masked(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return _replaced(value, secrets)
    if isinstance(value, dict):
        return {_replaced(key, secrets): _masked(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, secrets) for inner in value]
    return value
