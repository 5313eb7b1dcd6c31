"""What was asked and answered, as JSON of the conventions' shapes: a role, and parts by type.

The bytes of images, sounds and documents are left out: a part says that one was there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from runner.core.canonical import encoded
from runner.core.received import value_of

_FINISHED = {"tool_calls": "tool_call", "function_call": "tool_call"}
_REASONING = ("reasoning_content", "reasoning")


def input_messages(request: Mapping[str, Any]) -> str:
    """The messages of a request, instructions among them: this API has no other place for those."""
    return _json([_message(one) for one in _tables(request.get("messages"))])


def output_messages(response: Mapping[str, Any]) -> str:
    """A message for each choice of an answer."""
    return _json(
        [
            {**_message(_table(choice.get("message")), "assistant"), "finish_reason": _end(choice)}
            for choice in _tables(response.get("choices"))
        ]
    )


def tool_definitions(request: Mapping[str, Any]) -> str | None:
    """The tools that a request offers; None without."""
    tools = [_tool(one) for one in _tables(request.get("tools"))]
    return _json(tools) if tools else None


def _end(choice: Mapping[str, Any]) -> str:
    said = str(choice.get("finish_reason") or "error")
    return _FINISHED.get(said, said)


def _message(message: Mapping[str, Any], role: str = "user") -> dict[str, Any]:
    role = str(message.get("role") or role)
    made: dict[str, Any] = {"role": role, "parts": [*_parts(message, role)]}
    if isinstance(message.get("name"), str):
        made["name"] = message["name"]
    return made


def _parts(message: Mapping[str, Any], role: str) -> Iterator[dict[str, Any]]:
    for name in _REASONING:
        if isinstance(message.get(name), str) and message[name]:
            yield {"type": "reasoning", "content": message[name]}
    content = message.get("content")
    if role in ("tool", "function"):
        yield {
            "type": "tool_call_response",
            "id": _text(message.get("tool_call_id")),
            "response": content,
        }
    elif isinstance(content, str):
        yield {"type": "text", "content": content}
    else:
        for part in _tables(content):
            yield _part(part)
    if isinstance(message.get("refusal"), str):
        yield {"type": "refusal", "content": message["refusal"]}
    if isinstance(message.get("audio"), dict):
        yield _bytes("audio", None)
    for call in _tables(message.get("tool_calls")):
        yield _call(call)
    if isinstance(message.get("function_call"), dict):
        yield _call({"function": message["function_call"]})


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    match part:
        case {"type": "text", "text": str(text)}:
            return {"type": "text", "content": text}
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "refusal", "content": text}
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            if not url.startswith("data:"):
                return {"type": "uri", "modality": "image", "uri": url}
            return _bytes("image", url[5:].partition(";")[0])
        case {"type": "input_audio", "input_audio": {"format": str(kind)}}:
            return _bytes("audio", f"audio/{kind}")
        case {"type": "file", "file": {"file_id": str(name)}}:
            return {"type": "file", "modality": "document", "file_id": name}
        case {"type": "file"}:
            return _bytes("document", None)
        case _:
            return {"type": str(part.get("type") or "unknown")}


def _bytes(modality: str, kind: str | None) -> dict[str, Any]:
    named = {} if kind is None else {"mime_type": kind}
    return {"type": "blob", "modality": modality, **named, "content": ""}


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    asked = _table(call.get("function") or call.get("custom"))
    given = asked.get("arguments", asked.get("input"))
    parsed = value_of(given.encode(errors="replace")) if isinstance(given, str) else given
    return {
        "type": "tool_call",
        "id": _text(call.get("id")),
        "name": str(asked.get("name") or ""),
        "arguments": parsed if isinstance(parsed, dict) else given,
    }


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(tool.get("type") or "function")
    about = _table(tool.get(kind))
    made = {"type": kind, "name": str(about.get("name") or "")}
    made["description"] = str(about.get("description") or "")
    return made | ({"parameters": about["parameters"]} if "parameters" in about else {})


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> Iterator[Mapping[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _json(value: list[dict[str, Any]]) -> str:
    return encoded(value, orjson.OPT_NON_STR_KEYS).decode()
