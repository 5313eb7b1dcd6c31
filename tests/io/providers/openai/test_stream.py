import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.received import is_deep
from runner.io.providers.openai.stream import Assembled, Cut, Refused, Stream
from tests.harness.faults import chunks, completion


def wire(*events: Any, done: bool = True, line: bytes = b"\n") -> bytes:
    raw = [e.encode() if isinstance(e, str) else b"data: " + orjson.dumps(e) for e in events]
    return b"".join(event + line * 2 for event in raw) + (b"data: [DONE]\n\n" if done else b"")


def read(data: bytes, size: int = 1 << 16, choices: int = 1) -> Assembled | Refused | Cut:
    stream = Stream(choices)
    for at in range(0, len(data), size):
        stream.feed(data[at : at + size])
    return stream.finish()


def assembled(*deltas: dict[str, Any], **choice: Any) -> dict[str, Any]:
    """The message, and the choice's other members, of a stream of these deltas."""
    parts = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"} | choice]}
    end = read(wire(*parts, last))
    assert isinstance(end, Assembled)
    whole: dict[str, Any] = end.response["choices"][0]
    return whole


def asked(n: int = 1) -> dict[str, Any]:
    return {"model": "m", "n": n, "messages": [{"role": "user", "content": "Où est la mer 🌊 ?"}]}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 16])
@pytest.mark.parametrize("line", [b"\n", b"\r\n"])
@pytest.mark.parametrize("n", [1, 3])
def test_a_stream_is_assembled_into_the_unstreamed_response(size: int, line: bytes, n: int) -> None:
    """Cut anywhere, also within a character, the same response comes of it."""
    whole = completion(asked(n), 1)
    for choice in whole["choices"]:
        choice["message"]["content"] += " "
    end = read(wire(*chunks(completion(asked(n), 1)), line=line), size, n)
    assert isinstance(end, Assembled)
    assert end.response == whole
    assert list(end.response)[:5] == ["id", "object", "created", "model", "choices"]
    assert orjson.loads(end.text) == whole


def test_choices_that_come_mixed_are_kept_apart() -> None:
    def part(index: int, text: str, end: str | None = None) -> dict[str, Any]:
        choice = {"index": index, "delta": {"content": text}, "finish_reason": end}
        return {"choices": [choice]}

    end = read(wire(part(1, "b"), part(0, "a"), part(1, "B", "length"), part(0, "A", "stop")), 9, 2)
    assert isinstance(end, Assembled)
    got = [
        (c["index"], c["message"]["content"], c["finish_reason"]) for c in end.response["choices"]
    ]
    assert got == [(0, "aA", "stop"), (1, "bB", "length")]


def test_tool_calls_are_put_together_by_index() -> None:
    def call(index: int, text: str, **more: Any) -> dict[str, Any]:
        name = more.pop("name", None)
        function = {"arguments": text} | ({"name": name} if name else {})
        return {"tool_calls": [{"index": index, "function": function, **more}]}

    message = assembled(
        {"role": "assistant", "content": ""},
        call(0, "", id="call_a", type="function", name="sun"),
        call(0, '{"x"'),
        call(1, "", id="call_b", type="function", name="moon"),
        call(1, "{}"),
        call(0, ":1}"),
    )["message"]
    assert message == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_a",
                "type": "function",
                "function": {"name": "sun", "arguments": '{"x":1}'},
            },
            {"id": "call_b", "type": "function", "function": {"name": "moon", "arguments": "{}"}},
        ],
    }


@pytest.mark.parametrize("index", [{}, {"index": 0}])
def test_tool_calls_without_an_index_of_their_own_are_told_by_their_ids(
    index: dict[str, int],
) -> None:
    def call(**members: Any) -> dict[str, Any]:
        return {"tool_calls": [index | members]}

    calls = assembled(
        call(id="a", function={"name": "sun", "arguments": "{"}),
        call(function={"arguments": "}"}),
        call(id="b", function={"name": "moon", "arguments": "{}"}),
    )["message"]["tool_calls"]
    assert [(c["id"], c["function"]["arguments"]) for c in calls] == [("a", "{}"), ("b", "{}")]


