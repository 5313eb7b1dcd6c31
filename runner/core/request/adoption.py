"""A completion that a server stored, as a record and as the block that would ask for it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
import tomli_w
from msgspec import Struct

from runner.core.address import axes_of, split_key
from runner.core.api.names import TRANSPORT
from runner.core.canonical import canonical, fingerprint, normalise
from runner.core.request.build import Request
from runner.core.request.provider import Provider
from runner.core.secrets.redact import redact
from runner.core.state.records import Record

_TOLD: Mapping[str, tuple[Any, ...]] = {
    "temperature": (1,),
    "top_p": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "stop": ([],),
    "logit_bias": ({},),
    "max_tokens": (),
    "max_completion_tokens": (),
    "reasoning_effort": (),
    "verbosity": (),
    "modalities": (["text"],),
    "response_format": ({"type": "text"},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True,),
    "metadata": ({},),
}
"""Parameters that stored completions tell, and the values that may be nobody's choice. A server
tells a `seed` also where none was asked for, so it is none of them.
"""

_OF_MESSAGE = (
    "role",
    "name",
    "tool_call_id",
    "content",
    "tool_calls",
    "function_call",
    "refusal",
    "audio",
)
_DATED = re.compile(r"-\d{4}(?:-?\d{2}){0,2}")


class Stored(Struct, frozen=True):
    """A completion as its server keeps it: the body, and the messages that asked for it."""

    response: bytes
    messages: list[dict[str, Any]]
    created: str  # RFC 3339 in UTC


def adopted(
    address: str,
    stored: Stored,
    provider: Provider,
    wanted: Request | None,
    secrets: Iterable[str] = (),
) -> Record:
    """The record of a stored completion under an address.

    `wanted` is the request of that address, if the configuration has it: where the server tells
    nothing else, the configuration is believed, and the model's dated name is its alias. So a
    plan shows what really differs, and nothing if it is the same.
    """
    secrets = tuple(secrets)
    own = orjson.loads(wanted.body) if wanted is not None else {}
    body = _body(stored, own)
    triggers = wanted.triggers if wanted is not None else None
    asked = {key: value for key, value in body.items() if key not in TRANSPORT}
    found = fingerprint(canonical(asked), provider.identity_json, triggers)
    if wanted is not None and found == wanted.fingerprint:
        shown = orjson.loads(wanted.recorded)
        body = {**shown, **{key: body[key] for key in TRANSPORT if key in body}}
    return Record(
        address=address,
        provider=provider.name,
        identity=provider.identity,
        fingerprint=found,
        sample=0,
        request=redact(canonical(body), secrets),
        response=redact(stored.response, secrets),
        issued_at=stored.created,
        triggers=triggers,
    )


def block_of(record: Record, *, provider: str | None) -> str:
    """The TOML block whose request is the record's; `provider` is named if it is given."""
    body = orjson.loads(record.request)
    block, key = split_key(record.address)
    table = dict(_meta(body, key, provider))
    table |= {name: _toml(name, body[name]) for name in _ordered(body)}
    written = {"completion": {block.rsplit(".", 1)[-1]: table}}
    # In a text of several lines the writer takes every line's end for the same one.
    return tomli_w.dumps(written, multiline_strings=b"\\r" not in record.request)


def _body(stored: Stored, own: dict[str, Any]) -> dict[str, Any]:
    """What was asked: what the server tells, and of the rest what the configuration says."""
    told = orjson.loads(stored.response)
    body = {key: value for key, value in own.items() if key != "metadata"}
    body["model"] = _model(str(told.get("model")), own.get("model"))
    body["messages"] = _messages(stored.messages, own.get("messages"))
    body["store"] = True
    for name, defaults in _TOLD.items():
        value = told.get(name)
        if value is not None and (name in own or value not in defaults):
            body[name] = normalise(value)
    choices = told.get("choices")
    if isinstance(choices, list) and len(choices) > 1:
        body["n"] = len(choices)
    return body


def _model(told: str, own: object) -> str:
    if isinstance(own, str) and told.startswith(own) and _DATED.fullmatch(told[len(own) :]):
        return own
    return told


def _messages(told: list[dict[str, Any]], own: object) -> list[dict[str, Any]]:
    found = [_message(message) for message in told]
    if isinstance(own, list) and [_message(message) for message in own] == found:
        return own
    return found


def _message(told: dict[str, Any]) -> dict[str, Any]:
    content = told.get("content")
    if content is None and told.get("content_parts"):
        content = told["content_parts"]
    held = {**told, "content": content}
    return {
        name: normalise(_whole(held[name]))
        for name in _OF_MESSAGE
        if held.get(name) is not None and held[name] != []
    }


def _whole(value: Any) -> Any:
    """Without nulls: what is absent and what is null are the same to the server."""
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items() if inner is not None}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value


def _has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_null(inner) for inner in value.values())
    return any(map(_has_null, value)) if isinstance(value, list) else value is None


def _meta(
    body: dict[str, Any], key: str | int | None, provider: str | None
) -> Iterator[tuple[str, Any]]:
    if axes := axes_of(key):
        yield "matrix", {axis: [value] for axis, value in axes.items()}
    elif isinstance(key, str):
        yield "for_each", [key]
    elif key is not None:
        yield "count", key + 1
    if provider is not None:
        yield "provider", provider
    text = orjson.dumps(body)
    if b"{{" in text or b"{%" in text:
        yield "template", False


def _ordered(body: Mapping[str, Any]) -> list[str]:
    """The model first and the conversation last, as people write it."""
    middle = sorted(name for name in body if name not in {"model", "messages"})
    return [name for name in ("model", *middle, "messages") if name in body]


def _toml(name: str, value: Any) -> Any:
    """The value without null, which TOML does not have; a schema with one is written as JSON."""
    match name:
        case "tools":
            return [_tool(tool) for tool in value]
        case "messages":
            return [{key: m[key] for key in _OF_MESSAGE if key in m} for m in _whole(value)]
        case _:
            return _whole(value)


def _tool(tool: Any) -> Any:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict):
        return _whole(tool)
    held = {key: _whole(inner) for key, inner in function.items() if inner is not None}
    parameters = function.get("parameters")
    if _has_null(parameters):
        held["parameters"] = orjson.dumps(parameters).decode()
    return {**tool, "function": held}
