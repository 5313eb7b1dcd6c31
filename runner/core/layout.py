"""The canonical layout of a configuration file: the same tables and comments, laid out one way."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runner.core.toml import Source, parse
from runner.errors import Where, error

WIDTH = 100
_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t]*\n)+")
_KEY = re.compile(r"""\s*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^\s,\]}#]+(?: [0-9][^\s,\]}#]*)?")  # a date may be followed by a time


@dataclass(frozen=True, slots=True)
class _Scalar:
    text: str


@dataclass(frozen=True, slots=True)
class _Item:
    above: tuple[str, ...]
    value: "_Value"
    beside: str


@dataclass(frozen=True, slots=True)
class _Array:
    """`apart`: it was written with a comma after its last item, so its items stay on lines."""

    items: tuple[_Item, ...]
    below: tuple[str, ...]
    apart: bool


@dataclass(frozen=True, slots=True)
class _Inline:
    pairs: tuple[tuple[str, "_Value"], ...]


_Value = _Scalar | _Array | _Inline


@dataclass(frozen=True, slots=True)
class _Line:
    """A comment, a header or a pair; `blank` where an empty line stands before it."""

    kind: str
    text: str
    blank: bool
    value: _Value | None = None
    beside: str = ""


def format_toml(text: str, file: str = "<text>") -> str:
    """The text in canonical layout: the same values, keys, order and comments.

    One blank line before each table and at most one elsewhere, `key = value`, no space at line
    ends, line ends as LF. A list stays on one line where it fits 100 characters and has no comma
    after its last item; else each item has a line. Formatting a second time changes nothing.
    RunnerError with `file`, line and column where the text is not TOML 1.0.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    parse(Source(file, text))
    try:
        return "".join(f"{line}\n" for line in _laid_out(list(_Scanner(text).lines())))
    except RecursionError:
        said = "Lists and tables are nested too deeply to lay out."
        raise error("Nesting too deep", said, Where(file)) from None


def _laid_out(lines: list[_Line]) -> Iterator[str]:
    for index, line in enumerate(lines):
        if index and _blank_before(lines, index):
            yield ""
        yield from _written(line)


def _blank_before(lines: list[_Line], index: int) -> bool:
    """Before a header, or the comments that stand directly above it; else where one was."""
    line, before = lines[index], lines[index - 1]
    if before.kind == "comment" and not line.blank:
        return False
    if line.kind == "comment":
        return line.blank or _leads_to_header(lines, index)
    return line.kind == "header" or (line.blank and before.kind != "header")


def _leads_to_header(lines: list[_Line], index: int) -> bool:
    """Whether this comment and those below it end at a header, with no blank line between."""
    for line in lines[index + 1 :]:
        if line.blank or line.kind == "pair":
            return False
        if line.kind == "header":
            return True
    return False


def _written(line: _Line) -> Iterator[str]:
    beside = f"  {line.beside}" if line.beside else ""
    if line.value is None:
        yield line.text + beside
        return
    yield from f"{line.text} = {_value(line.value, 0, len(line.text) + 3)}{beside}".split("\n")


def _value(value: _Value, indent: int, used: int) -> str:
    """The value; `used` is how many characters stand before it on its line."""
    match value:
        case _Scalar(text):
            return text
        case _Inline(pairs):
            return _inline(pairs, indent, used)
        case _Array():
            whole = None if _is_apart(value) else _one_line(value)
            if whole is not None and (used + len(whole) <= WIDTH or not value.items):
                return whole
            return _exploded(value, indent)


def _inline(pairs: tuple[tuple[str, _Value], ...], indent: int, used: int) -> str:
    """An inline table: TOML 1.0 keeps it on a line, but for the lists in it."""
    if not pairs:
        return "{}"
    written = "{ "
    for index, (key, value) in enumerate(pairs):
        written += f"{', ' if index else ''}{key} = "
        last = used + len(written) if "\n" not in written else WIDTH
        inner = _one_line(value)
        written += inner if inner is not None else _value(value, indent, last)
    return written + " }"


def _exploded(array: _Array, indent: int) -> str:
    inner = " " * (indent + 2)
    lines = ["["]
    for item in array.items:
        lines.extend(inner + comment for comment in item.above)
        beside = f"  {item.beside}" if item.beside else ""
        lines.append(f"{inner}{_value(item.value, indent + 2, indent + 2)},{beside}")
    lines.extend(inner + comment for comment in array.below)
    return "\n".join([*lines, " " * indent + "]"])


def _is_apart(array: _Array) -> bool:
    """Whether the items have lines of their own: comments and last commas say so."""
    commented = any(item.above or item.beside for item in array.items)
    return array.apart or bool(array.below) or commented


def _one_line(value: _Value) -> str | None:
    """The value on one line, or None where it cannot be."""
    match value:
        case _Scalar(text):
            return None if "\n" in text else text
        case _Inline(pairs):
            written = [(key, _one_line(inner)) for key, inner in pairs]
            if any(inner is None for _, inner in written):
                return None
            body = ", ".join(f"{key} = {inner}" for key, inner in written)
            return f"{{ {body} }}" if body else "{}"
        case _Array(items):
            inners = [_one_line(item.value) for item in items]
            if _is_apart(value) or any(inner is None for inner in inners):
                return None
            return f"[{', '.join(inner for inner in inners if inner is not None)}]"


class _Scanner:
    """Reads valid TOML from left to right, comments included."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def lines(self) -> Iterator[_Line]:
        """The comments, headers and pairs of the file."""
        while True:
            blank = self._skip_blank() and self.at > 0
            if self.at >= len(self.text):
                return
            match self.text[self.at]:
                case "#":
                    yield _Line("comment", self._comment(), blank)
                case "[":
                    header = self._header()
                    yield _Line("header", header, blank, None, self._comment())
                case _:
                    key = self._key()
                    self.at += 1  # =
                    value = self._value()
                    yield _Line("pair", key, blank, value, self._comment())
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

    def _header(self) -> str:
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        name = self._key()
        self.at += 2 if many else 1
        return f"[[{name}]]" if many else f"[{name}]"

    def _key(self) -> str:
        """A key, dotted or not, up to what follows it."""
        parts = []
        while (match := _KEY.match(self.text, self.at)) is not None:
            self.at = match.end()
            parts.append(_key_part(match))
            if not self.text.startswith(".", self.at):
                break
            self.at += 1
        return ".".join(parts)

    def _value(self) -> _Value:
        self._take(_SPACE)
        match self.text[self.at]:
            case "[":
                return self._array()
            case "{":
                return self._inline()
            case '"' | "'":
                return _Scalar(self._take(_STRING))
            case _:
                return _Scalar(self._take(_PLAIN))

    def _array(self) -> _Array:
        self.at += 1
        items: list[_Item] = []
        comma = False
        while True:
            above, beside = self._comments(beside_allowed=bool(items) or comma)
            if beside:
                before = items[-1]  # a comment on each side of the comma: the first one moves up
                moved = (before.beside,) if before.beside else ()
                items[-1] = _Item((*before.above, *moved), before.value, beside)
            if self.text[self.at] == ",":
                self.at += 1
                comma = True
                if above:  # comments between an item and its comma belong to the item
                    items[-1] = _Item((*items[-1].above, *above), items[-1].value, items[-1].beside)
            elif self.text[self.at] == "]":
                self.at += 1
                return _Array(tuple(items), above, comma)
            else:
                items.append(_Item(above, self._value(), ""))
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

    def _inline(self) -> _Inline:
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
        return _Inline(tuple(pairs))


def _key_part(match: re.Match[str]) -> str:
    """A part of a key, without quotes where it needs none."""
    double, single, plain = match.groups()
    if plain is not None:
        return plain
    inner = double if double is not None else single
    if _BARE.fullmatch(inner):
        return str(inner)
    return f'"{inner}"' if double is not None else f"'{inner}'"
