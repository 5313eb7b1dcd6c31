"""Pieces of a Markdown report: what others wrote is code in it, whatever it holds."""

import re
from html import escape

from runner.cli.streams import harmless

_LINKED = re.compile(r"@|:(?=//)|www(?=\.)", re.IGNORECASE)  # by GitHub, also where it is escaped
_SHORT = 200  # characters
_TICKS = re.compile("`+")


def table_cell(text: str) -> str:
    """Text that is no Markdown and no HTML, names nobody and links nowhere, on one line."""
    text = harmless(text)
    for character in "\\`*_[]<>|#!&$~":
        text = text.replace(character, f"\\{character}")
    return _LINKED.sub(r"\g<0><!-- -->", " ".join(text.split()))


def inline_code(text: str) -> str:
    """Text as code, on one line, which no backtick in it ends."""
    text = " ".join(harmless(text).split())
    longest = _longest(text)
    fence, pad = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def code_block(text: str, language: str = "") -> str:
    """Lines as a block of code, which nothing in it ends."""
    shown = harmless(text).replace("\r", "\\r")
    fence = "`" * max(3, _longest(shown) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def details(about: str, content: str) -> str:
    """Content that opens under a line; `about` is HTML."""
    return f"<details><summary>{about}</summary>\n\n{content}\n\n</details>"


def html_code(text: str) -> str:
    """Text as code within HTML, on one line."""
    return f"<code>{escape(' '.join(harmless(text).split()))}</code>"


def shortened(text: str) -> str:
    """A text that stands among others, cut where it is long."""
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 2]}.."


def units(text: str) -> int:
    """How long a text is where its length is limited: in units of UTF-16."""
    return len(text) + sum(character > "\uffff" for character in text)


def _longest(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)
