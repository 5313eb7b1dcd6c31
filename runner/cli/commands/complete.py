"""What a shell asks to complete a command line: a word a line, with what it is about."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runner.cli.parser.arguments import parser
from runner.cli.parser.cursor import Cursor, Offer, cursor
from runner.cli.parser.shell_words import shell_words
from runner.errors import RunnerError
from runner.operations.options import ProjectPlace

if TYPE_CHECKING:
    from runner.operations.recorded.candidates import NameKind

FILES, FOLDERS = ":files", ":folders"
"""Lines that ask the shell for names of its own, besides words."""


def run(arguments: argparse.Namespace) -> int:
    """Print what may stand at the cursor. A mistake in the project is another command's to tell:
    in the middle of a line there is no place for it.
    """
    words, cut = _asked(arguments.shell, arguments.words)
    here = cursor(parser(), words[1:-1], words[-1])
    try:
        for word, about in _words(here, arguments.chdir):
            whole = word if word in (FILES, FOLDERS) else (here.kept + word)[cut:]
            sys.stdout.write(_line(arguments.shell, whole, about))
    except (RunnerError, OSError):
        return 1
    return 0


def _asked(shell: str, given: Sequence[str]) -> tuple[list[str], int]:
    """The words of the line, the last one as far as it is typed; and how much of that one the shell
    keeps by itself: bash completes only what stands after the last `=` or `:`.
    """
    if shell == "zsh":
        return [*given], 0
    words = shell_words(given[0])
    if shell == "fish":
        return words, 0
    current = given[1]
    rest = shell_words(current)[-1] if current.strip("=:") else ""
    return words, max(len(words[-1]) - len(rest), 0)


def _words(here: Cursor, project: str) -> Iterator[Offer]:
    if here.wanted is None:
        yield from (word for word in here.words if word[0].startswith(here.typed))
        return
    for wanted in here.wanted.split("|"):
        yield from _values(here, wanted, project)


def _values(here: Cursor, wanted: str, project: str) -> Iterator[Offer]:
    match wanted:
        case _ if wanted in NAMED:
            yield from _named(here, wanted, project)
        case "TOPIC":
            from runner.cli.commands.docs import topics  # noqa: PLC0415

            yield from ((name, "") for name in topics() if name.startswith(here.typed))
        case "FILE" | "PLANFILE" | "BASE" | "OURS" | "THEIRS" | "PATH":
            yield FILES, ""
        case "DIR":
            yield FOLDERS, ""
        case _:
            pass  # a number, a host, an id: nobody knows


def _named(here: Cursor, wanted: str, project: str) -> Iterator[Offer]:
    """What the project has names for."""
    from runner.operations.recorded.candidates import candidates  # noqa: PLC0415  # flags need no project

    named = NAMED[wanted]
    if named == "address" and here.verb[0] in ("show", "state", "diff", "history"):
        named = "record"
    yield from candidates(_place(here, project), named, here.typed)


NAMED: dict[str, "NameKind"] = {
    "ADDR": "address",
    "EXPR": "value",
    "FROM": "record",
    "OUTPUT": "output",
    "WORKSPACE": "workspace",
    "PROVIDER": "provider",
    "NAME=VALUE": "variable",
    "CHECK": "check",
    "TAG": "tag",
    "REV": "revision",
}
"""What is completed by names of the project, as --help calls it."""


def _place(here: Cursor, project: str) -> ProjectPlace:
    given, usual = here.given, ProjectPlace()
    return ProjectPlace(
        given.get("chdir", project),
        given.get("config", usual.config),
        given.get("state", usual.state),
        given.get("workspace"),
    )


def _line(shell: str, word: str, about: str) -> str:
    told = " ".join(about.split())
    if shell == "bash" or not told or not told.isprintable():
        return f"{word}\n"
    return f"{word}\t{told}\n"
