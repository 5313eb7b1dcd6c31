"""Answers beside each other: what is a case, what is a column, and what is a repeat."""

from collections.abc import Iterable

from runner.core.state.records import Record
from runner.core.viewing.answer_columns import AnswerColumns, answer_columns
from runner.core.viewing.side import SideBySide, side_by_side, side_choices


def columns(*answers: tuple[str, str, str]) -> AnswerColumns:
    """Of each answer its key, its text, and what tells its request from others."""

    def records() -> Iterable[Record]:
        for key, text, asked in answers:
            choice = b'{"choices":[{"message":{"content":"%b"}}]}' % text.encode()
            yield Record(f'completion.a["{key}"]', "openai", "o u", asked, 0, b"{}", choice, "")

    return answer_columns([("now", records())], lambda _: None)


def texts(side: SideBySide) -> list[list[int | None]]:
    """How many answers there are in each cell."""
    return [
        [None if cell is None else sum(map(len, cell.alike)) for cell in row.cells]
        for row in side.rows
    ]


def test_a_row_is_a_case_and_a_column_a_value() -> None:
    held = columns(
        ("case=q2,model=m", "x", "1"), ("case=q2,model=n", "x", "2"), ("case=q10,model=m", "y", "3")
    )
    side = side_by_side(held, "completion.a", "model")
    assert side.columns == ["m", "n"]
    assert [row.name for row in side.rows] == ["q2", "q10"]
    assert texts(side) == [[1, 1], [1, None]]
    assert [row.differs for row in side.rows] == [False, False]


def test_answers_that_differ_are_told() -> None:
    held = columns(("case=q,model=m", "x", "1"), ("case=q,model=n", "y", "2"))
    assert side_by_side(held, "completion.a", "model").rows[0].differs


def test_what_was_asked_the_same_is_a_repeat_whatever_its_axis_is_called() -> None:
    held = columns(
        ("case=q,again=1", "Lima", "1"),
        ("case=q,again=2", "Quito", "1"),
        ("case=q,again=3", "Lima", "1"),
        ("case=r,again=1", "Oslo", "2"),
    )
    side = side_by_side(held, "completion.a", "case")
    assert side.repeats == ["again"]
    cell = side.rows[0].cells[0]
    assert cell is not None
    assert cell.alike == [[0, 2], [1]]  # Lima twice, Quito once


def test_the_axis_is_the_one_that_the_project_compares_by() -> None:
    held = columns(*((f"case={c},tone={t}", "x", f"{c}{t}") for c in "pqr" for t in "st"))
    assert side_choices(held)[0].usual == "tone"  # the fewest columns
    assert side_choices(held, ["case"])[0].usual == "case"


def test_a_block_without_a_matrix_is_none() -> None:
    assert side_choices(columns(("plain", "x", "1"))) == []
    assert side_by_side(columns(), "completion.a", "case").rows == []
