"""What changed outside, as a plan: each record with what differs, and the outputs that follow."""

from collections.abc import Iterator
from typing import Any

from runner.cli.streams import harmless, on_one_line
from runner.cli.views.page import Page
from runner.cli.views.plan import file_change_lines, output_change_lines
from runner.cli.views.style import Style
from runner.cli.views.values import short
from runner.core.plan.diff import ABSENT, Change
from runner.errors import counted
from runner.operations.applying.events import changed_value, version
from runner.operations.states.refresh import OutsideChange, RefreshPlan

_SAID = "  # "
_SHOWN = 10  # differences of one record
_LEAST = 20  # columns of a value


def refresh_text(plan: RefreshPlan, style: Style, *, full: bool = False) -> str:
    """Each change, then all of it in one line; `full` leaves none out, and cuts no value."""
    page = Page(style, full)
    lines = [line for change in plan.changes for line in (*_change(page, change), "")]
    lines += [f"{_SAID}{source} has moved to {target}" for source, target in plan.moves]
    lines += [""] if plan.moves else []
    if plan.outputs:
        lines += ["Changes to Outputs:", *output_change_lines(plan.outputs, page), ""]
    lines += page.end()
    if plan.files:
        lines += ["Changes to Files:", *file_change_lines(plan.files, style), ""]
    lines.append(style(style.wrapped(refresh_summary(plan)), "green" if plan.empty else "bold"))
    return harmless("\n".join(lines) + "\n")


def refresh_events(plan: RefreshPlan) -> Iterator[dict[str, Any]]:
    """An event for each change, and one for the whole."""
    yield version()
    for change in plan.changes:
        yield {
            "type": "refresh_change",
            "address": change.record.address,
            "action": change.word,
            "reason": _header(change),
            "changes": [changed_value(one.name, one.old, one.new) for one in change.differences],
        }
    yield {
        "type": "refresh_summary",
        "changes": len(plan.changes),
        "moves": [{"from": source, "to": target} for source, target in plan.moves],
        "outputs": [changed_value(name, old, new) for name, (old, new) in plan.outputs.items()],
        "files": [
            {"path": file.path, "output": file.output, "action": file.action} for file in plan.files
        ],
        "message": refresh_summary(plan),
    }


def refresh_summary(plan: RefreshPlan) -> str:
    """In one line."""
    if plan.empty:
        return "No changes. What is recorded is what the servers have."
    changed = [] if not plan.changes else [f"{counted(len(plan.changes), 'record')} to refresh"]
    moved = [] if not plan.moves else [f"{len(plan.moves)} to move"]
    outputs = [] if not plan.outputs else [f"{counted(len(plan.outputs), 'output')} to change"]
    files = [] if not plan.files else [f"{counted(len(plan.files), 'file')} to write"]
    return f"Refresh: {', '.join([*changed, *moved, *outputs, *files])}. Nothing is issued."


def _change(page: Page, change: OutsideChange) -> Iterator[str]:
    address = on_one_line(change.record.address)
    symbol, colour = ("+", "green") if change.old is None else ("~", "yellow")
    yield page.style(page.style.wrapped(f"{address} {_header(change)}", _SAID), "bold")
    yield f"{page.style(f'{symbol:>3}', colour)} {address}"
    differences = change.differences
    listed = differences if page.full else differences[:_SHOWN]
    yield from (_difference(page, one) for one in listed)
    if len(listed) < len(differences):
        page.is_cut = True
        yield page.grey(f"      # ({len(differences) - len(listed):,} more differ)")


def _difference(page: Page, change: Change) -> str:
    values = [value for value in (change.old, change.new) if value is not ABSENT]
    room = (page.width - len(change.name) - len("      ~  =  -> ")) // len(values)
    limit = None if page.full else max(_LEAST, room)
    page.is_cut = page.is_cut or any(short(value, limit) != short(value, None) for value in values)
    symbol = "+" if change.old is ABSENT else "-" if change.new is ABSENT else "~"
    said = " -> ".join(short(value, limit) for value in values)
    return f"      {symbol} {on_one_line(change.name)} = {said}"


def _header(change: OutsideChange) -> str:
    match change.word:
        case "read":
            return "says something new" if change.old is not None else "is read for the first time"
        case "changed":
            return "has other metadata at the server"
        case "gone":
            return "is gone from the server; its recorded answer is kept"
