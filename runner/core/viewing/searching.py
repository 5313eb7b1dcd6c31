"""Which answers have a text in them, in what was asked or in what came."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import orjson
from msgspec import Struct


class _Line(Struct):
    address: str
    request: Any
    response: Any


_LINE = msgspec.json.Decoder(_Line)
_NO_TEXT = frozenset(("role", "id", "type", "finish_reason", "object", "logprobs"))


def spellings(text: str) -> tuple[bytes, ...]:
    """How a text may stand in JSON, in small letters of ASCII."""
    plain = orjson.dumps(text)[1:-1].lower()
    escaped = "".join(c if c.isascii() else _escaped(c) for c in plain.decode()).encode()
    return tuple(dict.fromkeys((plain, escaped.lower())))


def has_match(line: bytes, searched: Callable[[str], object]) -> bool:
    """As `has_text`, for texts in which `searched` finds something."""
    return any(searched(said) for said in _said_in(line))


def has_text(line: bytes, text: str) -> bool:
    """Whether a record has a text in its messages or its answer; large and small letters are one.
    What only its form has (a role, an id) does not count.
    """
    wanted = text.lower()
    return any(wanted in said.lower() for said in _said_in(line))


def _said_in(line: bytes) -> Iterator[str]:
    try:
        found = _LINE.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return
    yield from _texts(_of(found.request, "messages"))
    yield from _texts(_of(found.response, "choices"))


def _of(body: Any, name: str) -> Any:
    """What of a body people read; all of one that is of another kind."""
    return body.get(name, body) if isinstance(body, dict) else body


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for inner in value:
                yield from _texts(inner)
        case dict():
            for key, inner in value.items():
                if key not in _NO_TEXT:
                    yield from _texts(inner)
        case _:
            pass


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
