"""Standard error without what the core of Ray writes there by itself while it connects: it can be
told to be silent, and says aloud that it was.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

_ERR = 2
_RAYS = re.compile(rb"\[\d{4}-\d\d-\d\d [\d:,]+ [A-Z] \d+ \d+\] ")
_MAY_BE = b"[20"


@contextmanager
def muffled() -> Iterator[None]:
    """As long as this lasts, lines of Ray's core go nowhere, and all others where they went."""
    try:
        kept = os.dup(_ERR)
    except OSError:  # there is none
        yield
        return
    out, into = os.pipe()
    os.dup2(into, _ERR)
    os.close(into)
    passing = Thread(target=_pass_on, args=(out, kept), daemon=True)
    passing.start()
    try:
        yield
    finally:
        os.dup2(kept, _ERR)
        passing.join()
        os.close(out)
        os.close(kept)


def _pass_on(out: int, kept: int) -> None:
    held = b""
    while piece := os.read(out, 65_536):
        *lines, held = (held + piece).splitlines(keepends=True)
        if held.endswith(b"\n") or not held.startswith(_MAY_BE):
            lines.append(held)
            held = b""
        _write(kept, b"".join(line for line in lines if not _RAYS.match(line)))
    _write(kept, b"" if _RAYS.match(held) else held)


def _write(kept: int, text: bytes) -> None:
    while text:
        text = text[os.write(kept, text) :]
