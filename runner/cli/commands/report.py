"""`runner report`: what the answers are worth and what changed, for whoever reviews them."""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import orjson

from runner.cli.commands.reading import read
from runner.cli.parser.options import options_of
from runner.cli.views.plan import plan_text
from runner.cli.views.problems import tell_warnings
from runner.cli.views.report_json import report_json
from runner.cli.views.report_markdown import is_report_markdown, report_markdown
from runner.cli.views.style import Style
from runner.core.viewing.report import Report
from runner.operations.earlier import earlier_state
from runner.operations.loaded import Loaded
from runner.operations.named_file import NamedFile
from runner.operations.plan import Planned, whole_plan
from runner.operations.reporting import report_of
from runner.operations.spending import costs

_PLAIN = Style(colour=False)
_IS_JSON = b'{\n  "format": "runner-report",'


def run(arguments: argparse.Namespace) -> int:
    """Write each form that is asked for; Markdown on stdout, if none is."""
    given = options_of(arguments)
    project = read(arguments, replace(given, overrides=replace(given.overrides, offline=True)))
    forms = list(_forms(project, arguments))
    for file, _ in forms:
        file.target()  # known before anything is looked at
    made = whole_plan(project)
    against = arguments.against
    earlier = None if against is None else earlier_state(project, against)
    report = report_of(project, made, arguments.names, earlier)
    for file, content in forms:
        file.write(content(report, made))
    tell_warnings(project)
    if not forms:
        sys.stdout.write(_markdown(project, report, made))
    return 0


_Content = Callable[[Report, Planned], bytes]


def _forms(project: Loaded, arguments: argparse.Namespace) -> Iterator[tuple[NamedFile, _Content]]:
    """The files that are asked for, and how each is made."""
    folder = project.folders.project
    if arguments.markdown:
        yield (
            NamedFile(folder, arguments.markdown, "--markdown", "report", is_report_markdown),
            lambda report, made: _markdown(project, report, made).encode(),
        )
    if arguments.json_file:
        yield (
            NamedFile(folder, arguments.json_file, "--json", "report", _is_report_json),
            lambda report, _: _json(project, report),
        )


def _markdown(project: Loaded, report: Report, made: Planned) -> str:
    return report_markdown(report, plan_text(made, project.secrets, _PLAIN))


def _json(project: Loaded, report: Report) -> bytes:
    told = report_json(report, costs(project.prices))
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _is_report_json(data: bytes) -> bool:
    return data.startswith(_IS_JSON)
