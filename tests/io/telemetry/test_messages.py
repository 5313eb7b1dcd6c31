"""Requests and answers in the shapes of the conventions' schemas."""

import json
from typing import Any

import pytest

from runner.io.telemetry.messages import input_messages, output_messages, tool_definitions

WANTED = {
    "text": ("content",),
    "reasoning": ("content",),
    "tool_call": ("name",),
    "tool_call_response": ("response",),
    "blob": ("modality", "content"),
    "uri": ("modality", "uri"),
    "file": ("modality", "file_id"),
}
"""What each type of part must have, as the schemas of the conventions say."""


def parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Of one message that was sent; each has what its type must have."""
    (told,) = json.loads(input_messages({"messages": [message]}))
    assert told["role"] == message["role"]
    for part in told["parts"]:
        assert part.keys() >= {"type", *WANTED.get(part["type"], ())}
    held: list[dict[str, Any]] = told["parts"]
    return held


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"role": "system", "content": "Be brief."}, {"type": "text", "content": "Be brief."}),
        (user([{"type": "text", "text": "a"}]), {"type": "text", "content": "a"}),
        (
            user([{"type": "image_url", "image_url": {"url": "https://x.org/a.png"}}]),
            {"type": "uri", "modality": "image", "uri": "https://x.org/a.png"},
        ),
        (
            user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]),
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": ""},
        ),
        (
            user([{"type": "input_audio", "input_audio": {"format": "wav", "data": "AAAA"}}]),
            {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": ""},
        ),
        (
            user([{"type": "file", "file": {"file_id": "file-1"}}]),
            {"type": "file", "modality": "document", "file_id": "file-1"},
        ),
        (
            {"role": "tool", "tool_call_id": "c1", "content": "12 C"},
            {"type": "tool_call_response", "id": "c1", "response": "12 C"},
        ),
        (
            {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": '{"a": 1}'}}],
            },
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
        ),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]},
            {"type": "tool_call", "id": None, "name": "f", "arguments": "{"},
        ),
        (
            {"role": "assistant", "refusal": "No.", "content": None},
            {"type": "refusal", "content": "No."},
        ),
        (user([{"type": "video", "video": "x"}]), {"type": "video"}),
    ],
)
def test_a_message_has_a_part_for_all_that_is_in_it(
    message: dict[str, Any], told: dict[str, Any]
) -> None:
    assert parts(message) == [told]


def test_an_answer_has_a_message_for_each_choice_with_how_it_ended() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    response = {
        "choices": [
            {"finish_reason": "stop", "message": {"role": "assistant", "content": "a"}},
            {"finish_reason": "tool_calls", "message": {"tool_calls": [call]}},
            {"message": {"reasoning_content": "hm", "content": "b"}},
        ]
    }
    told = json.loads(output_messages(response))
    assert [one["role"] for one in told] == ["assistant"] * 3
    assert [one["finish_reason"] for one in told] == ["stop", "tool_call", "error"]
    assert [part["type"] for part in told[2]["parts"]] == ["reasoning", "text"]


def test_a_tool_is_told_with_its_name_and_what_it_takes() -> None:
    asked = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    (told,) = json.loads(tool_definitions({"tools": [asked]}) or "")
    assert told == {
        "type": "function", "name": "f", "description": "", "parameters": {"type": "object"},
    }  # fmt: skip
    assert tool_definitions({}) is None


@pytest.mark.parametrize(
    "odd", [{}, {"messages": 1}, {"messages": [1, {"content": {}}]}, {"choices": [{"message": 1}]}]
)
def test_what_is_no_message_is_passed_over(odd: dict[str, Any]) -> None:
    json.loads(input_messages(odd))
    json.loads(output_messages(odd))
