"""Colour, where somebody sees it; never the only carrier of meaning."""

import os
import sys
from dataclasses import dataclass
from typing import TextIO

from runner.cli.streams import is_forced, seal

_NARROWEST = 20  # columns
_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "grey": "90"}
_switch = {"off": False}


@dataclass(frozen=True, slots=True)
class Style:
    """Text as one stream shows it; `width` is that of its terminal, where one says so."""

    colour: bool
    width: int | None = None

    def __call__(self, text: str, name: str) -> str:
        """The text in a colour, where there is colour."""
        if not self.colour or not text:
            return text
        return f"{seal(_CODES[name])}{text}{seal('0')}"

    def wrapped(self, text: str, begin: str = "") -> str:
        """A text broken between its words where its lines are too long for the terminal, and each
        line begun with this.
        """
        room = None if self.width is None else self.width - len(begin)
        pieces = [piece for line in text.split("\n") for piece in _pieces(line, room)]
        return "\n".join(begin + piece for piece in pieces)


def _pieces(line: str, width: int | None) -> list[str]:
    if width is None or len(line) <= width:
        return [line]
    from textwrap import wrap  # noqa: PLC0415  # only for a long line on a narrow terminal

    indent = line[: len(line) - len(line.lstrip())]
    return wrap(
        line, max(width, _NARROWEST), subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False, replace_whitespace=False,
    )  # fmt: skip


def turn_off() -> None:
    """--no-color."""
    _switch["off"] = True


def style(stream: TextIO | None = None) -> Style:
    """The style of a stream: colour on a terminal, unless NO_COLOR or --no-color says no; with
    FORCE_COLOR everywhere, as CI shows it.
    """
    target = stream or sys.stdout
    return Style(_is_coloured(target), _width(target))


def _is_coloured(stream: TextIO) -> bool:
    if _switch["off"] or os.environ.get("NO_COLOR"):
        return False
    if is_forced():
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def _width(stream: TextIO) -> int | None:
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):  # no terminal of its own after all
        return None
