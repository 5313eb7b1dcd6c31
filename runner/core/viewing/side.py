"""Answers beside each other: a row for each case, a column for each value of an axis."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from runner.core.address import axes_of, natural, on_axis, split_key
from runner.core.viewing.answer_columns import AnswerColumns


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


def side_choices(columns: AnswerColumns, compared: Collection[str] = ()) -> list[SideChoice]:
    """Every block with a matrix, in the order of the state; `compared` are the axes that the
    project itself compares by.
    """
    return [
        SideChoice(block, held.axes, held.usual(compared), len(held.cells))
        for block, held in _blocks(columns).items()
    ]


def side_by_side(columns: AnswerColumns, block: str, axis: str) -> SideBySide:
    """The answers of a block by an axis, cases in the order in which people count; without rows
    where there is no such block or axis.
    """
    held = _blocks(columns).get(block) or _Block({}, columns)
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
    for row, (block, axes) in _cells(columns):
        if axes:
            held.setdefault(block, {})[row] = axes
    return {block: _Block(cells, columns) for block, cells in held.items()}


def _cells(columns: AnswerColumns) -> Iterator[tuple[int, tuple[str, Mapping[str, str]]]]:
    kinds = columns.kind.values
    for row, at in enumerate(columns.kind.at):
        if kinds[at] == "completion" and "[" in columns.address[row]:
            yield row, _cell_of(columns.address[row])


def _cell_of(address: str) -> tuple[str, Mapping[str, str]]:
    try:
        block, key = split_key(address)
    except ValueError:
        return address, {}
    return block, axes_of(key)


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
