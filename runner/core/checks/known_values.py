"""The values that expressions gave an entry: as they would have been written, and what is wrong."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.core.address import Path
from runner.core.language.check import check_entry
from runner.core.values import to_text

_TEXTS = frozenset(("equals", "contains", "starts_with", "ends_with", "matches", "similarity"))
_LISTS = frozenset(("contains_any", "contains_all", "one_of", "names", "finish_reason"))
_ENTRIES = frozenset(("any", "all"))
_NUMBERS = frozenset(("equals", "within", "min", "max", "at_least"))
_TABLES = frozenset(
    (
        *("number", "words", "characters", "lines", "tokens"),
        *("cost", "seconds", "output_tokens", "tool_calls"),
    )
)


@dataclass(frozen=True, slots=True)
class ValueFault:
    """What is wrong with a value. `is_nothing`: there is none, but a null or something empty, so
    that nothing is asked of the answer.
    """

    path: Path
    said: str
    is_nothing: bool


def as_if_written(table: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as it would have been written: data has numbers that are meant as texts, and texts
    that are meant as numbers.
    """
    return {key: _value(key, value) for key, value in table.items()}


def value_fault(path: Path, table: dict[str, Any], *, is_score: bool) -> ValueFault | None:
    """The first thing wrong in an entry that stands at a path."""
    found = check_entry(path, table, is_score=is_score)
    if not found:
        return None
    first = found[0]
    value: Any = table
    for step in first.path[len(path) :]:
        held = isinstance(value, dict) and step in value
        held = held or (isinstance(value, list) and isinstance(step, int) and step < len(value))
        value = value[step] if held else False
    return ValueFault(first.path, first.detail, value is None or value in ("", [], {}))


def _value(key: str, value: Any) -> Any:
    match value:
        case dict() if key == "not":
            return as_if_written(value)
        case dict() if key in _TABLES:
            return {name: _in_table(name, inner) for name, inner in value.items()}
        case dict() if key == "tool_call":
            return {**value, "name": _text(value["name"])} if "name" in value else value
        case list() if key in _ENTRIES:
            return [as_if_written(one) if isinstance(one, dict) else one for one in value]
        case list() if key in _LISTS:
            return [_text(one) for one in value]
        case _ if key in _TEXTS or key == "finish_reason":
            return _text(value)
        case _:
            return _number(value) if key == "at_least" else value


def _in_table(key: str, value: Any) -> Any:
    if key in _NUMBERS:
        return _number(value)
    return [_text(one) for one in value] if key in _LISTS and isinstance(value, list) else value


def _text(value: Any) -> Any:
    return to_text(value) if isinstance(value, int | float) else value


def _number(value: Any) -> Any:
    """A number that is whole as a whole one, which is what some limits want."""
    try:
        number = float(value) if isinstance(value, str | float) else value
    except ValueError:
        return value
    if not isinstance(number, float) or not math.isfinite(number):
        return value
    return int(number) if number.is_integer() else number
