"""What the language allows and the API spells in another way."""

from collections.abc import Mapping
from typing import Any

import orjson

from runner.core.canonical import normalise
from runner.core.expressions.functions import World
from runner.core.request.media import inline_files
from runner.core.values import MASK, TemplateError

_REWRITTEN = frozenset(("functions", "function_call", "tools", "tool_choice", "response_format"))


def spelled(
    body: dict[str, Any], beside: Mapping[str, Any], world: World, folder: str
) -> dict[str, Any]:
    """The body as the API has it; TemplateError where a schema or a file of `folder` is none.

    `beside` goes into the body as it is. A text that names no declared function is a word of the
    server's, and stays.
    """
    messages = body.get("messages")
    has_parts = any(
        isinstance(message, dict) and isinstance(message.get("content"), list)
        for message in (messages if isinstance(messages, list) else ())
    )
    if not has_parts and _REWRITTEN.isdisjoint(body):
        return body
    body = dict(body)
    for name, key in (("functions", None), ("tools", "function")):
        if isinstance(body.get(name), list):  # and no mask
            body[name] = [_with_schema(entry, key) for entry in body[name]]
    choice = body.get("function_call")
    declared = {**body, **beside}.get("functions")
    if _is_name(choice, ("auto", "none")) and _names_one(choice, declared, None):
        body["function_call"] = {"name": choice}
    choice = body.get("tool_choice")
    declared = {**body, **beside}.get("tools")
    if _is_name(choice, ("auto", "none", "required")) and _names_one(choice, declared, "function"):
        body["tool_choice"] = {"type": "function", "function": {"name": choice}}
    return inline_files(body, lambda path: world.read(folder, path))


def _is_name(choice: Any, words: tuple[str, ...]) -> bool:
    return isinstance(choice, str) and choice not in words


def _names_one(choice: Any, declared: Any, key: str | None) -> bool:
    """Whether a choice is the name of one of the functions; what is masked may be any of them."""
    tables = declared if isinstance(declared, list) else [declared]
    inner = [table.get(key) if key and isinstance(table, dict) else table for table in tables]
    names = [table.get("name") if isinstance(table, dict) else table for table in inner]
    return choice == MASK or choice in names or MASK in names


def _with_schema(entry: Any, key: str | None) -> Any:
    if not isinstance(entry, dict):
        return entry
    if key is not None:
        if key not in entry:
            return entry
        return {**entry, key: _with_schema(entry[key], None)}
    parameters = entry.get("parameters")
    if not isinstance(parameters, str) or parameters == MASK:
        return entry
    try:
        return {**entry, "parameters": normalise(orjson.loads(parameters))}
    except ValueError as exc:
        raise TemplateError(f'parameters of "{entry.get("name")}" are not JSON: {exc}') from exc
