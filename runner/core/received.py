"""JSON that others wrote, read as values that everything else can hold.

A server may nest, number and spell its JSON as no other part can take it. What is read here is
made of tables, lists, whole texts, finite numbers, bools and null, and nests no deeper than
DEEPEST: it can be compared, walked, written as JSON and put into a state.
"""

import json
import math
import re
from typing import Any, NamedTuple

import orjson

DEEPEST = 128
"""Levels of tables and lists. Of all that walks or writes a value, the least can take 254."""

MENDED = (
    "the server sent what JSON cannot hold (a number out of range, a broken character, more than "
    f"{DEEPEST} levels): it is kept with null for the number and the JSON of what was too deep as "
    "text"
)

_BOM = b"\xef\xbb\xbf"
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_AS_LISTS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


class Received(NamedTuple):
    """A JSON text and its value; `mended` says that the text is not as it was sent."""

    value: Any
    text: bytes
    mended: bool = False


def received(text: bytes) -> Received:
    """A JSON text as it came, or the nearest to it that can be held; ValueError if it is no JSON.

    What some servers send beyond JSON (NaN, half of a character) is not worth paying for again:
    it is mended.
    """
    if text[:1] == _BOM[:1]:
        text = text.removeprefix(_BOM)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _mended(text)
    return _mended(text) if is_deep(text) else Received(value, text)


def value_of(text: bytes) -> Any:
    """The value of a JSON text; None if it is none."""
    try:
        return received(text).value
    except ValueError:
        return None


def table_of(text: bytes) -> dict[str, Any]:
    """The value of a JSON text that should be an object; without members if it is none."""
    value = value_of(text)
    return value if isinstance(value, dict) else {}


def json_of(text: str) -> Any:
    """The value of a text that should be JSON, as it is; ValueError where nothing can hold it."""
    value = orjson.loads(text)
    if is_deep(text.encode()):
        raise ValueError(f"it nests more than {DEEPEST} levels deep")
    return value


def is_deep(text: bytes, around: int = 0) -> bool:
    """Whether JSON nests deeper than DEEPEST, `around` levels not counted. Nothing is parsed:
    the brackets outside of texts tell, and in most answers their number alone.
    """
    deepest = DEEPEST + around
    if len(text) <= 2 * deepest or _openers(text) <= deepest:
        return False
    outside = b"".join(text.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    brackets = outside.translate(_AS_LISTS, _NO_BRACKET)
    for _ in range(deepest):  # each time the innermost level goes
        if not brackets:
            return False
        before, brackets = len(brackets), brackets.replace(b"[]", b"")
        if len(brackets) == before:  # they close nothing, and never will
            return True
    return bool(brackets)


def shallow(text: bytes, around: int = 0) -> bytes:
    """JSON in which what nests too deeply, below `around` levels more, is the text of its JSON.

    As it came if nothing does. It holds for every depth: nothing here is nested itself.
    """
    if not is_deep(text, around):
        return text
    return _folded(text.decode("utf-8", "replace"), DEEPEST + around).encode()


def _openers(text: bytes) -> int:
    """How many brackets open; taking them out is five times as fast as to count them."""
    return len(text) - len(text.replace(b"[", b"").replace(b"{", b""))


def _mended(text: bytes) -> Received:
    value = json.loads(
        _folded(text.decode("utf-8", "replace"), DEEPEST),
        strict=False,
        parse_constant=lambda _: None,
        parse_float=_finite,
        parse_int=_finite_int,
    )
    made = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return Received(orjson.loads(made), made, mended=True)


def _folded(text: str, deepest: int) -> str:
    made: list[str] = []
    level = end = start = 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                level += 1
                if level == deepest + 1:
                    start = token.start()
            case "]" | "}":
                if level == deepest + 1:
                    made += (text[end:start], json.dumps(text[start : token.end()]))
                    end = token.end()
                level -= 1
            case _:
                pass  # a text, whatever brackets are in it
    if level > deepest:  # it is cut off, and no JSON
        made, end = [*made, text[end:start]], len(text)
    return "".join((*made, text[end:]))


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _finite_int(text: str) -> int | None:
    return None if _finite(text) is None else int(text)
