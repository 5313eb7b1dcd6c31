"""Types of values, and values brought to a type as Terraform does."""

import json
import re
from decimal import Decimal
from math import isfinite
from typing import Literal, assert_never

from msgspec import Struct

from runner.core.received import DEEPEST, is_deep


class Primitive(Struct, frozen=True):
    """Text, number, truth, or anything at all."""

    kind: Literal["string", "number", "bool", "any"]

    def __str__(self) -> str:
        return self.kind


class Collection(Struct, frozen=True):
    """Any number of values of one type."""

    kind: Literal["list", "set", "map"]
    element: "Type"

    def __str__(self) -> str:
        return f"{self.kind}({self.element})"


class Tuple(Struct, frozen=True):
    """So many values, each of its own type."""

    elements: tuple["Type", ...]

    def __str__(self) -> str:
        return f"tuple([{', '.join(map(str, self.elements))}])"


class ObjectAttribute(Struct, frozen=True):
    """One named value of an object; an optional one that is absent is `default`."""

    name: str
    type: "Type"
    optional: bool = False
    default: object = None

    def __str__(self) -> str:
        if not self.optional:
            return f"{self.name} = {self.type}"
        default = "" if self.default is None else f", {json.dumps(self.default)}"
        return f"{self.name} = optional({self.type}{default})"


class Object(Struct, frozen=True):
    """Named values, each of its own type."""

    attributes: tuple[ObjectAttribute, ...]

    def __str__(self) -> str:
        return f"object({{ {', '.join(map(str, self.attributes))} }})"


Type = Primitive | Collection | Tuple | Object

ANY = Primitive("any")


def as_type(value: object, to: Type) -> object:
    """`value` as a value of this type; None stays None.

    Numbers, bools and their texts turn into each other as in Terraform: number or bool to
    string, "1.5" to number, "true" to bool; never number to bool or back. A set is a sorted list
    without repetition. ValueError: `a number is required, got "abc"`, after the place in
    the value where it is not at its top.
    """
    if value is None:
        return None
    match to:
        case Primitive():
            return _primitive(value, to)
        case Collection("map", element):
            pairs = _table(value, to).items()
            return {k: _inside(f'["{k}"]', v, element) for k, v in pairs}
        case Collection(kind, element):
            items = [_inside(f"[{i}]", v, element) for i, v in enumerate(_list(value, to))]
            return _distinct(items) if kind == "set" else items
        case Tuple(elements):
            given = _list(value, to)
            if len(given) != len(elements):
                raise _required(to, value)
            return [_inside(f"[{i}]", v, elements[i]) for i, v in enumerate(given)]
        case Object(attributes):
            table = _table(value, to)
            return {a.name: _attribute(table, a) for a in attributes}
        case _:
            assert_never(to)


def with_nulls(value: object) -> object:
    """A value as a file has it: TOML has no null, and the text `{{ none }}` stands for it."""
    match value:
        case str():
            return None if _NULL.fullmatch(value) else value
        case dict():
            return {key: with_nulls(inner) for key, inner in value.items()}
        case list():
            return [with_nulls(inner) for inner in value]
        case _:
            return value


def parse_input(text: str, to: Type) -> object:
    """The value of a variable given as text (command line, environment).

    Text is itself for a string; for a list, map or object it is JSON or a TOML value, and for
    `any` one of these if it can be read so. `{{ none }}` is null, and so is `null` for all but a
    string, as in Terraform. ValueError as of `as_type`.
    """
    if _NULL.fullmatch(text) or (text.strip() == "null" and to != Primitive("string")):
        return None
    match to:
        case Primitive("string"):
            return text
        case Primitive("number" | "bool"):
            return as_type(text.strip(), to)
        case Primitive():
            return read_value(text, otherwise=text)
        case _:
            value = read_value(text, otherwise=None)
            if value is None:
                raise ValueError(
                    f"{_article(to)} is required, written as JSON or TOML, {_got(text)}"
                )
            return as_type(value, to)


