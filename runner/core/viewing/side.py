"""Answers beside each other: a row for each case, a column for each value of an axis."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from runner.core.address import natural, on_axis
from runner.core.viewing.answer_columns import AnswerColumns, Coded


class SideCell(Struct):
    """Answers of one case on one value: rows of the table, those of the same text together, the
    most frequent text first.
    """

    alike: list[list[int]]


class SideRow(Struct):
    """One case: what its answers have in common, and a cell for each column; None where there is
    no answer. `differs` says that not all its answers have the same text.
    """

    name: str
    cells: list[SideCell | None]
    differs: bool


class SideBySide(Struct):
    """A block's answers by one axis of its matrix. `repeats` are the axes that no request uses:
    their answers stand in one cell.
    """

    block: str
    axis: str
    axes: list[str]
    repeats: list[str]
    columns: list[str]
    rows: list[SideRow]


class SideChoice(Struct, frozen=True):
    """A block that can be looked at so, by which axes, and by which of them people do."""

    block: str
    axes: list[str]
    usual: str
    answers: int


EVERYTHING = "*"
"""In the place of a block: all answers, which are then cases themselves."""

SOURCE = "source"
"""In the place of an axis: from which state an answer is."""


def side_choices(columns: AnswerColumns, compared: Collection[str] = ()) -> list[SideChoice]:
    """All answers where there are those of two states, then every block with a matrix, in the
    order of the state; `compared` are the axes that the project itself compares by.
    """
    several = len(columns.source.values) > 1
    all_of_it = [SideChoice(EVERYTHING, [SOURCE], SOURCE, len(columns.address))]
    return [
        *(all_of_it if several else ()),
        *(
            SideChoice(block, held.axes, held.usual(compared), len(held.cells))
            for block, held in _blocks(columns).items()
        ),
    ]


def side_by_side(columns: AnswerColumns, block: str, axis: str) -> SideBySide:
    """The answers of a block by an axis, cases in the order in which people count; without rows
    where there is no such block or axis.
    """
    if block == EVERYTHING:
        return _by_source(columns)
    return _by_axis(columns, block, axis, _blocks(columns).get(block) or _Block({}, columns))


def every_side(columns: AnswerColumns) -> Iterator[SideBySide]:
    """All that can be looked at so, by each axis."""
    if len(columns.source.values) > 1:
        yield _by_source(columns)
    for block, held in _blocks(columns).items():
        yield from (_by_axis(columns, block, axis, held) for axis in held.axes)


def _by_axis(columns: AnswerColumns, block: str, axis: str, held: "_Block") -> SideBySide:
    shown = [(row, axes) for row, axes in held.cells.items() if axis in axes]
    repeats = [name for name in held.repeats if name != axis]
    cells: dict[str, dict[str, list[int]]] = {}
    for row, axes in shown:
        case = _case(axes, (axis, *repeats))
        cells.setdefault(case, {}).setdefault(axes[axis], []).append(row)
    values = list(dict.fromkeys(axes[axis] for _, axes in shown))
    rows = [
        _row(case, [cells[case].get(value) for value in values], columns.same)
        for case in sorted(cells, key=natural)
    ]
    return SideBySide(block, axis, held.axes, repeats, values, rows)


def _by_source(columns: AnswerColumns) -> SideBySide:
    """The earlier state first, as one reads."""
    cells: dict[str, list[list[int] | None]] = {}
    sources = columns.source.values
    completion = _code_of(columns.kind, "completion")
    for row, address in enumerate(columns.address):
        if columns.kind.at[row] == completion:
            cells.setdefault(address, [None] * len(sources))[columns.source.at[row]] = [row]
    rows = [_row(address, cells[address][::-1], columns.same) for address in cells]
    for each in rows:
        each.differs = each.differs or None in each.cells  # it came, or it went
    return SideBySide(EVERYTHING, SOURCE, [SOURCE], [], sources[::-1], rows)


class _Block:
    """The rows of one block with their axes."""

    def __init__(self, cells: Mapping[int, Mapping[str, str]], columns: AnswerColumns) -> None:
        self.cells = cells
        self.axes = list(dict.fromkeys(axis for axes in cells.values() for axis in axes))
        self._asked = columns.asked

    @property
    def repeats(self) -> list[str]:
        """The axes on which the same was asked once more."""
        return [axis for axis in self.axes if self._is_repeat(axis)]

    def usual(self, compared: Collection[str]) -> str:
        """The axis that the project compares by, else the one of the fewest values: more than one,
        and no repeats, if there is such.
        """
        repeats = self.repeats

        def rank(axis: str) -> tuple[bool, bool, bool, int]:
            number = len({axes.get(axis) for axes in self.cells.values()})
            return axis not in compared, axis in repeats, number < 2, number

        return min(self.axes, key=rank)

    def _is_repeat(self, axis: str) -> bool:
        asked: dict[str, int] = {}
        several = False
        for row, axes in self.cells.items():
            case = _case(axes, (axis,))
            if case not in asked:
                asked[case] = self._asked[row]
                continue
            several = True
            if asked[case] != self._asked[row]:
                return False
        return several


def _blocks(columns: AnswerColumns) -> dict[str, _Block]:
    held: dict[str, dict[int, Mapping[str, str]]] = {}
    blocks, completion = columns.block, _code_of(columns.kind, "completion")
    on_any = {row for axis in columns.axes.values() for row, at in enumerate(axis.at) if at >= 0}
    for row in sorted(on_any):
        if columns.kind.at[row] == completion and columns.source.at[row] == 0:
            held.setdefault(blocks.values[blocks.at[row]], {})[row] = _axes_of(columns, row)
    return {block: _Block(cells, columns) for block, cells in held.items()}


def _code_of(column: Coded, value: str) -> int:
    return column.values.index(value) if value in column.values else -1


def _axes_of(columns: AnswerColumns, row: int) -> Mapping[str, str]:
    return {
        name: axis.values[axis.at[row]] for name, axis in columns.axes.items() if axis.at[row] >= 0
    }


def _case(axes: Mapping[str, str], without: Sequence[str]) -> str:
    """What is left of a key: the value alone where that is on one axis."""
    rest = {name: value for name, value in axes.items() if name not in without}
    if len(rest) == 1:
        return next(iter(rest.values()))
    return ",".join(on_axis(name, value) for name, value in rest.items())


def _row(case: str, cells: Sequence[list[int] | None], same: Sequence[int]) -> SideRow:
    texts = {same[row] for cell in cells if cell for row in cell}
    return SideRow(case, [_cell(cell, same) if cell else None for cell in cells], len(texts) > 1)


def _cell(rows: Sequence[int], same: Sequence[int]) -> SideCell:
    alike: dict[int, list[int]] = {}
    for row in rows:
        alike.setdefault(same[row], []).append(row)
    return SideCell(sorted(alike.values(), key=lambda group: -len(group)))
