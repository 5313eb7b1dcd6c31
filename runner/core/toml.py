"""TOML text in, tables out; and, when something is wrong, the place of every key."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import toml_rs

from runner.errors import RunnerError, Where, error

Path = tuple[str | int, ...]

DEEPEST = 64  # levels of nesting; the parser itself breaks at a few thousand, or near 1,000 when
# it has to say where each key is: it takes the whole process with it
_CHUNK = 16_384
_HEADER = re.compile(r"^[ \t]*(\[\[?)([^\]\n]+)\]", re.MULTILINE)
_KEY_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(?:\.|$)""")


@dataclass(frozen=True)
class Source:
    """One file's text under the name that messages call it by (relative to the project)."""

    file: str
    text: str = field(repr=False)
    _hidden: set[str] = field(default_factory=set, repr=False, compare=False)

    @cached_property
    def lines(self) -> list[str]:
        """The file's lines, without their ends."""
        return self.text.split("\n")

    @cached_property
    def _nodes(self) -> dict[str, Any]:
        # Nine times the cost of a plain parse: only ever called to report a problem.
        document = toml_rs.load_with_metadata(self.text, toml_version="1.0.0")
        nodes: dict[str, Any] = document.meta["nodes"]
        return nodes

    @cached_property
    def _headers(self) -> dict[tuple[str, ...], int]:
        found: dict[tuple[str, ...], int] = {}
        for match in _HEADER.finditer(self.text):
            line = self.text.count("\n", 0, match.start(1)) + 1
            found.setdefault(tuple(_key_parts(match.group(2))), line)
        return found

    def where(
        self, path: Path, *, on: Literal["key", "value"] = "value", line_in_value: int = 0
    ) -> Where:
        """The place of the key at `path`, as near as the file tells.

        `line_in_value` is the line of a multi-line string that is meant, from 0.
        """
        for length in range(len(path), 0, -1):
            place = self._place(path[:length], on if length == len(path) else "key", line_in_value)
            if place is not None:
                return self._where(*place, path)
        return self._where(1, None, 1, path)

    def hide(self, path: Path) -> None:
        """From now on, no place shows the text at `path`, or more than its first letters."""
        node = _descend(self._nodes, path) or {}
        parts = (part.strip("\"' \t\r") for part in node.get("value_raw", "").split("\n"))
        self._hidden.update(part for part in parts if part)

    def header(self, names: Iterable[str]) -> Where | None:
        """The place of the first header of a table; None if it has none."""
        number = self._headers.get(tuple(names))
        return None if number is None else self.line(number)

    def line(self, number: int, column: int | None = None) -> Where:
        """A place by its line, both counted from 1."""
        return self._where(number, column, 1, ())

    def _where(self, line: int, column: int | None, width: int, path: Path) -> Where:
        text = self.lines[line - 1].rstrip("\r") if line <= len(self.lines) else ""
        for hidden in self._hidden:
            text = text.replace(hidden, masked(hidden))
        return Where(self.file, line, column, text, width, block_name(path))

    def _place(self, path: Path, on: str, offset: int) -> tuple[int, int | None, int] | None:
        names = tuple(part for part in path if isinstance(part, str))
        node = _descend(self._nodes, path)
        if node is not None and "value_line" not in node:  # a list of tables under headers
            return self._column(_first(node["key_line"]), node["key_col"], node["key_raw"])
        if node is not None and "key_line" not in node:  # an entry of a list
            raw = node["value_raw"].partition("\n")[0]
            return self._column(_first(node["value_line"]), node["value_col"], raw)
        if node is not None:
            start = node["value_line"] if on == "value" else node["key_line"]
            first = _first(start)
            raw = node["value_raw"]
            if on == "value" and raw.startswith(('"""\n', "'''\n", '"""\r', "'''\r")):
                first += 1
            if on == "value" and raw.startswith(('"""', "'''")):
                return self._whole(first + offset)
            raw = raw if on == "value" and "\n" not in raw else node["key_raw"]
            cols = node["value_col"] if raw is node["value_raw"] else node["key_col"]
            return self._column(first, cols, raw)
        number = self._header(names) if names == path else None
        return None if number is None else self._whole(number)

    def _whole(self, number: int) -> tuple[int, int, int]:
        """All of a line but the blanks around it."""
        text = self.lines[number - 1] if number <= len(self.lines) else ""
        return number, len(text) - len(text.lstrip()) + 1, max(len(text.strip()), 1)

    def _header(self, names: tuple[str, ...]) -> int | None:
        """The line of a table's header, or of the first table inside it."""
        if names in self._headers:
            return self._headers[names]
        inside = (line for path, line in self._headers.items() if path[: len(names)] == names)
        return next(inside, None)

    def _column(self, line: int, cols: Any, raw: str) -> tuple[int, int | None, int]:
        text = self.lines[line - 1]
        start = cols if isinstance(cols, int) else cols[0]
        near = len(text.encode()[: max(start - 1, 0)].decode(errors="ignore"))
        found = text.find(raw, max(near - 1, 0))
        return line, (found if found >= 0 else near) + 1, max(len(raw), 1)


