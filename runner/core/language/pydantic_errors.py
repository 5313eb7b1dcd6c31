"""pydantic's errors, in the words of the language."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Required, get_args, get_origin

from msgspec.structs import replace
from pydantic import Tag
from pydantic_core import ErrorDetails
from typing_extensions import get_type_hints, is_typeddict

from runner.core.address import Path
from runner.core.api.parameters import PARAMETERS, TOKEN_ID
from runner.core.api.tools import FUNCTION_NAME
from runner.core.canonical import dotted
from runner.core.language.blocks import (
    ADDRESS,
    COMPLETION,
    OBJECTS_URL,
    RESOURCE_NAME,
    URL,
)
from runner.core.language.findings import BESIDES, Finding, IsHole, in_short
from runner.core.language.names import CLUSTER, ENVIRONMENT_NAME, IDENTIFIER, OBJECT_KEY, WORKSPACE
from runner.core.suggest import did_you_mean, there_are

Model = tuple[str, Any]
"""What a block is called, and the type that describes it."""

_TYPES = {
    "string_type": "a string",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_LENGTHS = {
    "too_short": ("min_length", "at least", "entries"),
    "too_long": ("max_length", "at most", "entries"),
    "string_too_short": ("min_length", "at least", "characters"),
    "string_too_long": ("max_length", "at most", "characters"),
}
_PATTERNS = {
    FUNCTION_NAME: "a name of up to 64 letters, digits, _ and -",
    TOKEN_ID: "the number of a token, as text",
    IDENTIFIER: "a name of letters, digits and _, not starting with a digit",
    ENVIRONMENT_NAME: "the NAME of an environment variable",
    ADDRESS: 'an address such as "completion.chat"',
    COMPLETION: 'the address of a completion such as "completion.chat"',
    OBJECT_KEY: "names of letters, digits, _, . and -, with / between them",
    WORKSPACE: "a name of letters, digits, _, . and -",
    RESOURCE_NAME: "a name of letters, digits and hyphens, the first part of a host",
    OBJECTS_URL: "a bucket or a folder: s3://, gs://, az:// or file:// and its name",
    CLUSTER: "auto, or the address of a cluster such as head:6379",
    URL: "an address that starts with https:// or http://",
}


def finding(
    model: Model, error: ErrorDetails, table: dict[str, Any], hole: IsHole, within: Path = ()
) -> Finding | None:
    """The finding for one error about `table`, which stands at `within` in its block.

    None where a template leaves it open.
    """
    path = (*within, *_path(error["loc"], table))
    if hole(error["input"]):
        return None
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(model, error["loc"], path)
    if kind == "missing":
        owner = _named(model, path[:-1])
        detail = f"{owner[0].upper() if len(path) == 1 else owner[0]}{owner[1:]} needs {path[-1]}."
        return Finding(path[:-1], "Missing key", detail)
    if kind.startswith("wrong_tag:"):
        return _wrong_tag(path, kind.partition(":")[2], error, hole)
    return _wrong_value(path, error)


def _wrong_value(path: Path, error: ErrorDetails) -> Finding:
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    match kind:
        case "literal_error":
            return _unknown_value(path, given, re.findall("'([^']*)'", context["expected"]))
        case "wrong_kind":
            return _wrong_type(path, given, error["msg"])
        case "string_pattern_mismatch":
            expected = _PATTERNS[context["pattern"]]
            return _said(path, "Invalid value", f"must be {expected}", given)
        case _ if kind in _TYPES:
            return _wrong_type(path, given, _TYPES[kind])
        case _:
            return _out_of_range(path, error)


def _out_of_range(path: Path, error: ErrorDetails) -> Finding:
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    if kind in _LENGTHS:
        key, words, unit = _LENGTHS[kind]
        count = f"{_plain(context[key])} {_ONE[unit] if context[key] == 1 else unit}"
        detail = f"{dotted(path)} must have {words} {count}, but it has {len(given)}."
    elif kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        detail = (
            f"{dotted(path)} must be {words} {_plain(context[key])}, but it is {in_short(given)}."
        )
    elif kind == "finite_number":
        detail = f"{dotted(path)} must be a finite number, but it is {given}."
    else:
        detail = f"{dotted(path)}, {in_short(given)}: {error['msg']}."
    return Finding(path, "Value out of range", detail)


_ONE = {"entries": "entry", "characters": "character"}


def _path(loc: tuple[int | str, ...], value: Any) -> Iterator[int | str]:
    """The keys and indexes of pydantic's `loc`, without the tags of unions."""
    for step in loc:
        is_key = isinstance(value, dict) and step in value
        if isinstance(step, str) and not is_key and (step == "[key]" or _TAG.fullmatch(step)):
            continue
        yield step
        inside = isinstance(value, list) and isinstance(step, int) and step < len(value)
        value = value[step] if is_key or inside else None


