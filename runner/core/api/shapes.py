"""How tables and choices of shape are checked: strict, closed, one error a mistake.

Tables are TypedDicts that pydantic validates as they come from TOML; nothing is filled in,
because 0, false, "" and absent are four different things. A choice between shapes is a tagged
union with a tag in parentheses (`(text)`, `(user)`), so that a mistake gives one error, and so
that tags and keys never look alike in its path.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Field, Tag, with_config

closed = with_config(ConfigDict(strict=True, extra="forbid", allow_inf_nan=False))
"""Decorator of a TypedDict that knows all its keys."""

_KINDS: dict[type, str] = {str: "(text)", list: "(list)", dict: "(table)"}


def by_kind(value: object) -> str:
    """Tag of a union over text, list and table."""
    return _KINDS.get(type(value), "(other)")


def by_type(value: object) -> str:
    """Tag of a union over tables that say their `type`."""
    return f"({value.get('type')})" if isinstance(value, dict) else "(other)"


def either(expected: str) -> Discriminator:
    """Choose by kind of value; `expected` is said to who gives another."""
    return Discriminator(by_kind, "wrong_kind", expected)


def typed(*values: str) -> Discriminator:
    """Choose by the key `type`, which must be one of `values`."""
    return Discriminator(by_type, "wrong_tag:type", ",".join(values))


Text = Annotated[str, Field(min_length=1)]
Schema = dict[str, Any]
"""A JSON Schema as a table, or `{ file = "schema.json" }`."""

Plain = Annotated[str, Tag("(text)")]
"""Text, as one side of a choice."""
