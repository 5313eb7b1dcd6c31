"""Recorded answers as a table: a row each, with the values of its instance and what it took."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.core.address import axes_of, blocks_of, in_order, split_key
from runner.core.api.answer import Answer, output_value
from runner.core.api.usage import usage_of
from runner.core.state.records import Record, State
from runner.io.prices import Prices
from runner.operations.options import ProjectPlace
from runner.operations.recorded.records import held_state, prices_at, selected
from runner.operations.spending import cost_of

_FIXED = (
    *("answer", "status", "finish_reason", "served_model", "prompt_tokens", "completion_tokens"),
    *("cost", "seconds"),
)


@dataclass(frozen=True, slots=True)
class AnswerTable:
    """`columns` in their order; what a row does not have is None. `left_out` are the addresses of
    answers that were not accepted.
    """

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    left_out: tuple[str, ...] = ()


def answer_table(place: ProjectPlace, named: str | None) -> AnswerTable:
    """The answers of a block (`review` or `completion.review`), of a selector, of a glob, or all;
    RunnerError where there is none. `key` is that of for_each or count; each axis of a matrix has
    a column of its own name.
    """
    _, state = held_state(place)
    records = [state.records[address] for address in _addresses(state, named)]
    kept = [record for record in records if not record.rejected]
    keys = [_keys_of(record.address) for record in kept]
    names = tuple(dict.fromkeys(name for held in keys for name in held))
    prices = prices_at(place)
    rows = tuple(
        {"address": record.address, **held, **dict(_facts(record, prices))}
        for record, held in zip(kept, keys, strict=True)
    )
    left_out = tuple(record.address for record in records if record.rejected)
    return AnswerTable(("address", *names, *_FIXED), rows, left_out)


def _addresses(state: State, named: str | None) -> Iterator[str]:
    pattern = named
    if named is not None and not named.startswith(("completion.", "module.", "*")):
        pattern = f"completion.{named}"
    found = in_order(state.records) if pattern is None else selected(state, [pattern])
    return (address for address in found if blocks_of(address)[-1][0] == "completion")


def _keys_of(address: str) -> dict[str, str | int]:
    """The axes of an instance, or its key; an axis that is called as another column is has
    `matrix.` before its name.
    """
    _, key = split_key(address)
    axes = axes_of(key)
    if axes:
        taken = ("address", *_FIXED)
        return {f"matrix.{name}" if name in taken else name: axes[name] for name in axes}
    return {} if key is None else {"key": key}


def _facts(record: Record, prices: Prices) -> Iterator[tuple[str, Any]]:
    answer, used = Answer(record.response), usage_of(record.response)
    values = (
        output_value(answer),
        record.status,
        answer["finish_reason"],
        answer["model"],
        None if used is None else used.prompt,
        None if used is None else used.completion,
        cost_of(record, prices),
        record.duration_ms / 1000,
    )
    return zip(_FIXED, values, strict=True)
