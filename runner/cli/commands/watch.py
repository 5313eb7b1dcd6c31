"""`runner plan --watch`: the plan beside the files that it comes of, shown anew as they change."""

import argparse
import io
import os
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from runner.cli.commands import apply as apply_verb
from runner.cli.commands import plan as plan_verb
from runner.cli.parser.arguments import INTERRUPTED, parser
from runner.cli.parser.options import options_of, secrets_of
from runner.cli.streams import redraw, uncoloured
from runner.cli.terminal.keys import ENTER, GONE, QUIT, NextKey, keys
from runner.cli.terminal.signals import heard_by
from runner.cli.views.page import width_of
from runner.cli.views.problems import report
from runner.cli.views.style import style
from runner.errors import RunnerError, error
from runner.io.folders import Folders
from runner.operations.options import VariableFile
from runner.operations.planning.whole import whole_plan
from runner.operations.project.places import folders_of
from runner.operations.reading.load import load
from runner.operations.saved_plan.file import Saved, as_shown

_CHANGED = "changed"
_PAUSE = 0.25  # seconds
_SHARE = 20  # a look takes this part of the time at most


def run(arguments: argparse.Namespace) -> int:
    """Show the plan until somebody ends it; RunnerError where nobody sees it, or presses keys."""
    if arguments.refresh_only:
        said = "--watch shows what would be issued, so --refresh-only cannot stand beside it."
        raise error("Nothing to watch", said)
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or arguments.json or arguments.out:
        said = "--watch shows plans at a terminal, so it stands beside neither --json nor --out."
        raise error("No terminal to watch at", said)
    with heard_by(_end):
        return _watch(arguments, _Screen())


def _end(*_: object) -> None:
    raise KeyboardInterrupt  # so that the terminal is left as it was


def _watch(arguments: argparse.Namespace, screen: "_Screen") -> int:
    while True:
        with keys() as key:
            plan = _chosen(arguments, screen, key)
        if plan is None:
            return 0
        screen.leave()
        if _applied(arguments, plan) == INTERRUPTED:
            return INTERRUPTED
        screen.leave()


def _chosen(arguments: argparse.Namespace, screen: "_Screen", key: NextKey) -> Saved | None:
    """The plan that was shown when somebody pressed Enter; None where it is over."""
    while True:
        shown = _shown(arguments)
        screen.draw(shown.text)
        pressed = _pressed(shown, key)
        if pressed != _CHANGED:
            return shown.plan if pressed == ENTER else None


@dataclass(frozen=True, slots=True)
class _Shown:
    """What stands on the screen, which plan that is, and the files that it comes of."""

    text: str
    folders: Folders | None
    plan: Saved | None = None


class _Captured(io.StringIO):
    """What would be shown on the terminal."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return sys.__stdout__.fileno() if sys.__stdout__ is not None else 1


def _shown(arguments: argparse.Namespace) -> _Shown:
    """The plan, or what is wrong, as the files are now."""
    secrets, out = secrets_of(arguments), _Captured()
    folders: Folders | None = None
    plan: Saved | None = None
    with redirect_stdout(out), redirect_stderr(out):
        try:
            folders = _watched(arguments)
            project = load(options_of(arguments), secrets, folders=folders)
            if project.store.backend.file is not None:
                folders.look_at(project.store.backend.file)
            made = whole_plan(project, recalls=True)
            plan_verb.show(project, made, arguments)
            plan_verb.show_untrusted(project, made, arguments)
            plan = None if made.empty else as_shown(project, made)
        except RunnerError as exc:
            report(exc.problems, secrets)
    keys_said = "q ends" if plan is None else "Enter applies this plan, q ends"
    line = style(sys.stdout)(f"\n{time.strftime('%H:%M:%S')}  Watching. {keys_said}.", "grey")
    return _Shown(f"{out.getvalue()}{line}\n", folders, plan)


def _watched(arguments: argparse.Namespace) -> Folders:
    """The folders of the project, and what is read besides."""
    options = options_of(arguments)
    folders = folders_of(options.place)
    folders.look_at(folders.config)
    folders.look_at(folders.project / ".env")
    for variable in options.variables:
        if isinstance(variable, VariableFile):
            folders.look_at(Path(variable.path))
    return folders


def _pressed(shown: _Shown, key: NextKey) -> str:
    """The key that was pressed, or that a file or the size of the terminal changed."""
    pause, size = _PAUSE, os.get_terminal_size()
    while True:
        pressed = key(pause)
        if pressed in (GONE, QUIT) or (pressed == ENTER and shown.plan is not None):
            return pressed
        began = time.monotonic()
        if shown.folders is None or shown.folders.changed() or os.get_terminal_size() != size:
            return _CHANGED
        pause = max(_PAUSE, _SHARE * (time.monotonic() - began))


def _applied(arguments: argparse.Namespace, plan: Saved) -> int:
    """What is shown, carried out as a saved plan is: refused where anything is otherwise now."""
    given = vars(parser().parse_args(["apply"])) | vars(arguments) | {"plan": None}
    try:
        return apply_verb.apply(argparse.Namespace(**given), plan)
    except RunnerError as exc:
        report(exc.problems, arguments.secrets)
        return 1


@dataclass(slots=True)
class _Screen:
    """Where the plan stands. One that is taller than the terminal stays above the next: what has
    left the screen is not written over.
    """

    rows: int = 0

    def draw(self, text: str) -> None:
        """The text in place of the one before."""
        size = os.get_terminal_size()
        if self.rows >= size.lines:
            self.leave()
        redraw(self.rows, text)
        lines = uncoloured(text).split("\n")[:-1]
        self.rows = sum(max(1, -(-width_of(line) // size.columns)) for line in lines)

    def leave(self) -> None:
        """What is there stays."""
        sys.stdout.write("\n")
        self.rows = 0
