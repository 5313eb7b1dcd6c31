"""`runner init`: a small project that plans as it is written, or a backend that is begun with."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Literal

from runner.cli.parser.options import overrides_of, place_of
from runner.cli.terminal.asking import is_there
from runner.errors import counted
from runner.operations.new_project import IGNORED, new_project


def run(arguments: argparse.Namespace) -> int:
    """Write what is not there yet; where there is a configuration already, begin to use its
    backend, and RunnerError if it has none.
    """
    asked = arguments.migrate_state or arguments.reconfigure or arguments.backend_config
    if asked or (arguments.directory is None and _has_backend(arguments)):
        return _start(arguments)
    kept = []
    directory = Path(arguments.chdir) / (arguments.directory or ".")
    for file in new_project(directory, arguments.config, arguments.template):
        if file.is_new:
            sys.stdout.write(f"{file.path}\n")
        else:
            kept.append(file.path)
    for path in kept:
        sys.stderr.write(f"{path} is there already, and was left as it is.\n")
    if any(path.name == ".gitignore" for path in kept):
        sys.stderr.write(f"It should name: {' '.join(IGNORED)}\n")
    if any(path.name == ".gitattributes" for path in kept):
        sys.stderr.write("`runner git-setup` adds to it what is missing.\n")
    sys.stderr.write(f"\nThe project is ready. Next:\n\n    {_next(arguments)}\n")
    return 0


def _has_backend(arguments: argparse.Namespace) -> bool:
    if not any(Path(arguments.chdir, arguments.config).glob("*.toml")):
        return False
    from runner.operations.migrating import has_backend  # noqa: PLC0415  # a new project has none

    return has_backend(place_of(arguments))


def _start(arguments: argparse.Namespace) -> int:
    from runner.cli.commands.reading import ask  # noqa: PLC0415
    from runner.operations.migrating import BackendStart, start_backend  # noqa: PLC0415

    asks = ask if is_there(arguments) and sys.stderr.isatty() else None
    states: Literal["copied", "left"] | None
    states = "copied" if arguments.migrate_state else "left" if arguments.reconfigure else None
    given, overrides = tuple(arguments.backend_config), overrides_of(arguments)
    start = BackendStart(states, arguments.force_copy, given, overrides)
    done = start_backend(place_of(arguments), start, asks)
    for name, records in done.copied:
        sys.stderr.write(f"Copied the workspace {name}: {counted(records, 'record')}.\n")
    if done.copied:
        sys.stderr.write(f"What is in {done.before} was left there; nothing reads it any more.\n")
    sys.stderr.write(f"The state lives in {done.now}.\n")
    return 0


def _next(arguments: argparse.Namespace) -> str:
    words = ["runner"]
    if arguments.chdir != ".":
        words += ["-C", arguments.chdir]
    if arguments.config != "configs":
        words += ["--config", arguments.config]
    if arguments.directory in (None, "."):
        return shlex.join([*words, "plan"])
    if arguments.chdir == ".":
        return f"cd {shlex.quote(arguments.directory)} && {shlex.join([*words, 'plan'])}"
    words[2] = str(Path(arguments.chdir) / arguments.directory)
    return shlex.join([*words, "plan"])
