"""What answers cost, by block, by model and by day: paid once, however often they are used."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from runner.core.address import natural
from runner.core.viewing.answer_columns import AnswerColumns, Coded


class CostLine(Struct):
    """Some answers. `paid` is what they cost in USD, those from the cache apart: `reused` so many,
    that would have cost `saved`; of `unpriced` it is not known.
    """

    name: str
    answers: int = 0
    prompt: int = 0
    completion: int = 0
    paid: float = 0.0
    unpriced: int = 0
    reused: int = 0
    saved: float = 0.0


class CostPage(Struct, frozen=True):
    """All of it, what costs most first; days in their order."""

    total: CostLine
    blocks: list[CostLine]
    models: list[CostLine]
    days: list[CostLine]


def cost_page(columns: AnswerColumns) -> CostPage:
    """What the answers of the state that is looked at cost, judges' verdicts among them."""
    rows = [*_rows(columns)]
    paid = _paid(columns, rows)

    def by(name: Callable[[int], str]) -> list[CostLine]:
        return [*_added(columns, rows, paid, name).values()]

    def dearest(of: Coded) -> list[CostLine]:
        lines = by(lambda row: of.values[of.at[row]])
        return sorted(lines, key=lambda line: (-line.paid, -line.answers, natural(line.name)))

    total = by(lambda _: "all")
    days = by(lambda row: columns.issued_at[row][:10])
    return CostPage(
        total[0] if total else CostLine("all"),
        dearest(columns.block),
        dearest(columns.model),
        sorted(days, key=lambda line: line.name),
    )


def _rows(columns: AnswerColumns) -> Iterator[int]:
    """Those that a model was asked for."""
    kinds, sources = columns.kind, columns.source
    for row in range(len(columns.address)):
        if sources.at[row] == 0 and kinds.values[kinds.at[row]] != "data":
            yield row


def _paid(columns: AnswerColumns, rows: list[int]) -> set[int]:
    """The first of those that are one answer to one request: the others came from the cache."""
    first: dict[tuple[int, int, str], int] = {}
    for row in rows:
        first.setdefault((columns.asked[row], columns.same[row], columns.issued_at[row]), row)
    return set(first.values())


def _added(
    columns: AnswerColumns, rows: list[int], paid: set[int], name: Callable[[int], str]
) -> dict[str, CostLine]:
    found: dict[str, CostLine] = {}
    for row in rows:
        line = found.setdefault(name(row), CostLine(name(row)))
        cost = columns.cost[row]
        line.answers += 1
        line.prompt += columns.prompt_tokens[row] or 0
        line.completion += columns.completion_tokens[row] or 0
        line.unpriced += cost is None
        if row in paid:
            line.paid += cost or 0.0
        else:
            line.reused += 1
            line.saved += cost or 0.0
    return found
