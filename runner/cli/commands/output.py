"""`runner output`: one output, or all; read from outputs.json, so that it is quick, if they are
there.
"""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from runner.cli.parser.options import place_of
from runner.cli.streams import harmless
from runner.errors import error
from runner.operations.outputs.asked_outputs import asked_outputs

if TYPE_CHECKING:
    from runner.operations.reading.loaded import Loaded


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for."""
    if arguments.csv or arguments.jsonl:
        return _table(arguments)
    asked = asked_outputs(place_of(arguments), lambda: _read(arguments))
    if arguments.name is not None:
        _one(asked.value(arguments.name), raw=arguments.raw, as_json=arguments.json)
        return 0
    held = asked.all()
    if held or arguments.json:
        _all(held, as_json=arguments.json)
    else:
        sys.stderr.write(f"{asked.why_none()}\n")
    return 0


def _table(arguments: argparse.Namespace) -> int:
    from runner.cli.views.tables import csv_lines, jsonl_lines  # noqa: PLC0415  # the slow path
    from runner.operations.recorded.answer_table import answer_table  # noqa: PLC0415

    table = answer_table(place_of(arguments), arguments.name)
    sys.stdout.writelines(csv_lines(table) if arguments.csv else jsonl_lines(table))
    if table.left_out and not arguments.quiet:
        from runner.core.address import first_few  # noqa: PLC0415

        sys.stderr.write(f"Left out, as not accepted: {first_few(table.left_out, 5)}.\n")
    return 0


def _read(arguments: argparse.Namespace) -> "Loaded":
    from runner.cli.commands.reading import read  # noqa: PLC0415  # the slow path

    return read(arguments)


def _all(held: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(held, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
        return
    for name, value in held.items():
        sys.stdout.write(harmless("\n".join(_lines(name, value)) + "\n"))


def _lines(name: str, value: Any) -> list[str]:
    if isinstance(value, str) and "\n" in value:
        return [f"{name} = <<EOT", *value.removesuffix("\n").split("\n"), "EOT"]
    indent = 2 if isinstance(value, dict | list) else None
    text = json.dumps(value, indent=indent, ensure_ascii=False, sort_keys=True)
    return [f"{name} = {text}"]


def _one(value: Any, *, raw: bool, as_json: bool) -> None:
    if as_json:
        text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    elif isinstance(value, str):
        text = value if raw else value + "\n"
    elif raw and isinstance(value, dict | list | None):
        raise error(
            "Not text",
            "--raw prints text, a number or a bool, and this output is none of these. Use --json.",
        )
    else:
        text = json.dumps(value, indent=2, ensure_ascii=False) + ("" if raw else "\n")
    sys.stdout.write(text)
