"""Whose answers a check or a comparison looks at."""

import re
from collections.abc import Iterator
from typing import Any

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
    """A problem for each address that names no completion."""
    for block in (check.block for check in root.checks.values()):
        for index, address in enumerate(named_addresses(block)):
            path = ("of", index) if isinstance(block.table["of"], list) else ("of",)
            said = _fault(root, address)
            if said is not None:
                yield block.problem("Unknown address", said, path)


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


def _fault(root: CompiledModule, address: str) -> str | None:
    if _is_glob(address) or looked_at(root, address):
        return None
    known = [f"completion.{name}" for name in root.completions]
    hint = did_you_mean(address, known, there_are(known) if known else "")
    return (
        f'"{address}" names no completion.{hint} A check looks at the answers of a block '
        '("completion.answer"), of one instance (\'completion.answer["a"]\') or of some '
        '("completion.answer[model=gpt-4o]").'
    )


def _is_glob(address: str) -> bool:
    bare = _CHOICE.sub("", address)
    return "*" in bare or "?" in bare
