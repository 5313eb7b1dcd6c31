"""Blocks laid out as TOML that reads well: one value a line, long text on lines of its own.

How a key, a text or a number is spelt is tomli-w's affair.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w
from msgspec import Struct

from runner.core.toml.scan import WIDTH


@dataclass(frozen=True, slots=True)
class Entry:
    """`key = value`; comment lines (with their #, or empty) above it, one beside it."""

    key: str
    value: Any
    above: tuple[str, ...] = ()
    beside: str = ""


class Remark(Struct, frozen=True):
    """Comment lines between two keys."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A table, or an entry of a list of tables (`many`); without a path only its comments."""

    path: tuple[str, ...]
    items: tuple[Entry | Remark, ...] = ()
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    many: bool = False


def write_toml(sections: Sequence[Section]) -> str:
    """TOML 1.0 text of the sections, a blank line between tables.

    Values are str, int, float, bool, list and dict. A table stands on one line where it fits
    100 characters and holds no text of several lines; else it becomes a table of its own.
    """
    return "\n".join("".join(f"{line}\n" for line in _section(each)) for each in sections)


def write_value(value: Any) -> str:
    """A value on one line."""
    match value:
        case Mapping():
            inner = ", ".join(f"{write_key(key)} = {write_value(value[key])}" for key in value)
            return f"{{ {inner} }}" if inner else "{}"
        case list():
            return f"[{', '.join(write_value(item) for item in value)}]"
        case _:
            return _spelt(value)


def write_key(key: str) -> str:
    """A key, in quotes where TOML needs them."""
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def _section(section: Section) -> Iterator[str]:
    yield from section.above
    if section.path:
        name = ".".join(map(write_key, section.path))
        yield f"[[{name}]]" if section.many else f"[{name}]"
        yield from _items(section.path, section.items)
    yield from section.below


def _items(path: tuple[str, ...], items: Sequence[Entry | Remark]) -> Iterator[str]:
    apart: list[Entry] = []
    for item in items:
        if isinstance(item, Remark):
            yield from item.lines
        elif _stands_apart(item):
            apart.append(item)
        else:
            yield from _pair(item)
    for entry in apart:
        yield from _table(path, entry)


def _table(path: tuple[str, ...], entry: Entry) -> Iterator[str]:
    """A table or a list of tables under headers of its own."""
    inner = (*path, entry.key)
    name = ".".join(map(write_key, inner))
    header = f"[{name}]" if isinstance(entry.value, Mapping) else f"[[{name}]]"
    tables = [entry.value] if isinstance(entry.value, Mapping) else entry.value
    for index, table in enumerate(tables):
        yield ""
        if not index:
            yield from _comments(entry)
        yield header
        yield from _items(inner, [Entry(key, value) for key, value in table.items()])


def _comments(entry: Entry) -> Iterator[str]:
    yield from entry.above
    if entry.beside:
        yield entry.beside


def _pair(entry: Entry) -> Iterator[str]:
    name = write_key(entry.key)
    if isinstance(entry.value, str) and _is_long(entry.value):
        yield from _comments(entry)
        yield from f"{name} = {_spelt(entry.value, lines=True)}".split("\n")
        return
    whole = f"{name} = {write_value(entry.value)}"
    beside = f"  {entry.beside}" if entry.beside else ""
    if isinstance(entry.value, list) and (len(whole) > WIDTH or _several_tables(entry.value)):
        yield from _comments(entry)
        yield f"{name} = ["
        yield from (f"  {write_value(item)}," for item in entry.value)
        yield "]"
    elif len(whole + beside) > WIDTH:
        yield from _comments(entry)
        yield whole
    else:
        yield from entry.above
        yield whole + beside


def _several_tables(values: Sequence[Any]) -> bool:
    return len(values) > 1 and all(isinstance(value, Mapping) for value in values)


def _stands_apart(entry: Entry) -> bool:
    """Whether the value needs headers of its own: tables too long for a line each."""
    value = entry.value
    if isinstance(value, Mapping):
        return bool(value) and (_has_long(value) or len(_line(entry.key, value)) > WIDTH)
    if not isinstance(value, list) or not value:
        return False
    if not all(isinstance(item, Mapping) for item in value):
        return False
    return any(_has_long(item) or len(write_value(item)) + 3 > WIDTH for item in value)


def _line(key: str, value: Any) -> str:
    return f"{write_key(key)} = {write_value(value)}"


def _has_long(value: Any) -> bool:
    match value:
        case str():
            return _is_long(value)
        case Mapping():
            return any(_has_long(inner) for inner in value.values())
        case list():
            return any(_has_long(inner) for inner in value)
        case _:
            return False


def _is_long(text: str) -> bool:
    return "\n" in text.rstrip("\n") and "\r" not in text


def _spelt(value: str | float, *, lines: bool = False) -> str:
    """A text, number or truth value; a text on `lines` of its own where it has several."""
    written = tomli_w.dumps({"value": value}, multiline_strings=lines)
    return written.removeprefix("value = ").removesuffix("\n")
