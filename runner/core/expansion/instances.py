"""The value of for_each, count or matrix as instances: a key and a value each."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from runner.core.address import Key, on_axis
from runner.core.expansion.lazy import AxisValue, ByKey
from runner.core.expressions.template import Masked, holes
from runner.core.modules.module import Declared, Judging
from runner.core.values import Names, TemplateError, kind_of, to_text
from runner.errors import RunnerError, sentence

Pairs = list[tuple[Key, Any]]

_MOST = 1_000_000  # instances of one block


def pairs_of(declared: Declared, address: str, names: Names, masks: Masked) -> Pairs:
    """The instances of the repeated block at an address; RunnerError if its value gives none."""
    name = declared.repeated_by
    node = declared.meta[name]
    try:
        value = node.render(names)
        pairs = _pairs(name, value)
        if name != "count" and any(map(masks, holes(node))):
            raise TemplateError(
                f"{name} hangs on a sensitive value, and its keys would show in every plan"
            )
    except TemplateError as exc:
        said = f"In {address}: {sentence(exc.message)}"
        path = exc.path or (name,)
        problem = declared.block.problem(f"Invalid {name}", said, path, at=exc.at)
        raise RunnerError(problem) from exc
    return pairs


def _pairs(name: str, value: Any) -> Pairs:
    match name:
        case "for_each":
            return each_pairs(value)
        case "matrix":
            return matrix_pairs(value)
        case _:
            return count_pairs(value)


def each_pairs(value: Any) -> Pairs:
    """The instances of for_each, in the order of the value; TemplateError if it gives none."""
    return [*_keyed("for_each", value, str)]


def matrix_pairs(axes: Mapping[str, Any]) -> Pairs:
    """The instances of a matrix, in the order of their axes' names and of the values there;
    TemplateError if one of them gives no values. The value of each is its place on every axis.
    """
    values = [_values_on(axis, axes[axis]) for axis in sorted(axes)]
    sizes = [len(on_one) for on_one in values]
    if prod(sizes) > _MOST:
        shown = " x ".join([f"{size:,}" for size in sizes[:8]] + ["..."] * (len(sizes) > 8))
        raise TemplateError(f"a matrix has at most {_MOST:,} combinations; this has {shown}")
    return [(",".join([on.named for on in cell]), cell) for cell in product(*values)]


def _values_on(axis: str, value: Any) -> list[AxisValue]:
    try:
        keyed = _keyed(f"matrix.{axis}", value, str | int | float)
    except TemplateError as exc:
        raise TemplateError(exc.message, ("matrix", axis)) from exc
    return [AxisValue(axis, key, held, on_axis(axis, key)) for key, held in keyed]


def _keyed(name: str, value: Any, takes: Any) -> list[tuple[str, Any]]:
    """A value as keys and what stands there: of a map, or of a list whose items name themselves."""
    if isinstance(value, ByKey):
        return [(key, value.later(key)) for key in value]
    if isinstance(value, Mapping):
        return [(to_text(key), value[key]) for key in value]
    if not isinstance(value, Sequence | range) or isinstance(value, str):
        raise TemplateError(
            f"{name} wants a map, {_listed(name)}, or a table read with a key; "
            f"this is a {kind_of(value)}"
        )
    for index, item in enumerate(value):
        if not isinstance(item, takes):
            raise TemplateError(_no_key(name, index, item))
    keys = [to_text(item) for item in value]
    repeated = next((key for key, times in Counter(keys).items() if times > 1), None)
    if repeated is not None:
        each = "each string names one instance" if name == "for_each" else "each is one place on it"
        raise TemplateError(f'"{repeated}" stands twice in {name}; {each}')
    return list(zip(keys, value, strict=True))


def _listed(name: str) -> str:
    if name == "for_each":
        return "a list of distinct strings"
    return "a list of distinct strings, numbers or bools"


def count_pairs(value: Any) -> Pairs:
    """The instances of count; their values are None."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        shown = value if isinstance(value, int | float) else kind_of(value)
        raise TemplateError(f"count wants a whole number from 0; this is {shown}")
    if value > _MOST:
        raise TemplateError(f"count is at most {_MOST:,}; this is {value}")
    return [(index, None) for index in range(value)]


def verdict_keys(judged: str, key: Key | None, judging: Judging) -> Iterator[Key | None]:
    """The keys of the verdicts about the answer at an address: its key; its address where there may
    be answers of several blocks; and a number where an answer has several verdicts.
    """
    own: Key | None = key if judging.is_of_one else judged
    if judging.samples == 1:
        yield own
        return
    begin = "" if own is None else f"{own},"
    yield from (f"{begin}sample={number}" for number in range(judging.samples))


def _no_key(name: str, index: int, item: Any) -> str:
    if isinstance(item, Mapping):
        return (
            f"{name} has a list of tables, and a list gives its rows no names: insert one and "
            "every later row would be issued again. Name the rows by a column: "
            "csv('data.csv', key='id'), jsonl('data.jsonl', key='id'), or write a map"
        )
    return f"item {index} of {name} is a {kind_of(item)}; {_listed(name)} is what it takes"