def test_custom_tool_calls_function_calls_and_refusals_grow() -> None:
    custom = assembled(
        {
            "tool_calls": [
                {"index": 0, "id": "c", "type": "custom", "custom": {"name": "t", "input": "a"}}
            ]
        },
        {"tool_calls": [{"index": 0, "custom": {"input": "b"}}]},
    )
    assert custom["message"]["tool_calls"][0]["custom"] == {"name": "t", "input": "ab"}
    function = assembled(
        {"function_call": {"name": "sun", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
    )
    assert function["message"]["function_call"] == {"name": "sun", "arguments": "{}"}
    refusal = assembled({"content": "", "refusal": ""}, {"refusal": "I "}, {"refusal": "can't"})
    assert refusal["message"]["refusal"] == "I can't"
    assert refusal["message"]["content"] is None


def test_audio_reasoning_and_lists_of_parts_grow() -> None:
    audio = assembled(
        {"audio": {"id": "au", "data": "QUI="}},
        {"audio": {"data": "Q0Q=", "transcript": "he"}},
        {"audio": {"transcript": "llo", "expires_at": 5}},
    )["message"]["audio"]
    assert audio == {"id": "au", "data": "QUI=Q0Q=", "transcript": "hello", "expires_at": 5}
    thought = assembled({"reasoning_content": "a", "x": "1"}, {"reasoning_content": "b", "x": "2"})
    assert (thought["message"]["reasoning_content"], thought["message"]["x"]) == ("ab", "12")
    details = assembled(
        {"reasoning_details": [{"index": 0, "type": "text", "format": "f", "text": "a"}]},
        {"reasoning_details": [{"index": 0, "type": "text", "format": "f", "text": "b"}]},
    )["message"]["reasoning_details"]
    assert details == [{"index": 0, "type": "text", "format": "f", "text": "ab"}]
    mixed = assembled({"content": ""}, {"content": [{"type": "thinking"}]}, {"content": "so"})
    assert mixed["message"]["content"] == [{"type": "thinking"}, {"type": "text", "text": "so"}]


def test_logprobs_are_joined() -> None:
    parts = [
        {
            "choices": [
                {"delta": {"content": t}, "logprobs": {"content": [{"token": t}], "refusal": None}}
            ]
        }
        for t in "ab"
    ]
    end = read(
        wire(*parts, {"choices": [{"delta": {}, "logprobs": None, "finish_reason": "stop"}]})
    )
    assert isinstance(end, Assembled)
    expected = {"content": [{"token": "a"}, {"token": "b"}], "refusal": None}
    assert end.response["choices"][0]["logprobs"] == expected


def test_unknown_members_are_kept_and_padding_is_not() -> None:
    end = read(
        wire(
            {"id": "", "model": "", "object": "", "choices": [], "prompt_filter_results": [1]},
            {
                "id": "c",
                "model": "m",
                "object": "chat.completion.chunk",
                "obfuscation": "xxx",
                "x_groq": {"id": "r"},
                "choices": [
                    {
                        "index": 0,
                        "delta": {"content": "a", "annotations": [{"type": "url_citation"}]},
                        "finish_reason": "eos",
                        "content_filter_results": {"hate": {"severity": "safe"}},
                        "seed": 7,
                    }
                ],
                "usage": None,
            },
            {"choices": [], "usage": {"total_tokens": 3}, "service_tier": "on_demand"},
        )
    )
    assert isinstance(end, Assembled)
    assert end.response == {
        "id": "c",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "a",
                    "annotations": [{"type": "url_citation"}],
                },
                "finish_reason": "eos",
                "content_filter_results": {"hate": {"severity": "safe"}},
                "seed": 7,
            }
        ],
        "prompt_filter_results": [1],
        "x_groq": {"id": "r"},
        "usage": {"total_tokens": 3},
        "service_tier": "on_demand",
    }


def test_comments_and_other_fields_say_nothing() -> None:
    body = wire(": OPENROUTER PROCESSING", "id: 1\nretry: 5", *chunks(completion(asked(), 1)))
    end = read(b"\xef\xbb\xbf" + body)
    assert isinstance(end, Assembled)


def test_an_event_of_several_data_lines_is_one() -> None:
    end = read(b'data: {"choices": [{"delta": {"content":\ndata: "a"}, "finish_reason": "stop"}]}')
    assert isinstance(end, Assembled)
    assert end.response["choices"][0]["message"]["content"] == "a"


