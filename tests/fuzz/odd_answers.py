"""Answers that are odd to the last byte: a list made by hand, and as many more as one likes."""

import json
import random
from collections.abc import Iterator
from typing import Any

_GOOD: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "fine", "refusal": None},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
_HOLE = '"@"'
_PLACES = (
    *("id", "object", "created", "model", "choices", "usage", "system_fingerprint"),
    *("service_tier", "choices.0", "choices.0.message", "choices.0.finish_reason"),
    *("choices.0.index", "choices.0.logprobs", "choices.0.message.content"),
    *("choices.0.message.refusal", "choices.0.message.role", "choices.0.message.tool_calls"),
    *("choices.0.message.function_call", "usage.prompt_tokens", "usage.completion_tokens"),
    *("usage.total_tokens", "error", "choices.0.error", "more", "choices.0.message.more"),
)


def nested(levels: int, opening: str = "[", closing: str = "]", inner: str = "1") -> str:
    """JSON that is so deep."""
    return opening * levels + inner + closing * levels


_VALUES = (
    *("null", "true", "0", "-1", '""', '"x"', "[]", "{}", "[null]", '[{"a":[]}]', '{"":{}}'),
    *("1e999", "-1e999", "1e-999", "NaN", "Infinity", "-Infinity", "9" * 30, "-" + "9" * 400),
    *("9" * 5000, "1." + "1" * 2000, "1e308", "18446744073709551615", "-9223372036854775809"),
    *('"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"a\x00b"', '"a\nb\tc"', '"\x1b[2J\x7f"'),
    *('"\ufffe\uffff"', '"' + "\u202e" * 50 + '"', '"' + "x" * 70_000 + '"', '"]]>&lt;<a"'),
    *('"length"', '"content_filter"', '["length"]', '{"length":1}', '"tool_calls"'),
    *(nested(levels) for levels in (64, 127, 128, 129, 253, 254, 255, 500)),
    *(nested(levels) for levels in (900, 990, 1000, 1024, 1025, 3000, 50_000)),
    *(nested(levels, '{"a":', "}") for levels in (128, 129, 255, 1000, 20_000)),
    json.dumps(nested(300)),
    json.dumps(nested(5000, '{"a":', "}")),
    json.dumps('{"x": 1e999}'),
    json.dumps('["a", "\\ud800"]'),
    json.dumps('{"": 1, "\\u0000": 2, "a]b": 3, "\\n": 4}'),
    json.dumps("{{ completion.a.id }} {% for %}"),
)


def _with(place: str, value: str) -> bytes:
    """The sound answer, with something else in one place."""
    held = json.loads(json.dumps(_GOOD))
    *steps, last = place.split(".")
    inner: Any = held
    for step in steps:
        inner = inner[int(step) if step.isdigit() else step]
    inner[int(last) if last.isdigit() else last] = "@"
    return json.dumps(held).replace(_HOLE, value, 1).encode("utf-8", "surrogatepass")


_SOUND = json.dumps(_GOOD).encode()
BODIES: tuple[bytes, ...] = (
    *(_with("choices.0.finish_reason", value) for value in ('{"a":1}', '["stop"]', "5", "[]")),
    *(_with("choices.0.message.refusal", value) for value in ('{"a":[]}', "[1]", "true", "1e999")),
    *(_with("choices.0.message.content", value) for value in ("5", '{"a":1}', '[{"type":1}]')),
    *(_with("more", nested(levels)) for levels in (128, 250, 254, 300, 900, 1000, 1024, 100_000)),
    _with("choices.0.message.content", nested(1000)),
    _with("choices.0.message.content", json.dumps(nested(1000))),
    _with("choices.0.message.tool_calls", nested(600, '{"a":', "}")),
    _with("choices.0.finish_reason", nested(1000)),
    _with("usage", nested(1000)),
    *(_with("more", value) for value in ("1e999", "-1e999", "NaN", "9" * 400, "9" * 5000)),
    *(_with("usage.prompt_tokens", value) for value in ("1e999", "-5", "9" * 30, "1e300", '"x"')),
    _with("usage.completion_tokens", "99999999999999999999"),
    _with("created", "1e999"),
    _with("id", "{}"),
    _with("model", "[1]"),
    _with("choices", '{"0":{}}'),
    _with("choices.0.message", '"text"'),
    _with("choices.0.message.content", '"half \\ud83d"'),
    _with("choices.0.message.content", '"\\u0000\x1b[31m]]>"'),
    _with("choices.0.message.content", '"a\nb\x00c"'),
    _SOUND.replace(b"fine", b"\xff\xc3\x28\xed\xa0\x80"),
    _SOUND.replace(b'"id"', b'"id": 1, "id": {}, "choices": [], "id"'),
    b"\xef\xbb\xbf" + _SOUND,
    _SOUND[:-1] + b', "id": 5}',
    json.dumps(_GOOD).encode("utf-16"),
)
"""Made by hand: 48 of them."""


def more_bodies(seed: int) -> Iterator[bytes]:
    """Random ones without end, the same for the same seed."""
    choose = random.Random(seed)
    while True:
        body = _with(choose.choice(_PLACES), choose.choice(_VALUES))
        if choose.random() < 0.3:
            body = _replaced(body, choose)
        if choose.random() < 0.2:
            body = _torn(body, choose)
        yield body


def _replaced(body: bytes, choose: random.Random) -> bytes:
    """One of its texts, numbers or names is another value."""
    known = [b'"stop"', b'"fine"', b"1700000000", b'"usage"', b'"choices"', b'"gpt-4o"', b'"index"']
    value = choose.choice(_VALUES).encode("utf-8", "surrogatepass")
    return body.replace(choose.choice(known), value, 1)


def _torn(body: bytes, choose: random.Random) -> bytes:
    at = choose.randrange(len(body))
    odd = choose.choice((b"", b"\x00", b"\xff", b'"', b"[", b"}", b"\\", b"\n", b"\\ud800"))
    return body[:at] + odd + body[at + choose.randrange(3) :]
