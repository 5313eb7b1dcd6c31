"""`runner report`: what the answers are worth and what changed, for whoever reviews them."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson
from msgspec import Struct

from runner.cli.commands.reading import read
from runner.cli.parser.options import options_of
from runner.cli.views.plan import plan_text
from runner.cli.views.problems import tell_warnings
from runner.cli.views.review.report_json import report_json
from runner.cli.views.review.report_markdown import is_report_markdown, report_markdown
from runner.cli.views.style import Style
from runner.core.viewing.report import Report
from runner.errors import Problem
from runner.operations.checks.reporting import report_of
from runner.operations.files.named_file import NamedFile
from runner.operations.planning.plan import Planned
from runner.operations.planning.whole import whole_plan
from runner.operations.reading.loaded import Loaded
from runner.operations.recorded.earlier import earlier_state
from runner.operations.recorded.revisions import StateAt
from runner.operations.spending import costs
from runner.operations.viewing.reported import is_report_page, report_page, reported_view

_PLAIN = Style(colour=False)
_LEFT_OUT = Problem(
    "Report without what was asked",
    "With it, the HTML would be larger than --max-size: answers, checks and figures are all there.",
    None,
    "warning",
)
_IS_JSON = b'{\n  "format": "runner-report",'


def run(arguments: argparse.Namespace) -> int:
    """Write each form that is asked for; Markdown on stdout, if none is."""
    given = options_of(arguments)
    project = read(arguments, replace(given, overrides=replace(given.overrides, offline=True)))
    forms = list(_forms(project, arguments))
    for file, _ in forms:
        file.target()  # known before anything is looked at
    project.shares = False  # it needs no key, and sends nothing
    made = whole_plan(project)
    against = arguments.against
    earlier = None if against is None else earlier_state(project, against)
    report = report_of(project, made, arguments.names, earlier)
    found = _Found(project, report, made, earlier, arguments.names)
    for file, content in forms:
        file.write(content(found))
    tell_warnings(project)
    if not forms:
        sys.stdout.write(_markdown(found))
    return 0


class _Found(Struct, frozen=True):
    """A report, and what it was made of."""

    project: Loaded
    report: Report
    made: Planned
    earlier: StateAt | None
    names: Sequence[str]


_Content = Callable[[_Found], bytes]


def _forms(project: Loaded, arguments: argparse.Namespace) -> Iterator[tuple[NamedFile, _Content]]:
    """The files that are asked for, and how each is made."""
    folder = project.folders.project
    if arguments.markdown:
        yield (
            NamedFile(folder, arguments.markdown, "--markdown", "report", is_report_markdown),
            lambda found: _markdown(found).encode(),
        )
    if arguments.json_file:
        yield (
            NamedFile(folder, arguments.json_file, "--json", "report", _is_report_json),
            _json,
        )
    if arguments.html:
        yield (
            NamedFile(folder, arguments.html, "--html", "report", is_report_page),
            lambda found: _html(found, arguments.max_size),
        )


def _markdown(found: _Found) -> str:
    return report_markdown(found.report, plan_text(found.made, found.project.secrets, _PLAIN))


def _html(found: _Found, most: int | None) -> bytes:
    view = reported_view(found.project, found.report, found.names, found.earlier)
    page, is_whole = report_page(view, orjson.dumps(_in_short(_told(found))), most)
    if not is_whole:
        found.project.warnings.append(_LEFT_OUT)
    return page


def _in_short(told: dict[str, Any]) -> dict[str, Any]:
    """A report without what the page has by itself: what is said of each answer."""
    checks, since = told["checks"], told["since"]
    short = [{**each, "answers": None} for each in checks["checks"]]
    return {
        **told,
        "checks": {**checks, "checks": short, "outdated": None},
        "since": None if since is None else {**since, "changes": None},
    }


def _told(found: _Found) -> dict[str, Any]:
    return report_json(found.report, costs(found.project.prices))


def _json(found: _Found) -> bytes:
    told = _told(found)
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _is_report_json(data: bytes) -> bool:
    return data.startswith(_IS_JSON)
