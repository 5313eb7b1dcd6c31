"""Long texts on a terminal, a screen at a time."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from typing import TextIO

from runner.io.programs import find, read_in

_DEFAULT = "less"


def page(text: str, stream: TextIO) -> None:
    """Shows a text of our own through $PAGER, or at once where that is empty or `cat`, where it
    fits on the screen, and where nobody can turn pages.
    """
    command = _pager()
    if command is None or text.count("\n") < shutil.get_terminal_size().lines:
        stream.write(text)
    else:
        stream.flush()
        read_in(command, text)


def _pager() -> Sequence[str] | None:
    """The program with its arguments; None where there is none, which is said if one is named."""
    named = os.environ.get("PAGER", _DEFAULT)
    try:
        words = shlex.split(named)
    except ValueError:  # a quotation that does not end
        words = [named]
    if not words or words[0] == "cat" or not sys.stdin.isatty() or os.environ.get("TERM") == "dumb":
        return None
    program = find(words[0])
    if program is None and "PAGER" in os.environ:
        sys.stderr.write(f"Warning: There is no program {words[0]}, which $PAGER names.\n")
    return None if program is None else (program, *words[1:])
