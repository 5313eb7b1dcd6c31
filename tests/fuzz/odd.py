"""Odd values, and the ways in which a sound tree or a sound file is damaged."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import orjson
from hypothesis import strategies as st

WORDS = (
    *("", " ", "a", "x.y", "completion.a", "completion.a[0]", 'completion.each["ada"]', "module.m"),
    *("string", "list(string)", "map(", "object({a=optional(number, {})})", "auto", "none", "stop"),
    *("../../etc/passwd", "/etc/passwd", "data", "data/people.csv", "nul\x00byte", "a/" * 300),
    *("\u202eabc", "é́", "👩‍👩‍👧", "\ufeff", "\x7f\x1b[2J", "\r\n\r\n", "\ud7ff\U0010ffff"),
    *("{{", "}}", "{%", "{{}}", "{% raw %}", "{{ self }}", "{#", "{{ '}}' }}", "%", "(sensitive)"),
    *("9" * 400, "nan", "1e999", "true", "null", "sk-abcdefghijklmnopqrstuvwxyz0123456789"),
    *(
        "http://[",
        "http://127.0.0.1:99999/v1",
        "https://u:p@h/#f",
        "://",
        "text\n" * 50,
        "y" * 5000,
    ),
)
NUMBERS = (
    *(0, -1, 1, 2, 64, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 1e308, -1e308, 5e-324, 0.1, -0.0),
    *(float("nan"), float("inf"), float("-inf"), True, False),
)
HUGE = (2**63, 2**64, -(2**70))
MOMENTS = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=-23, minutes=-59))),
    datetime(2024, 2, 29, 12),  # noqa: DTZ001  # TOML's local time
    date(2024, 2, 29),
    time(23, 59, 59, 1),
)

words = st.sampled_from(WORDS) | st.text(max_size=12)
numbers = st.sampled_from(NUMBERS) | st.integers(-(2**63), 2**63 - 1) | st.floats()
_scalars = words | numbers


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)


@st.composite
def _deep(draw: st.DrawFn, leaf: Any = 1) -> Any:
    value = leaf
    for _ in range(draw(st.sampled_from((5, 40, 63, 64, 65, 120, 129, 400)))):
        value = [value] if draw(st.booleans()) else {"k": value}
    return value


toml_values: st.SearchStrategy[Any] = st.one_of(
    st.recursive(_scalars | st.sampled_from(MOMENTS), _grown, max_leaves=5),
    st.sampled_from((*MOMENTS, [], {}, [[]], [{}], [[1], ["a"]], {"": {}}, [None])).map(
        lambda value: [] if value == [None] else value
    ),
    _deep(),
)
json_values: st.SearchStrategy[Any] = st.one_of(
    st.recursive(_scalars | st.none() | st.sampled_from(HUGE), _grown, max_leaves=5),
    st.sampled_from((None, [], {}, [[]], [{}], {"": None}, [None])),
    _deep(None),
)

foreign_values = json_values | st.sampled_from((10**400, -(10**310), [10**400]))
"""With numbers that are JSON and that no double holds; a program of its own writes those."""


@st.composite
def mutated(draw: st.DrawFn, tree: Any, values: st.SearchStrategy[Any], most: int = 3) -> Any:
    """The tree after one to `most` edits, each at a random place; the tree itself is untouched."""
    tree = _copied(tree)
    if not isinstance(tree, dict | list):
        return draw(values)
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(tree, draw(st.sampled_from((1, 2, 3, 4, 99)))))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        _edit(draw, holder, key, values)
    return tree


def _edit(draw: st.DrawFn, holder: Any, key: Any, values: st.SearchStrategy[Any]) -> None:
    match draw(st.sampled_from(("replace", "replace", "replace", "remove", "add", "rename"))):
        case "replace":
            holder[key] = _copied(draw(values))
        case "remove":
            del holder[key]
        case "add" if isinstance(holder, dict):
            holder[draw(words)] = _copied(draw(values))
        case "rename" if isinstance(holder, dict):
            holder[draw(words)] = holder.pop(key)
        case _:
            holder.append(_copied(draw(values))) if isinstance(holder, list) else None


def _places(tree: Any, deepest: int) -> Iterator[tuple[Any, Any]]:
    """Every place down to a level: what stands high up is hit as often as the many leaves."""
    pairs = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
    for key, inner in pairs:
        yield tree, key
        if deepest > 1 and isinstance(inner, dict | list):
            yield from _places(inner, deepest - 1)


def _copied(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _copied(inner) for key, inner in tree.items()}
    return [_copied(inner) for inner in tree] if isinstance(tree, list) else tree


_BITS = (
    *(b"", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\r\n", b"\n", b'"', b"'''"),
    *(b'"""', b"[", b"]", b"{", b"}", b",", b"=", b".", b"#", b"\\", b"\\u12", b"{{", b"}}", b"{%"),
    *(b"nan", b"1e999", b"0x", b"9" * 50, b"null", b"1979-05-27T07:32:00Z", b"<<<<<<< ours\n"),
    *(b"[" * 70, b'{"a":' * 300, b"[" * 5000, b"\\ud800", b"\xc3\x28", b"\x1b[31m"),
)


@st.composite
def damaged(draw: st.DrawFn, *whole: bytes) -> bytes:
    """One of the files after one to three damages: cut, spliced with another, flipped, filled."""
    data = draw(st.sampled_from(whole))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        end = draw(st.integers(at, min(len(data), at + 40)))
        match draw(st.sampled_from(("cut", "fill", "splice", "flip", "twice", "drop"))):
            case "cut":
                data = data[:at]
            case "fill":
                data = data[:at] + draw(st.sampled_from(_BITS) | st.binary(max_size=6)) + data[end:]
            case "splice":
                other = draw(st.sampled_from(whole))
                data = data[:at] + other[draw(st.integers(0, len(other))) :]
            case "flip" if at < len(data):
                bit = 1 << draw(st.integers(0, 7))
                data = data[:at] + bytes((data[at] ^ bit,)) + data[at + 1 :]
            case "twice":
                data = data[:end] + data[at:]
            case _:
                data = data[:at] + data[end:]
    return data


def as_json(value: Any) -> bytes:
    """JSON as other programs write it: NaN, numbers of any size and halves of characters too."""
    return json.dumps(value, ensure_ascii=True).encode()


def tree_of(data: bytes) -> Any:
    """The value of a file of JSON."""
    return orjson.loads(data)
