"""A value as `output` prints it: text as it is, everything else as JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runner.core.api.answer import Answer
from runner.core.values import NotKnown, TemplateError

UNKNOWN = "(not known before apply)"
_DERIVED = ("json", "response")  # of an answer: the same again in other forms


def value_text(value: Any) -> str:
    """The value without a line end; TemplateError for what is no value."""
    held = _plain(value)
    return held if isinstance(held, str) else json.dumps(held, indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """A table or list with each answer in it as its attributes, and those to come as a note."""
    match value:
        case None | str() | bool() | int() | float():
            return value
        case Answer():
            return {name: _plain(value[name]) for name in value if name not in _DERIVED}
        case Mapping():
            return {str(key): _item(value, key) for key in value}
        case Sequence() | range():
            return [_item(value, index) for index in range(len(value))]
        case _:
            kind = type(value).__name__
            raise TemplateError(f"the expression yields a {kind}, which is not a value")


def _item(value: Any, key: Any) -> Any:
    try:
        return _plain(value[key])
    except NotKnown:
        return UNKNOWN