_TAG = re.compile(r"\(\w+\)")


def _plain(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)


def _unknown_key(model: Model, loc: tuple[int | str, ...], path: Path) -> Finding:
    key = str(path[-1])
    keys = keys_at(model[1], loc[:-1])
    detail = f'There is no key "{key}" in {_named(model, path[:-1])}.'
    near = did_you_mean(key, keys)
    if near:
        return Finding(path, "Unknown key", detail + near)
    if len(keys) > len(PARAMETERS):
        detail += f" {BESIDES}"
    elif len(keys) <= _FEW:
        detail += there_are(keys, _FEW)
    return Finding(path, "Unknown key", detail, hint=_ELSEWHERE)


_FEW = 40
_ELSEWHERE = (
    " What a server takes besides goes into extra_body, or is sent as written with strict = false "
    "in its provider."
)


def is_foreign(found: Finding, error: ErrorDetails, path: Path) -> bool:
    """Whether a mistake in the parameters, at `path` in them, is none to another server: a key, a
    value, an empty list or a short form that OpenAI's API does not know. No server takes a message
    without what its role needs, or another kind of value than a parameter has.
    """
    kind, nested = error["type"], len(path) > 1
    match found.summary:
        case "Unknown value":
            return True
        case "Unknown key" | "Invalid value":
            return nested
        case "Missing key":
            return kind != "wrong_tag:role" and not (path[0] == "messages" and len(path) == 2)
        case "Value out of range" if kind in ("too_short", "too_long"):
            return path != ("messages",)
        case "Value out of range":
            return nested and kind in _LENGTHS
        case _:
            return nested and kind == "dict_type" and isinstance(error["input"], str)


def _wrong_tag(path: Path, key: str, error: ErrorDetails, hole: IsHole) -> Finding | None:
    """A table that is to say by `key` what it is, and does not."""
    table, values = error["input"], error["msg"].split(",")
    if not isinstance(table, dict):
        return _wrong_type(path, table, f"a table with {key}")
    if key not in table:
        detail = f"{dotted(path)} needs {key}: {_choice(values)}."
        return Finding(path, "Missing key", detail)
    if hole(table[key]):
        return None
    return _unknown_value((*path, key), table[key], values)


def _unknown_value(path: Path, given: object, values: list[str]) -> Finding:
    if not isinstance(given, str):
        return _wrong_type(path, given, _choice(values))
    near = did_you_mean(given, values)
    found = _said(path, "Unknown value", f"must be {_choice(values)}", given, near)
    return found if near else replace(found, hint=_ELSEWHERE)


def _wrong_type(path: Path, given: object, expected: str) -> Finding:
    hint = ""
    if isinstance(given, str) and expected in ("a number", "a whole number", "true or false"):
        if _LITERAL.fullmatch(given):
            hint = f" Write it without quotes: {given}."
        elif path and path[-1] in ("condition", "enabled", "count"):
            hint = " Write an expression in {{ }}."
    if isinstance(given, str) and (path == ("for_each",) or path[:-1] == ("matrix",)):
        hint = " Write an expression in {{ }}."
    return _said(path, "Wrong type", f"must be {expected}", given, hint)


_LITERAL = re.compile(r"-?[0-9]+(\.[0-9]+)?|true|false")


def _said(path: Path, summary: str, expected: str, given: object, hint: str = "") -> Finding:
    detail = f"{dotted(path)} {expected}, but it is {in_short(given)}.{hint}"
    return Finding(path, summary, detail)


def _choice(values: list[str]) -> str:
    quoted = [f'"{value}"' for value in values]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def _named(model: Model, path: Path) -> str:
    return dotted(path) or f"this {model[0]}"


def keys_at(model: Any, loc: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys that the table at pydantic's `loc` may have; none where it may have any."""
    for step in loc:
        model = _inside(_bare(model), step)
    model = _bare(model)
    return tuple(get_type_hints(model)) if is_typeddict(model) else ()


def _inside(model: Any, step: int | str) -> Any:
    if is_typeddict(model):
        return get_type_hints(model, include_extras=True).get(str(step))
    arguments = get_args(model)
    for member in arguments:
        if isinstance(step, str) and Tag(step) in getattr(member, "__metadata__", ()):
            return member
    return arguments[-1] if get_origin(model) in (list, dict) else None


def _bare(model: Any) -> Any:
    while get_origin(model) in (Annotated, Required):
        model = get_args(model)[0]
    return model
