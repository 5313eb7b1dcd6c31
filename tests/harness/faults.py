"""The ways in which the fake server answers, well and badly."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson
from aiohttp import web

Fault = Callable[[web.Request, Any], Awaitable[web.StreamResponse]]


def respond(
    status: int,
    body: Any = b"",
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
) -> Fault:
    """A fault that is just this response."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)

    async def fault(_request: web.Request, _body: Any) -> web.StreamResponse:
        return web.Response(
            status=status, body=data, headers={"Content-Type": content_type} | (headers or {})
        )

    return fault


def error(
    status: int,
    code: str | int | None = None,
    type: str | None = None,  # noqa: A002
    message: str = "no",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Fault:
    """A fault in OpenAI's form."""
    said = {"message": message, "type": type, "param": None, "code": code, **more}
    return respond(status, {"error": said}, headers)


def events(*chunks: Any, done: bool = True, cut: bool = False) -> Fault:
    """A stream of these chunks (text goes out as it is); `cut` ends it in the middle."""

    async def fault(request: web.Request, _body: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            raw = chunk.encode() if isinstance(chunk, str) else b"data: " + orjson.dumps(chunk)
            await response.write(raw + b"\n\n")
        if cut:
            _reset(request)
        elif done:
            await response.write(b"data: [DONE]\n\n")
        return response

    return fault


def _reset(request: web.Request) -> None:
    assert request.transport is not None
    connection: socket.socket = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


async def _lose(request: web.Request, _body: Any) -> web.StreamResponse:
    _reset(request)
    return web.Response()


async def _close(request: web.Request, _body: Any) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def _cut(request: web.Request, body: Any) -> web.StreamResponse:
    """Half of an answer, under a Content-Length for the whole."""
    data = orjson.dumps(completion(body, 0))
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Content-Length": str(len(data))}
    )
    await response.prepare(request)
    await response.write(data[: len(data) // 2])
    assert request.transport is not None
    request.transport.close()
    return response


async def _hang(_request: web.Request, _body: Any) -> web.StreamResponse:
    await asyncio.Event().wait()  # ends with its client, or with the server
    return web.Response()


PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>"
RATE: dict[str, Any] = {
    "code": "rate_limit_exceeded",
    "type": "requests",
    "message": "Rate limit reached",
}
FAULTS: dict[str, Fault] = {
    "401": error(401, "invalid_api_key", "invalid_request_error", "Incorrect API key provided"),
    "429": error(429, **RATE, headers={"Retry-After": "1"}),
    "429-bare": error(429, **RATE),
    "quota": error(429, "insufficient_quota", "insufficient_quota", "You exceeded your quota"),
    "500": error(500, None, "server_error", "The server had an error"),
    "503": error(503, "server_is_overloaded", "service_unavailable_error", "Overloaded"),
    "html": respond(200, PAGE, content_type="text/html"),
    "html502": respond(502, PAGE, content_type="text/html"),
    "empty": respond(200),
    "garbled": respond(200, b'{"id": "chatcmpl-1", "choices": [{"index": 0, "mess'),
    "nochoices": respond(200, {"id": "chatcmpl-1", "choices": []}),
    "nofield": respond(200, {"hello": 1}),
    "reset": _lose,
    "close": _close,
    "truncate": _cut,
    "hang": _hang,
}


def completion(body: Any, number: int, content: str | None = None) -> dict[str, Any]:
    """A chat.completion: the same answer to the same request; only the id counts."""
    last = (body.get("messages") or [{"content": ""}])[-1].get("content")
    text = f"echo: {last if isinstance(last, str) else orjson.dumps(last).decode()}"
    text = text if content is None else content
    prompt = sum(len(str(m.get("content")).split()) for m in body.get("messages", ()))
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
        for index in range(body.get("n") or 1)
    ]
    words = len(text.split()) * len(choices)
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1700000000,
        "model": body.get("model", "fake"),
        "choices": choices,
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": words,
            "total_tokens": prompt + words,
        },
        "service_tier": "default",
        "system_fingerprint": None,
    }


def chunks(whole: dict[str, Any], *, usage: bool = True) -> Iterable[dict[str, Any]]:
    """The chunks that a completion is streamed in."""
    shared = {k: v for k, v in whole.items() if k not in ("choices", "usage")}
    shared["object"] = "chat.completion.chunk"

    def chunk(index: int, delta: dict[str, Any], end: str | None = None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": end}
        return shared | {"choices": [choice], "usage": None}

    for choice in whole["choices"]:
        yield chunk(choice["index"], choice["message"] | {"content": ""})
    for choice in whole["choices"]:
        for word in choice["message"]["content"].split(" "):
            yield chunk(choice["index"], {"content": word + " "})
        yield chunk(choice["index"], {}, choice["finish_reason"])
    if usage:
        yield shared | {"choices": [], "usage": whole["usage"]}
