"""What changed between two states, in Markdown: for a comment, an issue or a page."""

from collections.abc import Iterator

from runner.cli.views.difference import Shifts, rows_of, title_of
from runner.cli.views.markdown_parts import inline_code, table_cell
from runner.cli.views.review.report_markdown import change_details
from runner.operations.recorded.comparison import StateComparison


def diff_markdown(found: StateComparison, shifts: Shifts | None) -> str:
    """All of it. What others wrote is code in it, and neither Markdown nor HTML."""
    pieces = [f"### {table_cell(title_of(found))}"]
    if found.changes:
        pieces.append("\n".join(_table(found)))
    pieces += _shifted(shifts or ())
    pieces += map(change_details, found.changes)
    return "\n\n".join(pieces) + "\n"


def _table(found: StateComparison) -> Iterator[str]:
    yield "| | before | after |"
    yield "|---|---|---|"
    for row in rows_of(found):
        yield f"| {' | '.join(map(table_cell, row))} |"


def _shifted(shifts: Shifts) -> Iterator[str]:
    lines = [
        f"- {inline_code(one.check)} {'holds now' if one.holds else '**does not hold any more**'}: "
        f"{inline_code(one.address)}"
        for one in shifts
    ]
    if lines:
        yield "\n".join(lines)
