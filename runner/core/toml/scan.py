"""TOML as it is written: its lines, with the comments, and where each part stands."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

from msgspec import Struct

WIDTH = 100
"""Columns that a line of laid out or written TOML has at most, where it can be broken."""

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t]*\n)+")
_KEY = re.compile(
    r"""[ \t]*("(?P<double>(?:[^"\\\n]|\\.)*)"|'(?P<single>[^'\n]*)'|(?P<bare>[A-Za-z0-9_-]+))"""
    r"[ \t]*"
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"(?!")'
    r"|'[^'\n]*'(?!')",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^\s,\]}#]+(?: [0-9][^\s,\]}#]*)?")  # a date may be followed by a time


_PART = re.compile(r"\\\s*\n\s*|\\u.{4}|\\U.{8}|\\.|.", re.DOTALL)  # of a text in double quotes

Span = tuple[int, int]  # where something begins and ends: offsets into the text


class DottedKey(Struct, frozen=True):
    """A key, dotted or not: as it is written best, and the names in it with their places."""

    text: str
    names: tuple[str, ...]
    spans: tuple[Span, ...]


class Scalar(Struct, frozen=True):
    """Text, a number, a truth value or a time, as it is written."""

    text: str
    span: Span


class Item(Struct, frozen=True):
    """An item of a list, with the comments above it and the one beside it."""

    above: tuple[str, ...]
    value: "Value"
    beside: str


class Array(Struct, frozen=True):
    """`apart`: it was written with a comma after its last item, so its items stay on lines."""

    items: tuple[Item, ...]
    below: tuple[str, ...]
    apart: bool
    span: Span


class Inline(Struct, frozen=True):
    """An inline table."""

    pairs: tuple[tuple[DottedKey, "Value"], ...]
    span: Span


Value = Scalar | Array | Inline


class Line(Struct, frozen=True):
    """A comment, a header or a pair; `blank` where an empty line stands before it."""

    kind: Literal["comment", "header", "pair"]
    text: str
    blank: bool
    key: DottedKey | None = None
    value: Value | None = None
    beside: str = ""


def scan(text: str) -> Iterator[Line]:
    """The comments, headers and pairs of a text that is TOML, with LF at the ends of its lines.

    Of a text that is no TOML, those before its mistake; what comes then is anything, or an
    IndexError.
    """
    return _Scanner(text).lines()


def raw_offset(raw: str, at: int) -> int:
    """Where stands, in a text as it is written, what is at an offset of its value."""
    quotes = 3 if raw[:3] in ('"""', "'''") else 1
    start = quotes + (quotes == 3 and raw[3:4] == "\n")
    if raw[0] == "'":
        return start + at
    for part in _PART.finditer(raw, start):
        if at <= 0 and not _is_joint(part[0]):
            return part.start()
        at -= not _is_joint(part[0])
    return len(raw)


def _is_joint(part: str) -> bool:
    """Whether this is an end of a line, and blanks, that a backslash takes away."""
    return len(part) > 1 and part[1:].isspace() and "\n" in part


def last_begun(text: str) -> int:
    """Where the last header or pair begins of a text that ends, or goes wrong, within it."""
    scanner = _Scanner(text)
    with suppress(IndexError, RecursionError):
        for _ in scanner.lines():
            pass
    return scanner.begun


