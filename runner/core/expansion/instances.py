"""The value of for_each or count as instances: a key and a value each."""

from collections.abc import Mapping, Sequence
from typing import Any

from runner.core.address import Key
from runner.core.expansion.lazy import ByKey
from runner.core.expressions.template import Masked, holes
from runner.core.modules.module import Declared
from runner.core.values import Names, TemplateError, kind_of, to_text
from runner.errors import RunnerError, sentence

Pairs = list[tuple[Key, Any]]


def pairs_of(declared: Declared, address: str, names: Names, masks: Masked) -> Pairs:
    """The instances of the repeated block at an address; RunnerError if its value gives none."""
    name = declared.repeated_by
    node = declared.meta[name]
    try:
        value = node.render(names)
        pairs = each_pairs(value) if name == "for_each" else count_pairs(value)
        if name == "for_each" and any(map(masks, holes(node))):
            raise TemplateError(
                "for_each hangs on a sensitive value, and its keys would show in every plan"
            )
    except TemplateError as exc:
        said = f"In {address}: {sentence(exc.message)}"
        path = exc.path or (name,)
        problem = declared.block.problem(f"Invalid {name}", said, path, at=exc.at)
        raise RunnerError(problem) from exc
    return pairs


def each_pairs(value: Any) -> Pairs:
    """The instances of for_each, in the order of the value; TemplateError if it gives none."""
    if isinstance(value, ByKey):
        return [(key, value.later(key)) for key in value]
    if isinstance(value, Mapping):
        return [(to_text(key), value[key]) for key in value]
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TemplateError(
            f"for_each wants a map, a list of distinct strings, or a table read with a key; "
            f"this is a {kind_of(value)}"
        )
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise TemplateError(_no_key(index, item))
    repeated = next((item for item, times in _tally(value).items() if times > 1), None)
    if repeated is not None:
        raise TemplateError(
            f'"{repeated}" stands twice in for_each; each string names one instance'
        )
    return [(item, item) for item in value]


def count_pairs(value: Any) -> Pairs:
    """The instances of count; their values are None."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        shown = value if isinstance(value, int | float) else kind_of(value)
        raise TemplateError(f"count wants a whole number from 0; this is {shown}")
    if value > 1_000_000:
        raise TemplateError(f"count is at most 1,000,000; this is {value}")
    return [(index, None) for index in range(value)]


def _no_key(index: int, item: Any) -> str:
    if isinstance(item, Mapping):
        return (
            "for_each has a list of tables, and a list gives its rows no names: insert one and "
            "every later row would be issued again. Name the rows by a column: "
            "csv('data.csv', key='id'), jsonl('data.jsonl', key='id'), or write a map"
        )
    return (
        f"item {index} of for_each is a {kind_of(item)}; a list for for_each holds distinct strings"
    )


def _tally(items: Sequence[str]) -> dict[str, int]:
    tally: dict[str, int] = {}
    for item in items:
        tally[item] = tally.get(item, 0) + 1
    return tally