TEXT = {"choices": [{"index": 0, "delta": {"content": "The sun"}, "finish_reason": None}]}
LAST = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b": nothing but a comment\n\n",
        b"data: [DONE]\n\n",
        wire(TEXT, done=False),
        wire(TEXT, LAST, done=False)[:-8],
        wire(TEXT, "data: {not json}", LAST),
    ],
)
def test_a_stream_without_its_end_is_cut(body: bytes) -> None:
    assert isinstance(read(body), Cut)


def test_a_stream_is_whole_with_a_reason_to_finish_or_the_mark_of_the_end() -> None:
    assert isinstance(read(wire(TEXT, LAST, done=False)), Assembled)
    assert isinstance(read(wire(TEXT)), Assembled)
    assert isinstance(read(wire(TEXT, LAST, done=False), choices=2), Cut)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"error": {"message": "bad", "status_code": 400}}, {"message": "bad", "status_code": 400}),
        ({"error": "bad"}, "bad"),
        ({"object": "error", "message": "bad"}, {"object": "error", "message": "bad"}),
        ('event: error\ndata: {"message": "bad"}', {"message": "bad"}),
        ({"choices": [{"delta": {}, "error": {"code": 502}}]}, {"code": 502}),
    ],
)
def test_an_error_in_the_stream_is_the_outcome(event: Any, error: object) -> None:
    assert read(wire(TEXT, event, LAST)) == Refused(error, begun=True)
    alone = read(wire({"error": {"message": "bad"}}))
    assert alone == Refused({"message": "bad"}, begun=False)


def test_a_message_beside_a_delta_says_again_what_came() -> None:
    """Perplexity's form."""
    parts: list[dict[str, Any]] = [
        {"delta": {"role": "assistant", "content": piece}, "message": {"content": whole}}
        for piece, whole in (("The", "The"), (" sun", "The sun"), ("", "The sun"))
    ]
    parts[-1]["finish_reason"] = "stop"
    end = read(wire(*({"choices": [{"index": 0, **part}]} for part in parts)))
    assert isinstance(end, Assembled)
    assert end.response["choices"][0]["message"]["content"] == "The sun"
    alone = read(wire({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}))
    assert isinstance(alone, Assembled)
    assert alone.response["choices"][0]["message"]["content"] == "a"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('error: {"error": {"message": "no memory", "code": 500}}', {"message": "no memory"}),
        ('error: {"message": "no memory"}', {"message": "no memory"}),
        ("error: no memory", "no memory"),
        ("error:", "the stream broke"),
    ],
)
def test_a_line_named_error_is_the_error(line: str, said: object) -> None:
    """gpustack ends a stream so that broke."""
    for body in (wire(TEXT, line), wire(TEXT, done=False) + line.encode()):
        end = read(body)
        assert isinstance(end, Refused)
        assert end.begun
        told = end.error
        assert told == said or (isinstance(told, dict) and told["message"] == "no memory")
    assert isinstance(read(wire(TEXT, LAST) + line.encode()), Assembled)


def test_a_long_text_in_small_pieces_is_one_text() -> None:
    deltas = [{"content": "ab", "x": {"text": "c"}} for _ in range(5000)]
    message = assembled(*deltas, {"content": None}, {"content": ""})["message"]
    assert message["content"] == "ab" * 5000
    assert message["x"] == {"text": "c" * 5000}


def test_pieces_that_nest_into_each_other_without_end_are_no_response() -> None:
    """Each piece that is of another kind than what came goes one list deeper."""
    deep: Any = [{"index": 0, "text": "x"}]
    for _ in range(120):
        deep = [{"index": 0, "a": deep}]
    end = read(wire({"choices": [{"delta": {"a": deep}}]}, LAST))
    assert isinstance(end, Assembled)
    assert end.mended
    assert not is_deep(end.text)


@pytest.mark.parametrize(
    "chunk",
    [[], 1, {"choices": None}, {"choices": [1]}, {"choices": [{"delta": None, "index": "x"}]}],
)
def test_chunks_of_another_shape_break_nothing(chunk: Any) -> None:
    end = read(wire(chunk, TEXT, LAST))
    assert isinstance(end, Assembled)
    assert end.response["choices"][0]["message"]["content"] == "The sun"


def test_pieces_that_come_together_are_shown_together() -> None:
    shown: list[tuple[str, int]] = []
    stream = Stream(1, lambda text, pieces: shown.append((text, pieces)))
    stream.feed(wire(TEXT, TEXT, TEXT, done=False))
    stream.feed(wire(TEXT))
    assert shown == [("The sun" * 3, 3), ("The sun", 1)]