class _Scanner:
    """Reads from left to right; `begun` is where what is read now begins."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.begun = text, 0, 0

    def lines(self) -> Iterator[Line]:
        while True:
            blank = self._skip_blank() and self.at > 0
            if self.at >= len(self.text):
                return
            if self.text[self.at] != "#":
                self.begun = self.at
            match self.text[self.at]:
                case "#":
                    yield Line("comment", self._comment(), blank)
                case "[":
                    text, key = self._header()
                    yield Line("header", text, blank, key, None, self._comment())
                case _:
                    key = self._key()
                    self.at += 1  # =
                    value = self._value()
                    yield Line("pair", key.text, blank, key, value, self._comment())
            self._take(_SPACE)
            self.at += 1  # the line's end

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match[0]

    def _skip_blank(self) -> bool:
        found = bool(self._take(_BLANK))
        self._take(_SPACE)
        return found

    def _comment(self) -> str:
        self._take(_SPACE)
        if not self.text.startswith("#", self.at):
            return ""
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        comment = self.text[self.at : end].rstrip()
        self.at = end
        return comment

    def _header(self) -> tuple[str, DottedKey]:
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        key = self._key()
        self.at += 2 if many else 1
        return (f"[[{key.text}]]" if many else f"[{key.text}]"), key

    def _key(self) -> DottedKey:
        """A key, dotted or not, up to what follows it."""
        parts, names, spans = [], [], []
        while (match := _KEY.match(self.text, self.at)) is not None:
            self.at = match.end()
            parts.append(_key_part(match))
            names.append(_name(match))
            spans.append(match.span(1))
            if not self.text.startswith(".", self.at):
                break
            self.at += 1
        return DottedKey(".".join(parts), tuple(names), tuple(spans))

    def _value(self) -> Value:
        self._take(_SPACE)
        match self.text[self.at]:
            case "[":
                return self._array()
            case "{":
                return self._inline()
            case '"' | "'":
                return self._scalar(_STRING)
            case _:
                return self._scalar(_PLAIN)

    def _scalar(self, pattern: re.Pattern[str]) -> Scalar:
        start = self.at
        text = self._take(pattern)
        if not text:  # an open quote, or no value at all
            raise IndexError
        return Scalar(text, (start, self.at))

    def _array(self) -> Array:
        start = self.at
        self.at += 1
        items: list[Item] = []
        comma = False
        while True:
            above, beside = self._comments(beside_allowed=bool(items) or comma)
            if beside:
                before = items[-1]  # a comment on each side of the comma: the first one moves up
                moved = (before.beside,) if before.beside else ()
                items[-1] = Item((*before.above, *moved), before.value, beside)
            if self.text[self.at] == ",":
                self.at += 1
                comma = True
                if above:  # comments between an item and its comma belong to the item
                    items[-1] = Item((*items[-1].above, *above), items[-1].value, items[-1].beside)
            elif self.text[self.at] == "]":
                self.at += 1
                return Array(tuple(items), above, comma, (start, self.at))
            else:
                items.append(Item(above, self._value(), ""))
                comma = False

    def _comments(self, *, beside_allowed: bool) -> tuple[tuple[str, ...], str]:
        """The comments up to the next item or comma, and the one beside the item before."""
        above: list[str] = []
        beside = ""
        fresh = False  # whether a line has begun since the item
        while True:
            self._take(_SPACE)
            if self.text.startswith("\n", self.at):
                self.at += 1
                fresh = True
            elif self.text.startswith("#", self.at):
                comment = self._comment()
                if fresh or not beside_allowed:
                    above.append(comment)
                else:
                    beside = comment
            else:
                return tuple(above), beside

    def _inline(self) -> Inline:
        start = self.at
        self.at += 1
        pairs = []
        self._take(_SPACE)
        while self.text[self.at] != "}":
            key = self._key()
            self.at += 1  # =
            pairs.append((key, self._value()))
            self._take(_SPACE)
            if self.text[self.at] == ",":
                self.at += 1
                self._take(_SPACE)
        self.at += 1
        return Inline(tuple(pairs), (start, self.at))


def _key_part(match: re.Match[str]) -> str:
    """A part of a key, without quotes where it needs none."""
    double, single, bare = match.group("double", "single", "bare")
    if bare is not None:
        return str(bare)
    inner = double if double is not None else single
    if _BARE.fullmatch(inner):
        return str(inner)
    return f'"{inner}"' if double is not None else f"'{inner}'"


def _name(match: re.Match[str]) -> str:
    """What a part of a key stands for."""
    double, single, bare = match.group("double", "single", "bare")
    if double is None:
        return str(single if bare is None else bare)
    if "\\" not in double:
        return str(double)
    import tomllib  # noqa: PLC0415  # an escape in a key is rare

    name: str = tomllib.loads(f'name = "{double}"')["name"]
    return name
