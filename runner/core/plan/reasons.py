"""Why a request is issued again, where what is shown of the two requests does not say it."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

from runner.core.address import Path
from runner.core.api.names import TRANSPORT
from runner.core.canonical import canonical, fingerprint
from runner.core.plan.diff import leaves
from runner.core.received import value_of
from runner.core.request.build import Request
from runner.core.request.provider import identity_json
from runner.core.state.records import Record
from runner.core.values import MASK

_CHANGED = "a sensitive value changed"
_MAY_HAVE = "a sensitive value may have changed"
_FOREIGN = "the state has another fingerprint for this very request"
_TRIED = 256


def reason(record: Record | None, request: Request) -> str:
    """In words; empty where the changes that a plan shows say it all.

    No sensitive value has changed if the recorded request, with values of now in place of its
    masks, has the recorded fingerprint; where masks came or went, another may have been there.
    """
    if record is None:
        return "new"
    old, new = _parts(record.request, record.triggers), _parts(request.recorded, request.triggers)
    alike = (record.identity, old) == (request.identity, new)
    if MASK.encode() not in request.recorded + (request.triggers or b""):
        return _FOREIGN if alike else ""
    if alike:
        return _CHANGED
    values = _values(new, _parts(request.body, request.plain_triggers))
    places = [(path, text.count(MASK)) for path, text in _masked(old)]
    for tried in _assignments(values, sum(count for _, count in places)):
        if _fingerprint(_unmasked(old, iter(tried)), record.identity) == record.fingerprint:
            return ""
    same = places == [(path, text.count(MASK)) for path, text in _masked(new)]
    return _CHANGED if same else _MAY_HAVE


def _assignments(values: list[Any], masks: int) -> Iterator[tuple[Any, ...]]:
    """Which value may have stood for which mask: each in its order, then any, if they are few."""
    if len(values) == masks:
        yield tuple(values)
    distinct = [value for at, value in enumerate(values) if value not in values[:at]]
    if len(distinct) ** masks <= _TRIED:
        yield from product(distinct, repeat=masks)


def _parts(body: bytes, triggers: bytes | None) -> list[Any]:
    return [value_of(body), None if triggers is None else value_of(triggers)]


def _fingerprint(parts: list[Any], identity: str) -> str:
    asked = {key: value for key, value in parts[0].items() if key not in TRANSPORT}
    triggers = None if parts[1] is None else canonical(parts[1])
    return fingerprint(canonical(asked), identity_json(identity), triggers)


def _masked(parts: list[Any]) -> Iterator[tuple[Path, str]]:
    for path, text in leaves(parts):
        if isinstance(text, str) and MASK in text:
            yield path, text


def _values(shown: list[Any], plain: list[Any]) -> list[Any]:
    """What stands for each mask in a request, in order."""
    found: list[Any] = []
    for path, text in _masked(shown):
        value = _at(plain, path)
        if text == MASK:
            found.append(value)
        elif isinstance(value, str):
            parts = "(.*)".join(map(re.escape, text.split(MASK)))
            match = re.fullmatch(parts, value, re.DOTALL)
            found += match.groups() if match is not None else ()
    return found


def _at(value: Any, path: Path) -> Any:
    try:
        for part in path:
            value = value[part]
    except (LookupError, TypeError):  # masked as a whole, it has another shape
        return MASK
    return value


def _unmasked(value: Any, values: Iterator[Any]) -> Any:
    """A value with the next of these in place of each mask."""
    match value:
        case dict():
            return {key: _unmasked(inner, values) for key, inner in value.items()}
        case list():
            return [_unmasked(inner, values) for inner in value]
        case str() if value == MASK:
            return next(values)
        case str() if MASK in value:
            first, *rest = value.split(MASK)
            return first + "".join(f"{next(values)}{part}" for part in rest)
        case _:
            return value