def _primitive(value: object, to: Primitive) -> object:
    match to.kind:
        case "any":
            return value
        case "string":
            found: object = _string(value)
        case "number":
            found = _number(value)
        case "bool":
            found = _TRUTH.get(value) if isinstance(value, str) else value
            found = found if isinstance(found, bool) else None
        case _:
            assert_never(to.kind)
    if found is None:
        raise _required(to, value)
    return found


def _string(value: object) -> str | None:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return format(Decimal(repr(_finite(value))), "f")
        case _:
            return None


def _number(value: object) -> float | None:
    match value:
        case bool():
            return None
        case int() | float():
            return _finite(value)
        case str() if _NUMBER.fullmatch(value) and len(value) < _LONGEST:
            return _finite(float(value) if _FRACTION.search(value) else int(value))
        case _:
            return None


def _finite(value: float) -> float:
    """One kind of number, as in Terraform: 1.0 is 1."""
    if isinstance(value, int):
        return value
    if not isfinite(value):
        raise ValueError(f"a finite number is required, {_got(value)}")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _distinct(items: list[object]) -> list[object]:
    found: list[object] = []
    for item in items:
        if item not in found:
            found.append(item)
    if all(isinstance(i, str) for i in found):
        return sorted(found, key=str)
    if all(isinstance(i, int | float) for i in found):
        return sorted(found, key=lambda n: n if isinstance(n, int | float) else 0)
    return found


def _inside(place: str, value: object, to: Type) -> object:
    try:
        return as_type(value, to)
    except ValueError as error:
        text = str(error)
        nested = text.startswith("[")
        raise ValueError(f"{place}{'' if nested else ': '}{text}") from None


def _attribute(table: dict[str, object], attribute: ObjectAttribute) -> object:
    value = table.get(attribute.name)
    if value is not None:
        return _inside(f'["{attribute.name}"]', value, attribute.type)
    if attribute.name not in table and not attribute.optional:
        raise ValueError(f'attribute "{attribute.name}" is required')
    return attribute.default


def _list(value: object, to: Type) -> list[object]:
    if not isinstance(value, list):
        raise _required(to, value)
    return value


def _table(value: object, to: Type) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _required(to, value)
    return value


def read_value(text: str, otherwise: object) -> object:
    """`text` as JSON, else as a TOML value, else `otherwise`; ValueError for what is one of these
    and nests too deeply, or holds half of a character.
    """
    if is_deep(text.encode(errors="surrogatepass")):
        raise ValueError(f"values nest no deeper than {DEEPEST} levels")
    try:
        value: object = json.loads(text, parse_constant=_refuse)
    except ValueError:
        return _toml_value(text, otherwise)
    _refuse_halves(value)
    return value


def _refuse_halves(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as exc:
        raise ValueError("a text in it holds half of a character (a lone surrogate)") from exc


def _toml_value(text: str, otherwise: object) -> object:
    try:
        import tomllib  # noqa: PLC0415  # rarely, and 5 ms

        table = tomllib.loads(f"value = {text.strip()}")
    except ValueError:
        return otherwise
    if len(table) > 1 or not _is_json(table["value"]):
        return otherwise
    return table["value"]


def _is_json(value: object) -> bool:
    match value:
        case dict():
            return all(map(_is_json, value.values()))
        case list():
            return all(map(_is_json, value))
        case _:
            return isinstance(value, str | int | float)


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _required(to: Type, value: object) -> ValueError:
    return ValueError(f"{_article(to)} is required, {_got(value)}")


def _article(to: Type) -> str:
    text = str(to)
    return f"{'an' if text[0] in 'ao' else 'a'} {text}"


def _got(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return f"got {text if len(text) <= 60 else text[:59] + '…'}"


_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_FRACTION = re.compile(r"[.eE]")
_NULL = re.compile(r"\{\{\s*none\s*\}\}")
_LONGEST = 400  # characters of a number
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
