"""Answers as a table: CSV (RFC 4180), or one JSON object a line."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

import orjson

from runner.operations.recorded.answer_table import AnswerTable


def csv_lines(table: AnswerTable) -> Iterator[str]:
    """A line of names, then one for each row: nothing where there is nothing, lists and tables as
    JSON, true and false as JSON has them. A text is as it came, also one that a spreadsheet
    takes for a formula: the documentation says so.
    """
    yield _line(table.columns)
    for row in table.rows:
        yield _line([_cell(row.get(name)) for name in table.columns])


def jsonl_lines(table: AnswerTable) -> Iterator[str]:
    """An object for each row, with all columns; null where there is nothing."""
    for row in table.rows:
        told = {name: row.get(name) for name in table.columns}
        yield orjson.dumps(told).decode() + "\n"


def _line(values: Any) -> str:
    written = StringIO()
    csv.writer(written, lineterminator="\n").writerow(values)
    return written.getvalue()


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case str() | float():
            return value
        case _:
            return orjson.dumps(value).decode()
