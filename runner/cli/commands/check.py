"""`runner check`: whether the recorded answers are as they are expected to be."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace

import orjson

from runner.cli.commands.reading import read
from runner.cli.parser.arguments import UNMET
from runner.cli.views.checks.checks import checks_json, checks_text
from runner.cli.views.junit import is_junit
from runner.cli.views.problems import tell_warnings
from runner.cli.views.style import style
from runner.core.checks.changes import Checked
from runner.errors import error
from runner.operations.checks.checking import ChosenChecks, check_answers, check_both
from runner.operations.files.named_file import NamedFile
from runner.operations.observing import observed
from runner.operations.reading.loaded import Loaded

_MARKDOWN = b"| | check |"


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, tell, and write the reports that are asked for."""
    project = read(arguments)
    files = list(_files(project, arguments))
    for file, _ in files:
        file.target()  # known before anything is said
    with observed(project, "runner check"):
        checked = _checked(project, arguments)
    if checked.is_empty:
        raise error(
            "No checks",
            "There is no [check.NAME] block, or none that is meant, so nothing was checked. "
            "`runner docs checks` tells how one is written.",
        )
    for file, content in files:
        file.write(content(checked))
    tell_warnings(project, as_json=arguments.json)
    status = UNMET if checked.failing else 0
    if arguments.json:
        told = orjson.dumps(checks_json(checked, status), option=orjson.OPT_INDENT_2)
        sys.stdout.write(told.decode() + "\n")
    else:
        sys.stdout.write(checks_text(checked, style()))
    if arguments.github:
        from runner.cli.views.checks.check_reports import checks_github  # noqa: PLC0415  # by a flag

        out = sys.stderr if arguments.json else sys.stdout
        out.write(checks_github(checked, _in_repository(project)))
    return status


def _checked(project: Loaded, arguments: argparse.Namespace) -> Checked:
    chosen = ChosenChecks(tuple(arguments.names), tuple(arguments.tag or ()), outdated=True)
    if arguments.against is not None:
        from runner.operations.recorded.earlier import earlier_state  # noqa: PLC0415  # git, by a flag

        earlier = earlier_state(project, arguments.against)
        return check_both(project, chosen, earlier.state.records, earlier.name, arguments.fail_on)
    if arguments.fail_on == "regression":
        raise error(
            "Nothing to compare with",
            "Whether something held before is only known with --against REV, such as "
            "`runner check --against main... --fail-on regression`.",
        )
    return replace(check_answers(project, chosen), fail_on=arguments.fail_on)


def _in_repository(project: Loaded) -> str:
    """Where the project is in what GitHub has checked out, or from here."""
    top = os.environ.get("GITHUB_WORKSPACE") or "."
    return os.path.relpath(project.folders.project, top)


def _files(
    project: Loaded, arguments: argparse.Namespace
) -> list[tuple[NamedFile, Callable[[Checked], bytes]]]:
    """The reports that are asked for, and how each is made."""
    from runner.cli.views.checks.check_reports import (  # noqa: PLC0415  # by a flag
        checks_junit,
        checks_markdown,
    )

    folder = project.folders.project
    found: list[tuple[NamedFile, Callable[[Checked], bytes]]] = []
    if arguments.junit:
        named = NamedFile(folder, arguments.junit, "--junit", "JUnit report", is_junit)
        found.append((named, checks_junit))
    if arguments.markdown:
        named = NamedFile(
            folder, arguments.markdown, "--markdown", "report of checks",
            lambda data: data.startswith(_MARKDOWN),
        )  # fmt: skip
        found.append((named, lambda checked: checks_markdown(checked).encode()))
    return found
