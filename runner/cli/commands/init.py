"""`runner init`: a small project that plans as it is written, and runs without a key."""

import argparse
import shlex
import sys
from pathlib import Path

from runner.operations.new_project import IGNORED, new_project


def run(arguments: argparse.Namespace) -> int:
    """Write what is not there yet; RunnerError where there is a configuration already."""
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
