"""What may be written in a configuration file, as a JSON Schema for editors."""

import json
from typing import Any

from pydantic import TypeAdapter

from runner.core.language.blocks import File

_EXPRESSION = {
    "type": "string",
    "pattern": r"\{\{|\{%",
    "description": "An expression, {{ .. }}: its value is known later.",
}
_SAID = frozenset(("description", "deprecated"))
_ANYTHING: tuple[dict[str, Any], ...] = ({}, {"type": "string"})


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 7) of a configuration file.

    An expression is accepted wherever a block's value is checked; what depends on more than one
    key is not said in it.
    """
    text = json.dumps(TypeAdapter(File).json_schema()).replace("#/$defs/", "#/definitions/")
    schema = json.loads(text)
    definitions = schema.pop("$defs")
    for named in (*schema["properties"].values(), *definitions["Data"]["properties"].values()):
        if "patternProperties" in named:
            named["additionalProperties"] = False
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **schema,
        "definitions": {
            "Expression": _EXPRESSION,
            **{n: part if n == "Data" else _loosened(part) for n, part in definitions.items()},
        },
    }


def _loosened(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, with an expression accepted for each value inside."""
    found: dict[str, Any] = {}
    for key, part in schema.items():
        match key, part:
            case "properties", dict():
                found[key] = {name: _or_expression(p) for name, p in part.items()}
            case "patternProperties", dict():
                found[key] = {name: _or_expression(p) for name, p in part.items()}
                found["additionalProperties"] = False
            case "items" | "additionalProperties", dict():
                found[key] = _or_expression(part)
            case "anyOf" | "oneOf", list():
                found["anyOf"] = [_loosened(p) for p in part]
            case "title", str():
                pass
            case _:
                found[key] = part
    return found


def _or_expression(schema: dict[str, Any]) -> dict[str, Any]:
    said = {k: v for k, v in schema.items() if k in _SAID}
    rest = {k: v for k, v in _loosened(schema).items() if k not in _SAID}
    if rest in _ANYTHING:
        return said | rest
    choices = rest["anyOf"] if rest.keys() == {"anyOf"} else [rest]
    return said | {"anyOf": [*choices, {"$ref": "#/definitions/Expression"}]}
