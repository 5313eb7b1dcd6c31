"""A command at a terminal: what it shows there."""

import os
import pty
import termios
import tty
from collections.abc import Mapping
from typing import Any

from tests.harness.project import Project, ended


def on_terminal(
    project: Project,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    typing: bool = False,
    columns: int = 0,
) -> str:
    """What a command shows where both streams are a terminal, which says its columns if it has
    any; with `typing`, standard input too.
    """
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    tty.setraw(theirs)
    surroundings = {"TERM": "xterm-256color", "COLUMNS": "200", "NO_COLOR": "", **(env or {})}
    streams: dict[str, Any] = {"stdout": theirs, "stderr": theirs}
    if typing:
        streams["stdin"] = theirs
    process = project.start(*arguments, env=surroundings, **streams)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # Linux's way to say that nobody writes any more
        pass
    os.close(ours)
    ended(process)
    return shown.decode()