def parse(source: Source) -> dict[str, Any]:
    """The file's tables; RunnerError with line and column when it is not TOML 1.0."""
    if _may_be_deep(source.text):
        raise _too_deep(source)
    try:
        table: dict[str, Any] = toml_rs.loads(source.text, toml_version="1.0.0")
    except toml_rs.TOMLDecodeError as exc:
        said = str(exc.msg).rsplit("\n", 1)[-1]
        where = source.line(exc.lineno, exc.colno)
        if "duplicate key" in said:
            raise _duplicate(source, where) from exc
        said = f"This is not valid TOML: {said}.{_toml_advice(said)}"
        raise error("Invalid TOML", said, where) from exc
    except (UnicodeEncodeError, ValueError) as exc:
        raise error("Invalid TOML", f"This is not valid TOML: {exc}.", Where(source.file)) from exc
    if _is_deep(table):
        raise _too_deep(source)
    return table


def source(file: str, data: bytes) -> Source:
    """The bytes of a file as a Source; RunnerError where they are not UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        held = exc.object  # without a byte order mark
        line = held.count(b"\n", 0, exc.start) + 1
        column = len(held[held.rfind(b"\n", 0, exc.start) + 1 : exc.start].decode()) + 1
        raise error(
            "Not UTF-8",
            f"Byte {exc.start} (0x{held[exc.start]:02x}) is not UTF-8 text. "
            "Save the file as UTF-8.",
            Source(file, held.decode(errors="replace")).line(line, column),
        ) from exc
    return Source(file, text)


def masked(key: str) -> str:
    """A key as it may be shown; its length stays."""
    return key[:3] + "*" * (len(key) - 3)


def block_name(path: Sequence[str | int]) -> str | None:
    """The address-like name of the block that a path in a file stands in."""
    sizes = {"data": 3, "locals": 1, "runner": 1, "moved": 1, "removed": 1, "import": 1}
    if not path:
        return None
    names = [str(part) for part in path[: sizes.get(str(path[0]), 2)]]
    return ".".join(names)


def _duplicate(source: Source, where: Where) -> RunnerError:
    """Of a table it can be told where it was written first."""
    said = "Each key and each table may be written once, and this one is there already"
    header = _HEADER.match(where.source or "")
    first = source.header(_key_parts(header[2])) if header is not None else None
    if first is None or first.line == where.line:
        return error("Duplicate key", f"{said}.", where)
    return error("Duplicate key", f"{said}: {source.file}:{first.line}.", where)


def _toml_advice(said: str) -> str:
    if "string" in said:
        return ' Text stands in quotes; text of several lines stands in """ .. """.'
    return ""


def _descend(nodes: Any, path: Path) -> dict[str, Any] | None:
    node = nodes
    for part in path:
        inner = node["value"] if _is_leaf(node) else node
        if isinstance(part, int):
            if not isinstance(inner, list) or part >= len(inner):
                return None
        elif not isinstance(inner, dict) or part not in inner:
            return None
        node = inner[part]
    return node if _is_leaf(node) else None


def _is_leaf(node: Any) -> bool:
    places = ("value_line", "key_line")  # a table may have keys of these names: they are tables
    return isinstance(node, dict) and any(
        isinstance(node.get(name), int | list | tuple) for name in places
    )


def _first(line: Any) -> int:
    found: int = line if isinstance(line, int) else line[0]
    return found


def _key_parts(dotted: str) -> Iterator[str]:
    for match in _KEY_PART.finditer(dotted):
        yield next(group for group in match.groups() if group is not None)


def _may_be_deep(text: str) -> bool:
    """Whether brackets pile up beyond what any request holds (strings may mislead it upwards)."""
    if text.count("[") + text.count("{") < 2000:
        return False
    depth = 0
    for start in range(0, len(text), _CHUNK):
        chunk = text[start : start + _CHUNK]
        opened = chunk.count("[") + chunk.count("{")
        if depth + opened > 4000:
            return True
        depth = max(depth + opened - chunk.count("]") - chunk.count("}"), 0)
    return False


def _is_deep(table: dict[str, Any]) -> bool:
    level: list[Any] = [table]
    for _ in range(DEEPEST):
        level = [
            inner
            for held in level
            for inner in (held.values() if type(held) is dict else held)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


def _too_deep(source: Source) -> RunnerError:
    said = f"Values are nested deeper than {DEEPEST} levels; no request needs that."
    return error("Nesting too deep", said, Where(source.file))
