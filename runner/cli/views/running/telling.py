"""The way to tell how an apply goes on: by what is asked for, and by who is there to see it."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from runner.cli.streams import bare
from runner.cli.views.running.progress import Bar, Events, Hold, Lines, Progress, is_logged
from runner.cli.views.running.streaming import Alone, Panel, PrefixedLines, RawAnswer
from runner.cli.views.style import style
from runner.operations.spending import AskPaid


@contextmanager
def progress(
    arguments: argparse.Namespace,
    total: int,
    paid: AskPaid,
    hold: Hold,
    *,
    is_alone: bool = False,
    answer: RawAnswer | None = None,
) -> Iterator[Progress]:
    """The way to tell that fits the command line and the terminal; `hold` is entered while the run
    may be interrupted. With --stream, `is_alone` says that there is but one answer to be shown,
    and `answer` takes the one that was named.
    """
    quiet = getattr(arguments, "quiet", False)
    streams = getattr(arguments, "stream", None) is not None
    if getattr(arguments, "json", False):
        shown: Progress = Events(total, paid)
    elif answer is not None:
        shown = _beside(answer, total, paid, quiet=quiet)
    elif streams and is_alone:
        shown = Alone(total, paid)
    elif streams:
        shown = _panel(total, paid, quiet=quiet)
    else:
        shown = _usual(total, paid, quiet=quiet)
    shown.hold = hold
    try:
        yield shown
    finally:
        shown.close()


def _usual(total: int, paid: AskPaid, *, quiet: bool) -> Progress:
    if quiet:
        return Progress(total, paid)
    if is_logged():  # each step, which no bar is to cross, and nobody reads twice
        return Lines(total, paid, few=0)
    if sys.stderr.isatty():
        return Bar(total, paid, bare(sys.stderr))
    return Lines(total, paid)


def _panel(total: int, paid: AskPaid, *, quiet: bool) -> Progress:
    draws = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    if draws and not quiet and not is_logged():
        return Panel(total, paid, bare(sys.stderr), style(sys.stderr))
    return PrefixedLines(total, paid, few=0 if is_logged() else None, quiet=quiet)


def _beside(answer: RawAnswer, total: int, paid: AskPaid, *, quiet: bool) -> Progress:
    """An answer on the terminal is crossed by nothing."""
    made = _usual(total, paid, quiet=quiet or answer.on_terminal)
    made.answer = answer.tell
    return made
