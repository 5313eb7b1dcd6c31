"""One request, one digest: canonical JSON and its sha256, the same on every machine.

The bytes equal RFC 8785 (JSON Canonicalization Scheme) for every value that `normalise` lets
through: finite numbers, and keys whose UTF-8 order is their UTF-16 order.
"""

import hashlib
from typing import Any

import orjson

FINGERPRINT_VERSION = 1
_LARGEST = 2**53 - 1


def normalise(value: Any, path: tuple[str | int, ...] = ()) -> Any:
    """The value with integral floats as integers; ValueError, with the path, for what JSON
    cannot hold exactly (NaN, infinities, integers beyond 2**53-1, dates, other objects).
    """
    match value:
        case str() | bool() | None:
            return value
        case int():
            return _whole(value, path)
        case float():
            return _normalise_float(value, path)
        case dict():
            return {_key(key, path): normalise(inner, (*path, key)) for key, inner in value.items()}
        case list() | tuple():
            return [normalise(inner, (*path, index)) for index, inner in enumerate(value)]
        case _:
            raise ValueError(
                _at(path, f"a {type(value).__name__} cannot be part of a request; write it as text")
            )


def canonical(value: Any) -> bytes:
    """The canonical JSON of a normalised value."""
    text = encoded(value, orjson.OPT_SORT_KEYS)
    # orjson writes as the RFC does, but for 1e-6 up to 1e-5, where the RFC has no exponent yet.
    return encoded(_without_exponent(value), orjson.OPT_SORT_KEYS) if b"e-6" in text else text


def _without_exponent(value: Any) -> Any:
    from decimal import Decimal  # noqa: PLC0415  # rarely needed

    match value:
        case float() if 1e-6 <= abs(value) < 1e-5:
            return orjson.Fragment(f"{Decimal(repr(value)):f}")
        case dict():
            return {key: _without_exponent(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_without_exponent(inner) for inner in value]
        case _:
            return value


def encoded(value: Any, option: int = 0) -> bytes:
    """JSON to be held: in as much memory as it is long.

    What orjson gives out keeps the 4 KB and more that it was written into.
    """
    return b"%b" % orjson.dumps(value, option=option)


def fingerprint(body: bytes, provider: bytes, triggers: bytes | None = None) -> str:
    """sha256 (hex) of the canonical JSON {body, provider, triggers, version}.

    `body` is the canonical request without transport fields, `provider` the canonical identity
    of the provider, `triggers` the canonical triggers or None.
    """
    held = b"" if triggers is None else b',"triggers":' + triggers
    text = b'{"body":%b,"provider":%b%b,"version":%d}' % (
        body,
        provider,
        held,
        FINGERPRINT_VERSION,
    )
    return hashlib.sha256(text).hexdigest()


def digest(data: bytes) -> str:
    """sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _whole(value: int, path: tuple[str | int, ...]) -> int:
    if abs(value) > _LARGEST:
        raise ValueError(_at(path, f"{_short(value)} is beyond 2**53-1, what JSON holds exactly"))
    return value


def _short(value: int) -> str:
    """Python spells no number of more than 4,300 digits."""
    return str(value) if value.bit_length() < 1000 else f"a number of {value.bit_length():,} bits"


def _normalise_float(value: float, path: tuple[str | int, ...]) -> float | int:
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124  # NaN
        raise ValueError(_at(path, f"{value} is not a number JSON can hold"))
    if value.is_integer():
        return _whole(int(value), path)
    return value


def _key(key: Any, path: tuple[str | int, ...]) -> str:
    if not isinstance(key, str):
        raise ValueError(_at(path, f"the key {key!r} is not text"))
    if key and max(key) > "\ud7ff":
        raise ValueError(_at(path, f"the key {key!r} holds a character above U+D7FF"))
    return key


def _at(path: tuple[str | int, ...], said: str) -> str:
    return f"{dotted(path)}: {said}" if path else said


def dotted(path: tuple[str | int, ...]) -> str:
    """A path as people write it: messages[1].content."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
