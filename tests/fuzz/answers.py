"""Responses as no server should send them, and the server that sends them."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.odd import as_json, damaged, foreign_values, mutated, words
from tests.harness.faults import PAGE, chunks, completion

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
ANSWER = completion({"messages": [{"content": "hi"}], "model": "gpt-4o"}, 1, '{"x": ["a", "b"]}')
CALLING = completion({"messages": [{"content": "hi"}], "n": 2}, 2, "two")
CALLING["choices"][0]["message"] |= {"tool_calls": [CALL], "content": None}
LISTED = {"object": "list", "data": [ANSWER, CALLING], "has_more": False, "first_id": "a"}
ERROR = {"error": {"message": "no", "type": "server_error", "param": None, "code": None}}

_STATUSES = (200, 200, 200, 201, 204, 206, 299, 301, 304, 307, 308, 400, 401, 402, 403, 404, 408)
_MORE = (409, 413, 418, 422, 429, 429, 429, 451, 500, 501, 502, 503, 504, 524, 529, 599, 600, 999)
_CODES = (
    *("rate_limit_exceeded", "insufficient_quota", "server_error", "content_filter", "timeout"),
    *(
        "model_not_found",
        "context_length_exceeded",
        429,
        500,
        "503",
        1e9,
        None,
        ["x"],
        {"a": 1},
        "",
    ),
)
# A wait that is named is waited for: none here is long and sensible.
_WAITS = (
    *("0", "0.001", "-1", "nan", "inf", "-inf", "1e999", "1e-999", "", " ", "soon", "1,2", "0x1"),
    *(
        "99999999999",
        "1" + "0" * 400,
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Thu, 99 Foo 99999 99:99:99",
    ),
    *("Wed, 21 Oct 9999 07:28:00 GMT", "Fri, 31 Dec 0000 00:00:00 -9999", "٣", "1_0", "6m0s", "-0"),
)
_COUNTS = ("0", "-1", "nan", "inf", "1e999", "", "x", "0.5", "100", "9" * 300, "1ms", "-2m")
_RESETS = (
    "1ms",
    "0s",
    "2µs",
    "1ns",
    "0.001",
    "nan",
    "inf",
    "-5s",
    "1h1x",
    "",
    "..s",
    "9" * 400 + "ns",
)
_NAMES = ("requests", "tokens")


@st.composite
def headers(draw: st.DrawFn) -> dict[str, str]:
    """Headers about waits, rates, types and places, most of them junk."""
    made: dict[str, str] = {}
    if draw(st.booleans()):
        made[draw(st.sampled_from(("Retry-After", "retry-after-ms")))] = draw(
            st.sampled_from(_WAITS)
        )
    if draw(st.booleans()):
        kind = draw(st.sampled_from(_NAMES))
        made[f"x-ratelimit-remaining-{kind}"] = draw(st.sampled_from(_COUNTS))
        made[f"x-ratelimit-limit-{kind}"] = draw(st.sampled_from(_COUNTS))
        made[f"x-ratelimit-reset-{kind}"] = draw(st.sampled_from(_RESETS))
    more = {
        "Date": st.sampled_from(_WAITS),
        "x-should-retry": st.sampled_from(("false", "FALSE ", "maybe", "")),
        "x-request-id": words,
        "Content-Encoding": st.sampled_from(("gzip", "br", "deflate", "identity", "x")),
        "Content-Type": st.sampled_from(
            (
                "text/event-stream",
                "text/html",
                "",
                ";;",
                "application/json; charset=x",
                "/",
                "a/b/c",
            )
        ),
        "Location": st.sampled_from(
            ("/", "http://[", "//", "http://127.0.0.1:1/", "\x7f", "?a=%zz")
        ),
        "Set-Cookie": words,
        "Transfer-Encoding": st.sampled_from(("chunked", "gzip, chunked", "x")),
    }
    for name in draw(st.lists(st.sampled_from(sorted(more)), max_size=2, unique=True)):
        made[name] = draw(more[name])
    return made


@st.composite
def _streams(draw: st.DrawFn) -> bytes:
    whole = draw(st.sampled_from((ANSWER, completion({"n": 2, "messages": []}, 1, "one two"))))
    sent: list[bytes] = []
    for chunk in list(chunks(whole)):
        odd = draw(st.integers(0, 3)) == 0
        made = draw(mutated(chunk, foreign_values)) if odd else chunk
        sent.append(b"data: " + as_json(made))
    tail = (b"data: [DONE]", b"data:[DONE]", b"", b"event: error\ndata: {}", b"data: {", b": ping")
    sent.append(draw(st.sampled_from(tail)))
    order = draw(st.permutations(sent)) if draw(st.integers(0, 4)) == 0 else sent
    data = draw(st.sampled_from((b"\n\n", b"\r\n\r\n", b"\n"))).join(order) + b"\n\n"
    return draw(damaged(data)) if draw(st.integers(0, 4)) == 0 else data


streams: st.SearchStrategy[bytes] = _streams()

_texts = foreign_values.map(json.dumps) | words


@st.composite
def _talking(draw: st.DrawFn) -> Any:
    """A sound answer whose content is something else than was asked for."""
    held = json.loads(json.dumps(draw(st.sampled_from((ANSWER, CALLING)))))
    held["choices"][0]["message"]["content"] = draw(_texts)
    return held


bodies: st.SearchStrategy[bytes] = st.one_of(
    mutated(ANSWER, foreign_values).map(as_json),
    mutated(CALLING, foreign_values).map(as_json),
    _talking().map(as_json),
    foreign_values.map(as_json),
    damaged(as_json(ANSWER), as_json(CALLING)),
    mutated({"error": {**ERROR["error"], "code": "x"}}, foreign_values).map(as_json),
    st.sampled_from(_CODES).map(lambda code: as_json({"error": {"code": code, "message": code}})),
    st.sampled_from((PAGE, b"", b"null", b"[]", b"{}", b"\xff", b"<" * 9000, b"<script>" * 900)),
    st.just(as_json(ANSWER)),
    streams,
)
lists: st.SearchStrategy[bytes] = st.one_of(
    mutated(LISTED, foreign_values).map(as_json),
    mutated(ANSWER, foreign_values).map(as_json),
    foreign_values.map(as_json),
    damaged(as_json(LISTED), as_json(ANSWER)),
    st.just(as_json(LISTED)),
)


@st.composite
def responses(draw: st.DrawFn, content: st.SearchStrategy[bytes] = bodies) -> bytes:
    """The bytes of a response, most of them HTTP."""
    status = draw(st.sampled_from((200, 200, 200, 200, *_STATUSES, *_MORE)))
    body = draw(content)
    lines = {"Content-Length": str(len(body)), "Content-Type": "application/json"}
    if body.startswith((b"data:", b"event:")) and draw(st.booleans()):
        lines["Content-Type"] = "text/event-stream"
    if draw(st.integers(0, 2)) == 0:
        lines |= draw(headers())
    if draw(st.integers(0, 19)) == 0:
        lines["Content-Length"] = draw(st.sampled_from(("-1", "x", "9999999", "1", "", "1" * 400)))
    head = f"HTTP/1.1 {status} {draw(st.sampled_from(('OK', '', 'é', 'a' * 300)))}\r\n"
    head += "".join(f"{name}: {_on_one_line(value)}\r\n" for name, value in lines.items())
    data = head.encode("utf-8", "replace") + b"\r\n" + body
    return draw(damaged(data)) if draw(st.integers(0, 14)) == 0 else data


def _on_one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ").replace("\x00", " ")


_NAMED = re.compile(rb"<(\d+)>")


class Server:
    """Answers each request with the next of `script`, then with a sound answer; a prompt that
    holds <3> with the fourth of `bodies`, as a stream if it asks for one.
    """

    def __init__(self) -> None:
        self.script: list[bytes] = []
        self.bodies: list[bytes] = []
        self.asked = 0
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            size = [
                line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
            ]
            body = await reader.readexactly(int(size[0].partition(b":")[2]) if size else 0)
            self.asked += 1
            named = _NAMED.search(body) if self.bodies else None
            if named is not None:
                writer.write(_as_asked(body, self.bodies[int(named[1])]))
            else:
                writer.write(self.script.pop(0) if self.script else _sound(head))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def run(self, ready: threading.Event, ends: list[Any]) -> None:
        """Serve until it is ended from another thread."""
        end = asyncio.Event()
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(end.set))
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await end.wait()
        server.close()


def _sound(head: bytes) -> bytes:
    return _response(as_json(ANSWER if head.startswith(b"POST") else LISTED))


def _as_asked(asked: bytes, body: bytes) -> bytes:
    if b'"stream":true' not in asked:
        return _response(body)
    lines = b"\n".join(b"data: " + line for line in body.split(b"\n"))
    return _response(lines + b"\n\ndata: [DONE]\n\n", b"text/event-stream")


def _response(body: bytes, kind: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: %b\r\nContent-Length: %d"
    return (head + b"\r\n\r\n%b") % (kind, len(body), body)


@contextmanager
def misbehaving() -> Iterator[Server]:
    """The server, on a thread of its own."""
    server, ready = Server(), threading.Event()
    ends: list[Any] = []
    thread = threading.Thread(target=lambda: asyncio.run(server.run(ready, ends)), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        ends[0]()
        thread.join(10)
