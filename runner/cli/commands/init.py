"""`runner init`: a small project that plans as it is written, or one that is there made ready: its
backend begun with, and its modules fetched.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runner.cli.parser.options import overrides_of, place_of
from runner.cli.terminal.asking import is_there
from runner.errors import counted
from runner.operations.files.new_project import IGNORED, new_project
from runner.operations.options import ProjectPlace

if TYPE_CHECKING:
    from runner.operations.reading.loaded import Ask


def run(arguments: argparse.Namespace) -> int:
    """Write what is not there yet; where there is a configuration already, begin to use its
    backend and fetch its modules.
    """
    asked = arguments.migrate_state or arguments.reconfigure or arguments.backend_config
    is_here = arguments.directory is None and _is_project(arguments)
    if asked or is_here or arguments.upgrade:
        return _make_ready(arguments, has_backend=bool(asked))
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


def _is_project(arguments: argparse.Namespace) -> bool:
    return any(Path(arguments.chdir, arguments.config).glob("*.toml"))


def _make_ready(arguments: argparse.Namespace, *, has_backend: bool) -> int:
    from runner.operations.states.migrating import means_backend  # noqa: PLC0415  # not a new project

    place = place_of(arguments)
    has_backend = has_backend or means_backend(place)
    if has_backend:
        _start(arguments)
    if not _fetch(arguments, place) and not has_backend:
        sys.stderr.write(
            "The project is there already, and nothing is to be fetched: no module stands in a "
            "repository, and the state is here. Another one: runner init DIR\n"
        )
    return 0


def _fetch(arguments: argparse.Namespace, place: ProjectPlace) -> bool:
    """Fetches the modules of repositories; whether there are any."""
    from runner.operations.reading.fetched_modules import fetch_modules  # noqa: PLC0415

    has_any = False
    for one in fetch_modules(place, _asks(arguments), upgrade=arguments.upgrade):
        has_any = True
        at = f"{one.source} at {one.ref}"
        commit = "" if one.commit is None else f", commit {one.commit[:12]}"
        match one.state:
            case "fetching":
                sys.stderr.write(f"Fetching {at}{commit}\n")
            case "fetched":
                sys.stderr.write(f"Fetched {at}{commit}\n")
            case "kept":
                sys.stderr.write(f"{at}{commit}, is there already.\n")
    return has_any


def _start(arguments: argparse.Namespace) -> int:
    from runner.operations.states.migrating import BackendStart, start_backend  # noqa: PLC0415

    states: Literal["copied", "left"] | None
    states = "copied" if arguments.migrate_state else "left" if arguments.reconfigure else None
    given, overrides = tuple(arguments.backend_config), overrides_of(arguments)
    start = BackendStart(states, arguments.force_copy, given, overrides)
    done = start_backend(place_of(arguments), start, _asks(arguments))
    for name, records in done.copied:
        sys.stderr.write(f"Copied the workspace {name}: {counted(records, 'record')}.\n")
    if done.copied:
        sys.stderr.write(f"What is in {done.before} was left there; nothing reads it any more.\n")
    sys.stderr.write(f"The state lives in {done.now}.\n")
    return 0


def _asks(arguments: argparse.Namespace) -> "Ask | None":
    from runner.cli.commands.reading import ask  # noqa: PLC0415

    return ask if is_there(arguments) and sys.stderr.isatty() else None


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
