"""`runner validate`: everything that can be known without a request."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace

import orjson

from runner.cli.commands.reading import read
from runner.cli.parser.options import options_of
from runner.cli.views.problems import by_place, diagnostic, tell_warnings
from runner.errors import Problem, RunnerError
from runner.operations.planning.whole import validated


def run(arguments: argparse.Namespace) -> int:
    """Check; with --json, one object in the shape that editors know from Terraform."""
    if arguments.schema:
        from importlib.resources import files  # noqa: PLC0415  # only for an editor's setup

        schema = files("runner") / "schemas" / "config.schema.json"
        sys.stdout.write(schema.read_text(encoding="utf-8"))
        return 0
    problems: list[Problem] = []
    try:
        project = read(arguments, replace(options_of(arguments), asks_backend=False))
        problems += project.warnings
        validated(project)
    except RunnerError as exc:
        if not arguments.json:
            raise
        problems += exc.problems
    if arguments.json:
        return _as_json(map(arguments.secrets.problem, problems))
    tell_warnings(project, as_json=arguments.json)
    sys.stdout.write("Success! The configuration is valid.\n")
    return 0


def _as_json(found: Iterable[Problem]) -> int:
    problems = by_place(found)
    errors = sum(problem.severity == "error" for problem in problems)
    told = {
        "format_version": "1.0",
        "valid": not errors,
        "error_count": errors,
        "warning_count": len(problems) - errors,
        "diagnostics": [diagnostic(problem) for problem in problems],
    }
    sys.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")
    return 1 if errors else 0
