"""Local files inside a request: images, audio, documents and schemas, as the API takes them."""

import base64
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from runner.core.canonical import normalise
from runner.core.language.json_schemas import file_findings
from runner.core.received import json_of
from runner.core.values import MASK, TemplateError
from runner.errors import RunnerError

ReadBytes = Callable[[str], bytes]

_LOCAL = ("image_url", "input_audio", "file")
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "json": "application/json",
}


def inline_files(body: dict[str, Any], read: ReadBytes) -> dict[str, Any]:
    """The body with every `{ file = ".." }` replaced by that file's bytes.

    An image becomes a data URL, audio base64 with its format, a document base64 with its name,
    a schema its JSON. TemplateError where a file cannot be read or is of no known kind.
    """
    messages = body.get("messages")
    if isinstance(messages, list):
        body["messages"] = [_message(message, read, i) for i, message in enumerate(messages)]
    wanted = body.get("response_format")
    if isinstance(wanted, dict) and isinstance(wanted.get("json_schema"), dict):
        schema = wanted["json_schema"].get("schema")
        if isinstance(schema, dict) and set(schema) == {"file"} and schema["file"] != MASK:
            loaded = _schema(str(schema["file"]), read)
            held = {**wanted["json_schema"], "schema": loaded}
            body["response_format"] = {**wanted, "json_schema": held}
    return body


def _message(message: Any, read: ReadBytes, index: int) -> Any:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    parts = [_part(part, read, ("messages", index, "content", i)) for i, part in enumerate(content)]
    return {**message, "content": parts}


def _part(part: Any, read: ReadBytes, path: tuple[str | int, ...]) -> Any:
    kind = part.get("type") if isinstance(part, dict) else None
    held = part.get(kind) if isinstance(kind, str) else None
    if kind not in _LOCAL or not isinstance(held, dict):
        return part
    if not isinstance(held.get("file"), str) or held["file"] == MASK:
        return part
    name = held["file"]
    data = base64.b64encode(_bytes(name, read, path)).decode()
    rest = {key: value for key, value in held.items() if key != "file"}
    suffix = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    match kind:
        case "image_url":
            return {
                **part,
                kind: {**rest, "url": f"data:{_type(suffix, name, path)};base64,{data}"},
            }
        case "input_audio":
            return {**part, kind: {"format": suffix, **rest, "data": data}}
        case "file":
            url = f"data:{_type(suffix, name, path)};base64,{data}"
            filename = name.rsplit("/", 1)[-1]
            return {**part, kind: {"filename": filename, **rest, "file_data": url}}
        case _:
            return part


def _type(suffix: str, name: str, path: tuple[str | int, ...]) -> str:
    if suffix not in _TYPES:
        known = ", ".join(_TYPES)
        raise TemplateError(f'"{name}" has no ending that tells its type ({known})', path)
    return _TYPES[suffix]


def _bytes(name: str, read: ReadBytes, path: tuple[str | int, ...]) -> bytes:
    try:
        return read(name)
    except RunnerError as exc:
        raise TemplateError(" ".join(p.detail for p in exc.problems).rstrip("."), path) from exc


def _schema(name: str, read: ReadBytes) -> Any:
    path = ("response_format", "json_schema", "schema")
    data = _bytes(name, read, path)
    try:
        schema = normalise(json_of(data.decode()))
    except ValueError as exc:
        raise TemplateError(f"{name} is not JSON: {exc}", path) from exc
    said = _no_schema(data)
    if said is not None:
        raise TemplateError(f"{name}: {said}", path)
    return schema


@lru_cache(maxsize=64)
def _no_schema(data: bytes) -> str | None:
    """Why the JSON of a file is no schema, if it is none."""
    found = next(file_findings(json_of(data.decode())), None)
    return None if found is None else found.detail
