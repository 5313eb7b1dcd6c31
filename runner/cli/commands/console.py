"""`runner console`: expressions evaluated against the configuration and the recorded answers."""

import argparse
import json
import sys
from collections.abc import Iterable
from io import TextIOWrapper

from runner.cli.commands.reading import read
from runner.cli.views.problems import report, tell_warnings
from runner.core.secrets.secrets import Secrets
from runner.errors import RunnerError
from runner.operations.outputs.evaluate import Evaluator, evaluator

_LEAVE = ("exit", "quit")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate the expression that is given, or read some from the terminal, or line by line from
    stdin: 1 if one of those that were not typed at the prompt failed.
    """
    project = read(arguments)
    tell_warnings(project)
    known = evaluator(project)
    if arguments.expression is not None:
        return 1 if _each([arguments.expression], known, project.secrets) else 0
    if sys.stdin.isatty():
        from runner.cli.terminal.prompting import lines  # noqa: PLC0415  # 0.1 s, terminals only

        _each(lines([*known.names(), *_LEAVE]), known, project.secrets)
        return 0
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # what is not UTF-8 is no expression either
    return 1 if _each(sys.stdin, known, project.secrets) else 0


def _each(lines: Iterable[str], known: Evaluator, secrets: Secrets) -> int:
    """Evaluate each line; how many failed."""
    failed = 0
    for line in lines:
        source = line.strip()
        if source in _LEAVE:
            break
        if not source:
            continue
        try:
            sys.stdout.write(secrets.text(_text(known.value(source))) + "\n")
        except RunnerError as exc:
            failed += 1
            sys.stdout.flush()
            report(exc.problems, secrets)
        sys.stdout.flush()
    return failed


def _text(value: object) -> str:
    """As `output` prints it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
