"""Arguments in, exit codes out; a verb is imported when it is called."""

import argparse
import atexit
import errno
import gc
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from os import _exit, devnull
from pathlib import Path
from typing import NoReturn

from runner.cli.parser.arguments import INTERRUPTED, parser
from runner.cli.streams import harmless_streams
from runner.cli.terminal.signals import end_at_once, heard_by
from runner.errors import Problem, RunnerError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def entry() -> NoReturn:
    """Run the command of this process, and end it."""
    end_at_once()
    _import_nothing_from_here()
    _open_what_is_closed()
    _speak_utf8()
    # What a command reads and makes stays until it ends: looking through it for cycles every 700
    # objects takes a quarter of the time of a large plan and finds nothing.
    gc.set_threshold(500_000, 50, 100)
    _leave(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. 0: done; 1: error; 2: changes, for plan --detailed-exitcode; 3: done, but a
    check of the answers is not met; 130: interrupted.
    """
    with harmless_streams():
        made = parser()
        if not (sys.argv[1:] if argv is None else argv):
            made.print_help()
            return 1  # nothing was done: a script whose verb is empty hears of it
        arguments = made.parse_args(argv)
        if arguments.no_color:
            from runner.cli.views.style import turn_off  # noqa: PLC0415  # start-up is counted

            turn_off()
        with heard_by(signal.default_int_handler):
            return _run(arguments)


def _leave(status: int) -> NoReturn:
    """End the process. All that it holds goes with it: to take that apart first, object by object,
    takes a twentieth of the time of a small apply.
    """
    embedded = sys.modules.get("runner.io.providers.embedded.server")
    if embedded is None or not embedded.has_begun():
        if threading.active_count() > 1 or _is_watched():  # Python waits for threads
            gc.freeze()  # a last look for cycles would be for nothing
            sys.exit(status)
        atexit._run_exitfuncs()  # noqa: SLF001  # as Python does before it takes anything apart
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # a full disk, a reader that has gone, a stream that is closed
        sys.exit(status)  # Python says it as ever
    _exit(status)


def _is_watched() -> bool:
    """Whether a debugger or a profiler looks on, which has something to say when this is over."""
    if sys.version_info >= (3, 12) and any(map(sys.monitoring.get_tool, range(6))):
        return True
    return sys.gettrace() is not None or sys.getprofile() is not None


def _run(arguments: argparse.Namespace) -> int:
    try:
        from importlib import import_module  # noqa: PLC0415  # start-up is counted in imports

        verb = import_module(f"runner.cli.commands.{arguments.module}")
        _find_project(arguments)
        status: int = verb.run(arguments)
        sys.stdout.flush()
    except RunnerError as exc:
        _report(exc.problems, arguments)
        return 1
    except KeyboardInterrupt:
        end_at_once()  # whoever presses once more waits for no word
        sys.stderr.write("\nInterrupted.\n")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`| head`): not our fault, and not worth a word.
        sys.stderr.close()
        return 1
    except OSError as exc:
        if isinstance(exc.filename, str):
            # A file that cannot even be looked at is no bug, wherever the look was taken.
            from runner.io.files import unusable  # noqa: PLC0415

            _report(unusable(exc).problems, arguments)
        elif exc.filename is None and exc.errno in _FULL:
            _say_it_is_full(exc)
        else:
            raise
        return 1
    return status


def _find_project(arguments: argparse.Namespace) -> None:
    """The project that is meant where none is named: the one here, or the one that this is in."""
    if arguments.chdir is not None:
        return
    arguments.chdir = "."
    if not arguments.in_project or (Path(arguments.config).is_dir()):
        return
    from runner.io.above import project_above  # noqa: PLC0415  # most stand in their project

    above = project_above(arguments.config, arguments.state)
    if above is None:
        return
    arguments.chdir = str(above)
    if not arguments.quiet and arguments.module != "complete":
        sys.stderr.write(f"The project is {above} ({above.resolve()}).\n")


def _report(problems: tuple[Problem, ...], arguments: argparse.Namespace) -> None:
    from runner.cli.views.problems import report  # noqa: PLC0415  # start-up is counted

    secrets = getattr(arguments, "secrets", None)  # of the project, once one is read
    report(problems, secrets, as_json=getattr(arguments, "json", False))


def _say_it_is_full(exc: OSError) -> None:
    """What a command says can be written no longer; what it did stands."""
    with suppress(OSError):
        sys.stderr.write(f"Error: Output cannot be written\n\n{exc.strerror}.\n")
        sys.stderr.flush()
    for stream in (sys.stdout, sys.stderr):  # what is left in them would fail once more at the end
        with suppress(OSError):
            stream.close()


def _import_nothing_from_here() -> None:
    """An empty name in PYTHONPATH means the folder where the command runs: whoever wrote what is
    in it would have a say in what is imported.
    """
    with suppress(OSError):
        here = str(Path.cwd())
        sys.path[:] = [place for place in sys.path if place not in ("", ".", here)]


def _open_what_is_closed() -> None:
    """A standard stream that was closed (`>&-`) is nobody's: without this, a file that is opened
    later would stand in its place, and take what a library says there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def _speak_utf8() -> None:
    """What is said is UTF-8, whatever the surroundings are set to; what UTF-8 cannot say (half of a
    surrogate pair, as an answer may have it) is escaped.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
