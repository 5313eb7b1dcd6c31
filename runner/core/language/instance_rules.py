"""What must hold of `for_each`, `count` and `matrix`, which give a block its instances."""

from collections.abc import Iterator, Mapping
from typing import Any

from runner.core.address import Path
from runner.core.canonical import dotted
from runner.core.language.findings import Finding, IsHole, in_short
from runner.core.language.names import REPEATING, is_identifier
from runner.core.values import to_text

_WHAT_FOR = {
    "for_each": "each entry",
    "count": "each index",
    "matrix": "each combination",
}


def instance_findings(table: Mapping[str, Any], hole: IsHole) -> Iterator[Finding]:
    """What is wrong with what gives a block its instances."""
    yield from _conflicts([name for name in REPEATING if name in table])
    entries = table.get("for_each")
    if isinstance(entries, list):
        yield from _entries(("for_each",), entries, hole)
    if "matrix" in table:
        yield from _matrix(table["matrix"], hole)


def _conflicts(named: list[str]) -> Iterator[Finding]:
    for second in named[1:]:
        first = named[0]
        yield Finding(
            (second,),
            "Conflicting keys",
            f"{first} and {second} exclude each other: there is an instance for "
            f"{_WHAT_FOR[first]}, or one for {_WHAT_FOR[second]}. Remove one of them.",
        )


def _matrix(axes: object, hole: IsHole) -> Iterator[Finding]:
    if hole(axes):
        said = (
            "The axes of a matrix are known before any expression is evaluated: write matrix.AXIS "
            "for each, whose value may be one."
        )
        yield Finding(("matrix",), "Expression not allowed", said)
        return
    if not isinstance(axes, Mapping):
        return  # its shape is told by its type
    for axis, entries in axes.items():
        path = ("matrix", axis)
        yield from _axis_name(path, axis, axes)
        if isinstance(entries, list):
            yield from _entries(path, entries, hole)


def _axis_name(path: Path, axis: str, axes: Mapping[str, Any]) -> Iterator[Finding]:
    if not is_identifier(axis):
        said = f"The name of an axis is made of letters, digits and _, and {in_short(axis)} is not."
        yield Finding(path, "Invalid name", said)
    if axis.endswith("_key") and axis.removesuffix("_key") in axes:
        said = (
            f"matrix.{axis} is the key of the axis {axis.removesuffix('_key')} already: give one "
            "of them another name."
        )
        yield Finding(path, "Conflicting keys", said)


def _entries(path: Path, entries: list[Any], hole: IsHole) -> Iterator[Finding]:
    """What is wrong with a list that gives keys: of the first that gives none, and each that gives
    one again.
    """
    is_axis = path[0] == "matrix"
    takes = str | int | float if is_axis else str
    wanted = "a string, a number or true or false" if is_axis else "a string"
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        at = (*path, index)
        if not isinstance(entry, takes):
            yield Finding(
                at,
                "Wrong type",
                f"{dotted(at)} must be {wanted}, but it is {in_short(entry)}: each instance "
                "needs a key that stays when others come and go. Write a map, or read a table with "
                "a key.",
            )
            return
        key = to_text(entry)
        if key in seen and not hole(entry):
            yield Finding(at, "Duplicate name", f"{dotted(at)}, {in_short(entry)}, is there twice.")
        seen.add(key)