def test_the_text_of_the_first_choice_is_shown_as_it_comes() -> None:
    shown: list[str] = []
    stream = Stream(2, lambda text, _: shown.append(text))
    other = {"choices": [{"index": 1, "delta": {"content": "moon"}}]}
    stream.feed(wire(TEXT, other, done=False))
    assert shown == ["The sun"]
    stream.feed(
        wire(
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {
                            "content": [
                                {"type": "thinking", "thinking": []},
                                {"type": "text", "text": " sets"},
                            ]
                        },
                    }
                ]
            },
            done=False,
        )
    )
    assert shown == ["The sun", " sets"]


@pytest.mark.parametrize(
    "first", [{"content": "a"}, {"reasoning": "a"}, {"tool_calls": [{"index": 0}]}]
)
def test_the_first_token_is_told_once_whatever_it_is_of(first: dict[str, Any]) -> None:
    begun: list[int] = []
    stream = Stream(on_begin=lambda: begun.append(stream.events))
    for delta in ({"role": "assistant", "content": ""}, first, {"content": "b"}):
        stream.feed(b"data: " + orjson.dumps({"choices": [{"delta": delta}]}) + b"\n\n")
    assert begun == [2]


class EachRead(Stream):
    """Reads every event in full."""

    def _is_like(self, like: Any, data: bytes) -> bool:  # noqa: ARG002
        return False


TEXTS = ("a", "", " é🌊\n", '"content":"x"', "{[", '\\"', "\x00")
_BESIDE = {"id": "c", "model": "m", "system_fingerprint": "f"}
_LOGPROBS = {"content": [{"token": "a"}]}


def piece(text: str, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
    return {**_BESIDE, "choices": [choice | more]}


ODD_PIECES = [
    *map(piece, TEXTS),
    piece("p") | {"obfuscation": "abc9"},
    piece("p") | {"obfuscation": "a b"},
    piece("other") | {"system_fingerprint": "g"},
    piece("one", index=1),
    piece("x", logprobs=_LOGPROBS),
    piece("x", delta={"content": "y", "refusal": "no"}),
    piece("x", delta={"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}),
    piece("x", delta={"content": [{"type": "text", "text": "t"}]}),
    piece("x", delta={"content": None}),
    piece("x", delta={}),
    {**_BESIDE, "choices": [*piece("two")["choices"], {"index": 1, "logprobs": _LOGPROBS}]},
    {**_BESIDE, "choices": []},
    {**_BESIDE, "choices": [], "usage": {"total_tokens": 1}},
]


@given(
    st.lists(st.tuples(st.sampled_from(ODD_PIECES), st.integers(1, 3), st.booleans())),
    st.integers(1, 400),
)
def test_a_piece_that_is_like_the_last_one_is_read_as_each_is(
    told: list[tuple[dict[str, Any], int, bool]], size: int
) -> None:
    body = bytearray()
    for event, times, spaced in told:
        separators = (", ", ": ") if spaced else (",", ":")
        data = json.dumps(event, separators=separators, ensure_ascii=spaced).encode()
        body += (b"data: " + data + b"\n\n") * times
    body += b"data: [DONE]\n\n"
    ends, shown = [], []
    for kind in (Stream, EachRead):
        texts: list[str] = []
        stream = kind(1, lambda text, _, texts=texts: texts.append(text))  # type: ignore[misc]
        for start in range(0, len(body), size):
            stream.feed(bytes(body[start : start + size]))
        ends.append((stream.finish(), stream.events))
        shown.append("".join(texts))
    assert ends[0] == ends[1]
    assert shown[0] == shown[1]


def test_of_pieces_that_are_alike_the_text_alone_is_read() -> None:
    class Counted(Stream):
        read = 0

        def _chunk(self, chunk: dict[str, Any], event: str) -> None:
            Counted.read += 1
            super()._chunk(chunk, event)

    stream = Counted()
    padded = [piece("word ") | {"obfuscation": "x" * (i % 5 + 1)} for i in range(200)]
    stream.feed(wire(*padded, piece("", delta={}, finish_reason="stop")))
    end = stream.finish()
    assert isinstance(end, Assembled)
    assert end.response["choices"][0]["message"]["content"] == "word " * 200
    assert Counted.read <= 3
