"""The functions of expressions that go by values alone: lists, tables and texts.

Each is charged before it makes something. A value can be piped into them as well: `xs | flatten`.
"""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from hashlib import md5
from typing import Any

from runner.core.budget import OverBudgetError, current, size_of
from runner.core.canonical import digest
from runner.core.patterns import pattern
from runner.core.values import TemplateError, kind_of, no_such, to_text

_A_MATCH = 40  # steps


def _charged(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except OverBudgetError as exc:
            raise TemplateError(str(exc)) from exc

    return call


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TemplateError(f"{name} wants a list, not {kind_of(value)}")
    current().items(len(value), 4)
    return list(value)


def _map(name: str, value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise TemplateError(f"{name} wants a map, not {kind_of(value)}")
    current().spend(4 * len(value), 72 * len(value))
    return value


def _given_text(value: Any) -> str:
    text = to_text(value)
    current().text(size_of(text))
    return text


def _merge(*maps: Any) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for each in maps:
        if each is not None:  # what is not there adds nothing, as in Terraform
            made.update(_map("merge", each))
    return made


def _flatten(value: Any) -> list[Any]:
    return list(_flat(_list("flatten", value)))


def _flat(items: list[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, list | tuple):
            yield from _flat(_list("flatten", item))
        else:
            current().spend(4, 16)
            yield item


def _zip(*lists: Any) -> list[list[Any]]:
    held = [_list("zip", each) for each in lists]
    lengths = sorted({len(each) for each in held})
    if len(lengths) > 1:
        raise TemplateError(f"zip wants lists of one length, not of {lengths[0]} and {lengths[-1]}")
    current().spend(0, 72 * (lengths[0] if lengths else 0))
    return [list(row) for row in zip(*held, strict=True)]


def _slice(value: Any, start: Any, end: Any) -> list[Any]:
    items = _list("slice", value)
    whole = all(type(bound) is int for bound in (start, end))
    if not whole or not 0 <= start <= end <= len(items):
        said = f"slice wants 0 <= start <= end <= {len(items)}, the length of the list"
        raise TemplateError(f"{said}, not {to_text(start)} and {to_text(end)}")
    return items[start:end]


def _distinct(value: Any) -> list[Any]:
    seen: dict[Any, None] = {}
    made = []
    for item in _list("distinct", value):
        current().spend(0, current().weigh(item))
        key = _frozen(item)
        if key not in seen:
            seen[key] = None
            made.append(item)
    return made


def _frozen(value: Any) -> Any:
    """A value that is equal where JSON values are; true is not 1."""
    if isinstance(value, list | tuple):
        return (list, *map(_frozen, value))
    if isinstance(value, Mapping):
        return (dict, frozenset((key, _frozen(held)) for key, held in value.items()))
    return (bool, value) if isinstance(value, bool) else value


def _group(value: Any, key: Any) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for item in _list("groupby", value):
        try:
            held = item[key]
        except (LookupError, TypeError):
            raise TemplateError(no_such(item, key)) from None
        current().spend(_A_MATCH, 64)
        groups.setdefault(_given_text(held), []).append(item)
    return groups


def _regex_replace(value: Any, source: Any, new: Any) -> str:
    text = _given_text(value)
    current().text(size_of(text), 8)  # linear, whatever the pattern
    try:
        held = pattern(to_text(source))
    except ValueError as exc:
        raise TemplateError(f"regex_replace: this is no pattern: {exc}") from exc
    by, found = to_text(new), sum(1 for _ in held.finditer(text))
    current().spend(_A_MATCH * found, found * (size_of(by) + by.count("\\") * size_of(text)))
    try:
        made: str = held.sub(by, text)
    except Exception as exc:
        raise TemplateError(f"regex_replace: {by!r} is no replacement: {exc}") from exc
    return made


def _regex_findall(value: Any, source: Any) -> list[Any]:
    text = _given_text(value)
    current().text(size_of(text), 8)  # linear, whatever the pattern
    try:
        held = pattern(to_text(source))
    except ValueError as exc:
        raise TemplateError(f"regex_findall: this is no pattern: {exc}") from exc
    made = []
    for match in held.finditer(text):
        current().spend(_A_MATCH, 200 + sum(size_of(part or "") for part in match.groups()))
        current().text(size_of(match[0]))
        made.append(match.groupdict() or list(match.groups()) or match[0])
    return made


def _base64(value: Any) -> str:
    text = _given_text(value)
    current().text(size_of(text), 2)
    return base64.b64encode(text.encode()).decode()


def _base64decode(value: Any) -> str:
    try:
        return base64.b64decode(_given_text(value), validate=True).decode()
    except (binascii.Error, ValueError) as exc:
        raise TemplateError("base64decode: this is not text in base64") from exc


def _md5(value: Any) -> str:
    return md5(_given_text(value).encode(), usedforsecurity=False).hexdigest()


def _sha256(value: Any) -> str:
    return digest(_given_text(value).encode())


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "base64": _base64,
    "base64decode": _base64decode,
    "distinct": _distinct,
    "flatten": _flatten,
    "groupby": _group,
    "md5": _md5,
    "merge": _merge,
    "regex_findall": _regex_findall,
    "regex_replace": _regex_replace,
    "sha256": _sha256,
    "slice": _slice,
    "zip": _zip,
}
OF_VALUES: Mapping[str, Callable[..., Any]] = {
    name: _charged(function) for name, function in _FUNCTIONS.items()
}
"""By the name that an expression calls them by."""
PIPED = frozenset(OF_VALUES) - {"groupby", "slice"}
"""Those that are filters too; the engine's own filters of the other names do something else."""
