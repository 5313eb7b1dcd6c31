"""Answers beside each other, and how their texts differ."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from runner.core.viewing.answer_columns import shown_text
from runner.core.viewing.side import SideBySide, SideChoice, side_by_side, side_choices
from runner.core.viewing.words import DiffSpan, word_diff
from runner.errors import error
from runner.operations.viewing.held_answers import HeldAnswers
from runner.operations.viewing.project_view import ProjectView

_LONGEST = 20_000  # characters of a text in a cell
_MOST = 200  # texts at a time


class CellText(Struct, frozen=True):
    """The text of a row, cut where it is longer than a cell shows."""

    row: int
    text: str
    length: int


class TextChange(Struct, frozen=True):
    """How the text of one row became that of another; `pair` names both."""

    pair: str
    spans: tuple[DiffSpan, ...]


def side_names(view: ProjectView, _: Mapping[str, str]) -> list[SideChoice]:
    """Every block that can be looked at so."""
    return _known(view)


def _known(view: ProjectView) -> list[SideChoice]:
    return [] if view.answers is None else side_choices(view.answers.columns, view.compared)


def side(view: ProjectView, query: Mapping[str, str]) -> SideBySide:
    """The block and the axis that `block` and `by` name, or those that come first."""
    held = view.answers
    known = _known(view)
    chosen = next((each for each in known if each.block == query.get("block", each.block)), None)
    if held is None or chosen is None:
        raise error(
            "Nothing to compare",
            "No block has answers of a matrix. `runner docs matrix` tells how one is written.",
        )
    axis = query.get("by", "")
    return side_by_side(held.columns, chosen.block, axis if axis in chosen.axes else chosen.usual)


def cells(view: ProjectView, query: Mapping[str, str]) -> list[CellText]:
    """The texts of the rows `rows`, numbers with commas between."""
    held = view.answers
    return [] if held is None else list(_texts(held, query.get("rows", "")))


def words(view: ProjectView, query: Mapping[str, str]) -> list[TextChange]:
    """How texts differ, word by word: `pairs` are two rows each, `3-5,3-6`, the former against the
    latter.
    """
    held = view.answers
    return [] if held is None else list(_changes(held, query.get("pairs", "")))


def _changes(held: HeldAnswers, pairs: str) -> Iterator[TextChange]:
    for pair in pairs.split(",")[:_MOST]:
        one, _, other = pair.partition("-")
        texts = [text.text for text in _texts(held, f"{one},{other}")]
        if len(texts) == 2:
            yield TextChange(pair, word_diff(*texts))


def _texts(held: HeldAnswers, rows: str) -> Iterator[CellText]:
    named = (int(each) for each in rows.split(",")[:_MOST] if each.isdecimal() and len(each) < 10)
    for row in named:
        if row < len(held):
            record = held.record(row)
            text, _ = shown_text(record)
            yield CellText(row, text[:_LONGEST], len(text))
