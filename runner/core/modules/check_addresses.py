"""Whose answers a check or a comparison looks at."""

import re
from collections.abc import Iterator
from typing import Any

from runner.core.address import selector_of
from runner.core.modules.folder import Block
from runner.core.modules.module import CompiledModule, Declared, declared_at
from runner.core.suggest import did_you_mean, there_are
from runner.errors import Problem

_CHOICE = re.compile(r'\[[A-Za-z_]\w*=(?:"(?:[^"\\]|\\.)*"|[^"\]])*\]')  # of instances of a matrix


def named_addresses(block: Block) -> tuple[str, ...]:
    """What `of` names, as far as it is a list of texts."""
    of = block.table.get("of")
    listed = of if isinstance(of, list) else [of]
    return tuple(one for one in listed if isinstance(one, str))


def check_addresses(root: CompiledModule) -> Iterator[Problem]:
    """A problem for each address that names no completion, for each check that is compared and is
    none, and for an axis that no answer has.
    """
    checks = [check.block for check in root.checks.values()]
    for block in (*checks, *root.comparisons.values()):
        for index, address in enumerate(named_addresses(block)):
            path = ("of", index) if isinstance(block.table["of"], list) else ("of",)
            said = _fault(root, address)
            if said is not None:
                yield block.problem("Unknown address", said, path)
    for block in root.comparisons.values():
        yield from _compared(root, block)


def looked_at(root: CompiledModule, address: str) -> tuple[Declared, ...]:
    """The completions whose answers an address means; of a glob, all of the root module's."""
    if _is_glob(address):
        return tuple(root.completions.values())
    declared = declared_at(root, _CHOICE.sub("", address))
    return () if declared is None or declared.kind != "completion" else (declared,)


def with_schemas_read(entry: Any) -> Any:
    """An entry whose schema in a file is the expression that reads it."""
    match entry:
        case {"json_schema": {"file": str(name), **rest}} if not rest:
            return {**entry, "json_schema": "{{ json('" + name.replace("'", "\\'") + "') }}"}
        case {"not": dict(inner), **rest}:
            return {**rest, "not": with_schemas_read(inner)}
        case {"any": list(inner), **rest}:
            return {**rest, "any": [with_schemas_read(one) for one in inner]}
        case {"all": list(inner), **rest}:
            return {**rest, "all": [with_schemas_read(one) for one in inner]}
        case _:
            return entry


def _compared(root: CompiledModule, block: Block) -> Iterator[Problem]:
    for index, name in enumerate(block.table.get("checks", ())):
        if name not in root.checks:
            hint = did_you_mean(name, root.checks, there_are(list(root.checks)))
            said = f'There is no check "{name}".{hint}'
            yield block.problem("Unknown check", said, ("checks", index))
    meant = [one for address in named_addresses(block) for one in looked_at(root, address)]
    tables = [one.block.table.get("matrix") for one in meant]
    axes = [axis for table in tables if isinstance(table, dict) for axis in table]
    if meant and block.table["by"] not in axes:
        hint = did_you_mean(str(block.table["by"]), axes, there_are(axes) if axes else "")
        said = (
            f'by names an axis of a matrix, and no answer here has one called "{block.table["by"]}"'
            f".{hint}"
        )
        yield block.problem("Unknown axis", said, ("by",))


def _fault(root: CompiledModule, address: str) -> str | None:
    if _is_glob(address):
        return None
    if meant := looked_at(root, address):
        return _wrong_axis(meant[0], address) if address.startswith("completion.") else None
    known = [f"completion.{name}" for name in root.completions]
    hint = did_you_mean(address, known, there_are(known) if known else "")
    return (
        f'"{address}" names no completion.{hint} A check looks at the answers of a block '
        '("completion.answer"), of one instance (\'completion.answer["a"]\') or of some '
        '("completion.answer[model=gpt-4o]").'
    )


def _wrong_axis(declared: Declared, address: str) -> str | None:
    """Axes are literal, and so is a selector: what it asks of none is known before any instance."""
    selector, matrix = selector_of(address), declared.block.table.get("matrix", {})
    if selector is None or not isinstance(matrix, dict):
        return None
    for axis in (axis for wanted in selector.wanted for axis in wanted):
        if axis not in matrix:
            hint = did_you_mean(axis, matrix, there_are(list(matrix)) if matrix else "")
            return f'"{address}": {declared.address} has no axis "{axis}".{hint}'
    return None


def _is_glob(address: str) -> bool:
    bare = _CHOICE.sub("", address)
    return "*" in bare or "?" in bare
