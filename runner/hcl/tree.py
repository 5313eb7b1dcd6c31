"""Terraform's HCL as plain trees: expressions, attributes, blocks, each with its place."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from runner.errors import Where


@dataclass(frozen=True, slots=True)
class HclNode:
    """Part of an expression: `text` is a name, operator or literal, by `kind`; places from 1.

    Kinds: number word name string heredoc chars interpolation if else endif for endfor list
    object pair parens call spread attr index splat not negative binary conditional for_list
    for_map for_group.
    """

    kind: str
    text: str = ""
    children: tuple["HclNode", ...] = ()
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Attribute:
    """`name = value`, with the comments around it; `written` is its own text."""

    name: str
    value: HclNode
    written: str
    above: tuple[str, ...]
    beside: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Nested:
    """A block: its type, labels and body."""

    kind: str
    labels: tuple[str, ...]
    body: "Body"
    above: tuple[str, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Body:
    """What stands between two braces, or in a file; `below` are the comments at its end."""

    elements: tuple[Attribute | Nested, ...]
    below: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HclText:
    """One file's name and text, with line ends as LF."""

    file: str
    text: str = field(repr=False)

    def where(self, line: int, column: int | None = None, block: str | None = None) -> Where:
        """A place in this file, with its line's text."""
        lines = _lines(self.text)
        source = lines[line - 1] if 0 < line <= len(lines) else ""
        return Where(self.file, line, column, source, block=block)


@lru_cache(maxsize=2)
def _lines(text: str) -> list[str]:
    return text.split("\n")


@dataclass(frozen=True, slots=True)
class HclFile:
    """A file that has been read."""

    source: HclText
    body: Body


def comments(block: Nested) -> tuple[str, ...]:
    """All comments around a block and in it."""
    inside = (
        comments(each) if isinstance(each, Nested) else (*each.above, *filter(None, [each.beside]))
        for each in block.body.elements
    )
    return (*block.above, *(line for lines in inside for line in lines), *block.body.below)


def attributes(body: Body) -> Iterator[Attribute]:
    """The attributes of a body, without those of its blocks."""
    yield from (each for each in body.elements if isinstance(each, Attribute))


def attribute(body: Body, name: str) -> HclNode | None:
    """The value of an attribute, or None where it is not set."""
    return next((each.value for each in attributes(body) if each.name == name), None)
