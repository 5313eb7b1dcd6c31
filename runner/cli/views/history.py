"""Earlier answers and commits: a line each, and as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from runner.cli.streams import harmless, on_one_line
from runner.cli.views.difference import change_in_words, change_json, total_cost
from runner.cli.views.page import Page, width_of
from runner.cli.views.style import Style
from runner.core.api.usage import usage_of
from runner.core.checks.verdicts import Standing
from runner.core.state.records import Record
from runner.core.viewing.changes import (
    CHANGE_WORDS,
    AnswerChange,
    AnswerMoved,
    AnswerRemoved,
    Priced,
    answers_of_changes,
    kind_of_change,
    totals,
)
from runner.core.viewing.versions import why_changed
from runner.errors import Problem
from runner.operations.recorded.past_states import ChangedIn
from runner.operations.recorded.revisions import short_id

_UNCOMMITTED = ("not yet", "-", "-")
_WIDEST = {"by": 16, "why": 48, "model served": 28, "subject": 50}
_GAP = "  "
_RIGHT = ("tokens", "cost", "checks")


class ToldCommit(Struct, frozen=True):
    """What is shown of one commit: the checks on the answers that came with it."""

    changed: ChangedIn
    standing: Standing | None = None


class HistoryTable:
    """Lines that come in one batch after another, in columns that are as wide as the first needs;
    where a terminal has no room for that, columns `may_be_below` stand under each line, the first
    of them first.
    """

    def __init__(self, style: Style, *may_be_below: str) -> None:
        self._style, self._may_be_below = style, may_be_below
        self._widths: dict[str, int] = {}
        self._below: tuple[str, ...] = ()

    def lines(self, rows: Sequence[dict[str, str]]) -> Iterator[list[str]]:
        """The lines of each row; with the first, those of the names."""
        rows = [{name: _cut(name, text) for name, text in row.items()} for row in rows]
        if not self._widths and rows:
            self._begin(rows)
            yield [self._style(self._line({name: name for name in rows[0]}), "bold")]
        for row in rows:
            yield [self._line(row), *self._lines_below(row)]

    def _begin(self, rows: Sequence[dict[str, str]]) -> None:
        for name in rows[0]:
            self._widths[name] = max(width_of(text) for text in (name, *(r[name] for r in rows)))
        while not self._fits and len(self._below) < len(self._may_be_below):
            self._below = self._may_be_below[: len(self._below) + 1]

    @property
    def _fits(self) -> bool:
        wide = [width for name, width in self._widths.items() if name not in self._below]
        room = sum(wide) + len(_GAP) * (len(wide) - 1)
        return self._style.width is None or room <= self._style.width

    def _lines_below(self, row: dict[str, str]) -> Iterator[str]:
        for name in (name for name in row if name in self._below and row[name]):
            yield self._style.wrapped(row[name], "    ")

    def _line(self, row: dict[str, str]) -> str:
        cells = []
        for name in (name for name in row if name not in self._below):
            space = " " * max(self._widths[name] - width_of(row[name]), 0)
            cells.append(f"{space}{row[name]}" if name in _RIGHT else f"{row[name]}{space}")
        return _GAP.join(cells).rstrip()


def _cut(name: str, text: str) -> str:
    most = _WIDEST.get(name)
    text = on_one_line(text)
    return text if most is None or len(text) <= most else f"{text[: most - 2]}.."


def version_row(told: ToldCommit, address: str, price: Priced, *, checks: bool) -> dict[str, str]:
    """One version of an answer."""
    (change,) = told.changed.changes
    record = None if isinstance(change, AnswerRemoved) else change.after
    moved_on = isinstance(change, AnswerMoved) and change.address != address
    why = f"moved to {change.address}" if moved_on else why_changed(change)
    if record is not None and record.status != "complete" and not why.endswith(record.status):
        why += f" ({record.status})"
    used = None if record is None or moved_on else usage_of(record.response)
    came = () if record is None or moved_on else (record,)
    row = {
        **_commit(told.changed),
        "why": _oldest(told.changed) if told.changed.is_oldest else why,
        "model served": (used.model or "") if used else "",
        "tokens": f"{used.prompt}+{used.completion}" if used else "",
        "cost": _cost(came, price),
    }
    if checks:
        row["checks"] = _worth(told.standing)
    return row


def commit_row(told: ToldCommit, price: Priced, *, checks: bool) -> dict[str, str]:
    """What one commit did to all answers."""
    tally = Counter(map(kind_of_change, told.changed.changes))
    said = ", ".join(f"{tally[word]} {word}" for word in CHANGE_WORDS if tally[word])
    row = {
        **_commit(told.changed),
        "answers": _oldest(told.changed) if told.changed.is_oldest else said,
        "cost": _cost(answers_of_changes(told.changed.changes), price),
    }
    if checks:
        row["checks"] = _worth(told.standing)
    return row | {"subject": told.changed.commit.subject if told.changed.commit else ""}


def version_lines(change: AnswerChange, price: Priced, style: Style, *, full: bool) -> list[str]:
    """What changed in it, below its line."""
    page = Page(style, full, in_words=True)
    return ["", *change_in_words(page, change, price), ""]


def history_json(
    told: Sequence[ToldCommit], price: Priced, notes: Sequence[Problem]
) -> dict[str, Any]:
    """All of it, newest first."""
    return {
        "commits": [_told_json(one, price) for one in told],
        "notes": [f"{one.summary}: {one.detail}" for one in notes],
    }


def rows_text(rows: Iterator[list[str]]) -> str:
    """Lines as they are written."""
    return harmless("".join(f"{line}\n" for row in rows for line in row))


def _told_json(told: ToldCommit, price: Priced) -> dict[str, Any]:
    commit = told.changed.commit
    about = None
    if commit is not None:
        about = {
            "id": commit.id,
            "parents": [*commit.parents],
            "author": commit.author,
            "date": commit.date,
            "subject": commit.subject,
        }
    return {
        "commit": about,
        "serial": None if told.changed.kept is None else told.changed.kept.serial,
        "is_oldest": told.changed.is_oldest,
        "checks": None if told.standing is None else [told.standing.held, told.standing.told],
        "changes": [
            {**change_json(change, price), "why": why_changed(change)}
            for change in told.changed.changes
        ],
    }


def _commit(changed: ChangedIn) -> dict[str, str]:
    commit = changed.commit
    when, short, author = _UNCOMMITTED
    if changed.kept is not None:
        when, short, author = changed.kept.written[:10], f"serial {changed.kept.serial}", ""
    if commit is not None:
        when, short, author = commit.date[:10], short_id(commit.id), commit.author
    return {"when": when, "commit": short, "by": author}


def _cost(came: Sequence[Record], price: Priced) -> str:
    return total_cost(totals(came, price)) if came else ""


def _oldest(changed: ChangedIn) -> str:
    return "oldest in this clone" if changed.kept is None else "oldest that is kept"


def _worth(standing: Standing | None) -> str:
    return f"{standing.held} of {standing.told}" if standing and standing.told else ""
