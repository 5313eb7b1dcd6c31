"""Where the holes and statements of a text stand."""

import re
from collections.abc import Iterator
from itertools import takewhile

from runner.core.address import BEGINNING, InText
from runner.core.values import Ref

_TERRAFORM = re.compile(
    r"\$\{\s*(?:var|local|data|module|each|count|completion|path|self)\.[^\s{}]+\s*\}"
)
_OPENED = re.compile(r"\{[{%]")


def tags(text: str) -> Iterator[tuple[int, int]]:
    """Where the holes and statements of a text stand; one that is not closed goes to its end."""
    opened = _OPENED.search(text)
    while opened is not None:
        close = text.find("}}" if opened[0] == "{{" else "%}", opened.end())
        end = close + 2 if close >= 0 else len(text)
        yield opened.start(), end
        opened = _OPENED.search(text, end)


def on_line(text: str, line: int) -> InText:
    """The one hole or statement that begins on a line, or the line where there are more."""
    begun = [span for span in tags(text) if text.count("\n", 0, span[0]) == line]
    return InText(line, begun[0] if len(begun) == 1 else None)


def naming(text: str, ref: Ref) -> InText:
    """The first hole or statement that names what a reference leads to, or else where it begins."""
    names = list(takewhile(lambda part: isinstance(part, str), ref))
    for length in range(len(names), 0, -1):
        path = r"\s*\.\s*".join(re.escape(str(name)) for name in names[:length])
        named = re.compile(rf"(?<![\w.]){path}\b")
        for span in tags(text):
            if named.search(text, *span):
                return within(text, span)
    return BEGINNING


def within(text: str, span: tuple[int, int]) -> InText:
    """A span of a text, with its line."""
    return InText(text.count("\n", 0, span[0]), span)


def terraform_holes(text: str) -> Iterator[InText]:
    """Each `${var.x}` of a text; where some of it is raw, none is a mistake."""
    if "${" in text and "{% raw" not in text:
        yield from (within(text, found.span()) for found in _TERRAFORM.finditer(text))
