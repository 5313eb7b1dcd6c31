"""The signals that end a command, and who hears them."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_ENDING = tuple(  # Windows has no SIGHUP
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def end_at_once() -> None:
    """Ctrl-C before a command began, or after it ended, ends the process as SIGTERM does: Python's
    own handler would raise where nobody catches it, and leave a traceback.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def heard_by(handler: Callable[..., Any]) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal go to this handler for as long as this lasts.

    Where one is ignored, as nohup does, it stays so. Outside the main thread nothing is changed.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {
            number: signal.signal(number, handler)
            for number in _ENDING
            if signal.getsignal(number) is not signal.SIG_IGN
        }
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was)
