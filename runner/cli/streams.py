"""The standard streams: nobody else's words steer a terminal, or hide on it."""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from os import environ, urandom
from typing import Any, TextIO, cast

STDIN = "-"  # how a file's argument names standard input
_SEAL = urandom(8).hex()

# Unicode's Default_Ignorable_Code_Point, which no font draws: zero width, direction, tags, fillers.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
# Control characters but for tab and line end, line separators, annotations, halves of characters.
_STEERING = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufff9-\ufffb\ud800-\udfff"


def seal(code: str) -> str:
    """A code of ours that steers the terminal (SGR, ECMA-48), as nobody else can write it: the
    streams make it real.
    """
    return f"\x1b{_SEAL}{code}m"


def cleared(rows: int) -> str:
    """What takes the cursor so many rows up, to the left, and clears all from there (ECMA-48)."""
    return f"\r\x1b[{rows}A\x1b[J" if rows else "\r\x1b[J"


def redraw(rows: int, text: str) -> None:
    """Put a text on the terminal in place of the last rows on it, at once: a terminal that can
    (synchronized output) shows nothing in between.
    """
    shown = _OURS.sub("\x1b[\\1m", harmless(text))
    stream = bare(sys.stdout)
    stream.write(f"\x1b[?2026h{cleared(rows)}{shown}\x1b[?2026l")
    stream.flush()


def uncoloured(text: str) -> str:
    """The text without our codes."""
    return _OURS.sub("", text)


def harmless(text: str) -> str:
    """The text with every character written out that would steer a terminal, turn the direction of
    reading or not be seen, as `\\u001b`: an answer may hold them, and a plan is what somebody says
    yes to. Line ends, tabs and sealed codes stay; so do joiners and emoji selectors where they
    join what is seen.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return _pattern().sub(_written, text)


def on_one_line(text: str) -> str:
    """The text harmless within a line: it ends none."""
    return harmless(text).replace("\r", "\\r").replace("\n", "\\n")


@cache
def _pattern() -> re.Pattern[str]:
    seen = f"[^\x00-\x20{_STEERING}{_UNSEEN}]"
    wide = f"[^\x00-\x7f{_STEERING}{_UNSEEN}]"
    return re.compile(
        rf"(?P<kept>\x1b{_SEAL}[0-9]+m|(?<={seen})[\ufe0e\ufe0f]"
        rf"|(?:(?<={wide})|(?<={seen}\ufe0f))[\u200c\u200d](?={wide}))"
        rf"|\r(?!\n)|[{_STEERING}{_UNSEEN}]"
    )


def _written(found: re.Match[str]) -> str:
    if found["kept"] is not None:
        return found[0]
    number = ord(found[0])
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


class Coloured:
    """A standard stream that takes sealed codes. All else is the stream's own affair."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Pass a text on."""
        self.stream.write(_OURS.sub("\x1b[\\1m", text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Show texts."""
        for line in lines:
            self.write(line)


class Screen(Coloured):
    """A standard stream whose every text is made harmless."""

    def write(self, text: str) -> int:
        """Show a text."""
        return super().write(harmless(text))


_OURS = re.compile(rf"\x1b{_SEAL}([0-9]+)m")


@contextmanager
def harmless_streams() -> Iterator[None]:
    """Standard output on a terminal, and standard error everywhere, show what is harmless; what
    else standard output is led to gets each byte as it is, and colours if FORCE_COLOR says so.
    """
    before = sys.stdout, sys.stderr
    if sys.stdout.isatty():
        sys.stdout = cast("TextIO", Screen(sys.stdout))
    elif is_forced():
        sys.stdout = cast("TextIO", Coloured(sys.stdout))
    sys.stderr = cast("TextIO", Screen(sys.stderr))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def is_forced() -> bool:
    """Whether FORCE_COLOR asks for colour where no terminal is: CI shows it."""
    return environ.get("FORCE_COLOR", "") not in ("", "0", "false")


def bare(stream: TextIO) -> TextIO:
    """The stream itself, for a library that draws on a terminal and shows no words of others."""
    return stream.stream if isinstance(stream, Screen) else stream


def put(data: bytes) -> None:
    """Bytes to standard output: as they are, or on a terminal as text."""
    if isinstance(sys.stdout, Screen):
        sys.stdout.write(data.decode(errors="backslashreplace"))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    sys.stdout.flush()


def named_or_piped(name: str) -> str | bytes:
    """A file by its name, or what standard input holds where that is named."""
    return sys.stdin.buffer.read() if name == STDIN else name
