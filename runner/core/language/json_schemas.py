"""JSON Schemas in a completion: each must be one."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from runner.core.address import Path
from runner.core.canonical import dotted
from runner.core.language.findings import Finding, IsHole, contains, in_short, no_hole
from runner.core.suggest import did_you_mean


def schema_findings(table: Mapping[str, Any], hole: IsHole) -> Iterator[Finding]:
    """What is wrong with the schemas of functions, tools and the response format.

    One that holds a template is left out. Nothing is fetched: a reference to another document
    is an error.
    """
    for path, value in _schemas(table):
        if not isinstance(value, str | dict) or contains(value, hole):
            continue
        if isinstance(value, str):
            try:
                value = json.loads(value)  # noqa: PLW2901  the same schema, read
            except (ValueError, RecursionError) as error:
                yield Finding(path, "Invalid JSON", f"{dotted(path)} is not JSON: {error}.")
                continue
        yield from _schema(path, value)


def file_findings(schema: object) -> Iterator[Finding]:
    """What is wrong with the schema of an answer that a file holds."""
    yield from _schema(("schema",), schema)


def named_schema_findings(path: Path, schema: dict[str, Any], hole: IsHole) -> Iterator[Finding]:
    """What is wrong with a schema that answers have to fit. One that is a file, or holds what is
    known later, is looked at once it is read. A table without a keyword of JSON Schema would let
    every answer through.
    """
    is_known = hole is no_hole
    if contains(schema, hole) or (_names_a_file(schema) and not is_known):
        return
    if "file" in schema and not is_known:
        detail = f'{dotted(path)}: file is the path of a schema, and alone: {{ file = "x.json" }}.'
        yield Finding((*path, "file"), "Conflicting keys", detail)
    elif schema and not _KEYWORDS.intersection(schema):
        near = next((hint for key in schema if (hint := did_you_mean(key, ("file", *_NAMES)))), "")
        detail = f"{dotted(path)} has no keyword of JSON Schema, so that every JSON fits.{near}"
        yield Finding(path, "Invalid JSON Schema", detail)
    else:
        yield from _schema(path, schema)


def _schemas(table: Mapping[str, Any]) -> Iterator[tuple[Path, object]]:
    functions = table.get("functions")
    for index, function in enumerate(functions if isinstance(functions, list) else ()):
        if isinstance(function, dict) and "parameters" in function:
            yield ("functions", index, "parameters"), function["parameters"]
    tools = table.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and "parameters" in function:
            yield ("tools", index, "function", "parameters"), function["parameters"]
    form = table.get("response_format")
    named = form.get("json_schema") if isinstance(form, dict) else None
    schema = named.get("schema") if isinstance(named, dict) else None
    if isinstance(schema, dict) and not _names_a_file(schema):
        yield ("response_format", "json_schema", "schema"), schema


def _names_a_file(schema: dict[str, Any]) -> bool:
    return schema.keys() == {"file"} and isinstance(schema["file"], str)


def _schema(path: Path, schema: object) -> Iterator[Finding]:
    from jsonschema_rs import ValidationError, validator_for  # noqa: PLC0415  rarely needed

    if not isinstance(schema, dict):
        kind = f"{dotted(path)} must be a JSON object, but it is {in_short(schema)}."
        yield Finding(path, "Wrong type", kind)
        return
    if unsayable := list(json_findings(path, schema)):
        yield from unsayable
        return
    try:
        validator_for(schema, offline=True)
    except ValidationError as error:
        inside = dotted(tuple(error.instance_path))
        where = f", at {inside}" if inside else ""
        what = f"the types are {_TYPES}" if inside.endswith("type") else _short(error.message)
        detail = f"{dotted(path)} is not a JSON Schema{where}: {what}."
        yield Finding(path, "Invalid JSON Schema", detail)


_NAMES = (
    *("$anchor", "$defs", "$dynamicRef", "$id", "$recursiveRef", "$ref", "$schema", "$vocabulary"),
    *("additionalItems", "additionalProperties", "allOf", "anyOf", "const", "contains"),
    *("contentEncoding", "contentMediaType", "contentSchema", "definitions", "dependencies"),
    *("dependentRequired", "dependentSchemas", "disallow", "divisibleBy", "else", "enum"),
    *(
        "exclusiveMaximum",
        "exclusiveMinimum",
        "extends",
        "format",
        "id",
        "if",
        "items",
        "maxContains",
    ),
    *("maxItems", "maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength"),
    *("minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern", "patternProperties"),
    *("prefixItems", "properties", "propertyNames", "required", "then", "type"),
    *("unevaluatedItems", "unevaluatedProperties", "uniqueItems"),
)
_KEYWORDS = frozenset(_NAMES)
_TYPES = "array, boolean, integer, null, number, object and string"


def _short(message: str) -> str:
    return message if len(message) <= 200 else message[:199] + "…"


def json_findings(path: Path, value: object) -> Iterator[Finding]:
    """What JSON has no form for: dates, nan and inf."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from json_findings((*path, key), inner)
        case list():
            for index, inner in enumerate(value):
                yield from json_findings((*path, index), inner)
        case float() if value - value != 0:
            detail = f"{dotted(path)} is {value}, which JSON has no form for."
            yield Finding(path, "Value out of range", detail)
        case None | str() | int() | float():
            pass
        case _:
            detail = f"{dotted(path)} is the date {value}; JSON has none. Write it in quotes."
            yield Finding(path, "Wrong type", detail)
