"""The canonical layout of a configuration file: the same tables and comments, laid out one way."""

from collections.abc import Iterator

from runner.core.toml.scan import WIDTH, Array, DottedKey, Inline, Line, Scalar, Value, scan
from runner.core.toml.source import Source, parse
from runner.errors import Where, error


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
        return "".join(f"{line}\n" for line in _laid_out(list(scan(text))))
    except RecursionError:
        said = "Lists and tables are nested too deeply to lay out."
        raise error("Nesting too deep", said, Where(file)) from None


def _laid_out(lines: list[Line]) -> Iterator[str]:
    for index, line in enumerate(lines):
        if index and _blank_before(lines, index):
            yield ""
        yield from _written(line)


def _blank_before(lines: list[Line], index: int) -> bool:
    """Before a header, or the comments that stand directly above it; else where one was."""
    line, before = lines[index], lines[index - 1]
    if before.kind == "comment" and not line.blank:
        return False
    if line.kind == "comment":
        return line.blank or _leads_to_header(lines, index)
    return line.kind == "header" or (line.blank and before.kind != "header")


def _leads_to_header(lines: list[Line], index: int) -> bool:
    """Whether this comment and those below it end at a header, with no blank line between."""
    for line in lines[index + 1 :]:
        if line.blank or line.kind == "pair":
            return False
        if line.kind == "header":
            return True
    return False


def _written(line: Line) -> Iterator[str]:
    beside = f"  {line.beside}" if line.beside else ""
    if line.value is None:
        yield line.text + beside
        return
    yield from f"{line.text} = {_value(line.value, 0, len(line.text) + 3)}{beside}".split("\n")


def _value(value: Value, indent: int, used: int) -> str:
    """The value; `used` is how many characters stand before it on its line."""
    match value:
        case Scalar(text):
            return text
        case Inline(pairs):
            return _inline(pairs, indent, used)
        case Array():
            whole = None if _is_apart(value) else _one_line(value)
            if whole is not None and (used + len(whole) <= WIDTH or not value.items):
                return whole
            return _exploded(value, indent)


def _inline(pairs: tuple[tuple[DottedKey, Value], ...], indent: int, used: int) -> str:
    """An inline table: TOML 1.0 keeps it on a line, but for the lists in it."""
    if not pairs:
        return "{}"
    written = "{ "
    for index, (key, value) in enumerate(pairs):
        written += f"{', ' if index else ''}{key.text} = "
        last = used + len(written) if "\n" not in written else WIDTH
        inner = _one_line(value)
        written += inner if inner is not None else _value(value, indent, last)
    return written + " }"


def _exploded(array: Array, indent: int) -> str:
    inner = " " * (indent + 2)
    lines = ["["]
    for item in array.items:
        lines.extend(inner + comment for comment in item.above)
        beside = f"  {item.beside}" if item.beside else ""
        lines.append(f"{inner}{_value(item.value, indent + 2, indent + 2)},{beside}")
    lines.extend(inner + comment for comment in array.below)
    return "\n".join([*lines, " " * indent + "]"])


def _is_apart(array: Array) -> bool:
    """Whether the items have lines of their own: comments and last commas say so."""
    commented = any(item.above or item.beside for item in array.items)
    return array.apart or bool(array.below) or commented


def _one_line(value: Value) -> str | None:
    """The value on one line, or None where it cannot be."""
    match value:
        case Scalar(text):
            return None if "\n" in text else text
        case Inline(pairs):
            written = [(key, _one_line(inner)) for key, inner in pairs]
            if any(inner is None for _, inner in written):
                return None
            body = ", ".join(f"{key.text} = {inner}" for key, inner in written)
            return f"{{ {body} }}" if body else "{}"
        case Array(items):
            inners = [_one_line(item.value) for item in items]
            if _is_apart(value) or any(inner is None for inner in inners):
                return None
            return f"[{', '.join(inner for inner in inners if inner is not None)}]"
