"""Colour, where somebody sees it; never the only carrier of meaning."""

import os
import re
import sys
from dataclasses import dataclass
from typing import TextIO

_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "grey": "90"}
_STEERING = re.compile(
    rf"\x1b\[(?:0|{'|'.join(_CODES.values())})m"
    r"|\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)
_switch = {"off": False}


@dataclass(frozen=True, slots=True)
class Style:
    """Text as one stream shows it."""

    colour: bool

    def __call__(self, text: str, name: str) -> str:
        """The text in a colour, where there is colour."""
        if not self.colour or not text:
            return text
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m"

    def safe(self, text: str) -> str:
        """The text with every character written out that would steer the terminal, or turn the
        direction of reading; but for line ends, tabs and the colours of this style.

        An answer may hold them, and a plan is what somebody says yes to.
        """
        return _STEERING.sub(self._written, text)

    def _written(self, found: re.Match[str]) -> str:
        code = found[0]
        if self.colour and len(code) > 1:
            return code
        return f"\\u{ord(code[0]):04x}{code[1:]}"


def turn_off() -> None:
    """--no-color."""
    _switch["off"] = True


def style(stream: TextIO | None = None) -> Style:
    """The style of a stream: colour on a terminal, unless NO_COLOR or --no-color says no."""
    target = stream or sys.stdout
    plain = _switch["off"] or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Style(not plain and target.isatty())
