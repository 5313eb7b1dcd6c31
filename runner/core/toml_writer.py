"""Blocks written as TOML that reads well: one value a line, long text on lines of its own."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 100
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


@dataclass(frozen=True, slots=True)
class Entry:
    """`key = value`; comment lines (with their #, or empty) above it, one beside it."""

    key: str
    value: Any
    above: tuple[str, ...] = ()
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
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
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case Mapping():
            inner = ", ".join(f"{write_key(key)} = {write_value(value[key])}" for key in value)
            return f"{{ {inner} }}" if inner else "{}"
        case _:
            return f"[{', '.join(write_value(item) for item in value)}]"


def write_key(key: str) -> str:
    """A key, in quotes where TOML needs them."""
    return key if _BARE.fullmatch(key) else _basic(key)


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
        yield from f"{name} = {_block(entry.value)}".split("\n")
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


def _text(text: str) -> str:
    """A text on one line: as it is in single quotes where double quotes would need escapes."""
    plain = "'" not in text and not _CONTROL.search(text) and not {"\t", "\n"} & set(text)
    return f"'{text}'" if plain and ('"' in text or "\\" in text) else _basic(text)


def _basic(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", _escape, escaped) + '"'


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0], f"\\u{ord(match[0]):04x}")


def _block(text: str) -> str:
    """A text on lines of its own."""
    if "\\" in text and "'''" not in text and not text.endswith("'") and not _CONTROL.search(text):
        return f"'''\n{text}'''"
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    if escaped.endswith('"'):
        escaped = escaped[:-1] + '\\"'
    return '"""\n' + _CONTROL.sub(_escape, escaped) + '"""'
