"""Who says what, as people read it, and which message became which."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from runner.core.plan.conversation import named_tools, same_messages, size_text, turn_of


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ({"role": "user", "content": "hi"}, [("", "hi")]),
        ({"role": "user", "content": ""}, [("", '""')]),
        ({"role": "user", "content": 5}, [("", "5")]),
        ({"role": "assistant", "content": None}, []),
        ({"role": "user", "name": "ada", "content": "hi"}, [("", "hi"), ("name", "ada")]),
        ({"role": "tool", "tool_call_id": "c1", "content": "18"}, [("", "18"), ("for", "c1")]),
        (
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            [("calls", "f({}) as c1")],
        ),
        (
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            [("calls", "f({})")],
        ),
        ({"role": "assistant", "refusal": "no"}, [("refusal", "no")]),
        ({"role": "assistant", "content": "x", "prefix": True}, [("", "x"), ("prefix", "true")]),
        (
            {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"x": 1}}]},
            [("", "a"), ("with", '{"cache_control":{"x":1}}')],
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]},
            [("image", "https://x")],
        ),
        (
            {"role": "user", "content": [{"type": "document_url", "document_url": "d"}, "odd", 3]},
            [("document_url", '{"document_url":"d"}'), ("part", "odd"), ("part", "3")],
        ),
    ],
)
def test_a_message_is_its_role_and_what_it_holds(
    message: dict[str, Any], shown: list[tuple[str, str]]
) -> None:
    turn = turn_of(message)
    assert turn.role == message["role"]
    assert [(part.label, part.text) for part in turn.parts] == shown


def test_files_in_a_message_are_told_by_type_and_size() -> None:
    data = "aGVs" * 400
    content = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{data}"},
        },
    ]
    image, audio, file = turn_of({"role": "user", "content": content}).parts
    assert (image.label, image.text[:25]) == ("image", "image/png, 1.2 KB, sha256")
    assert (audio.label, audio.text[:19]) == ("audio", "wav, 1.2 KB, sha256")
    assert (file.label, file.text[:30]) == ("file", "a.pdf, application/pdf, 1.2 KB")


FILE = "data:application/pdf;base64,aGVs"
MEMBERS: dict[str, Any] = {
    "role": "assistant",
    "name": "ada",
    "content": [
        {"type": "text", "text": "a"},
        {"type": "refusal", "refusal": "no"},
        {"type": "image_url", "image_url": {"url": "https://x"}},
        {"type": "input_audio", "input_audio": {"data": "aGVs", "format": "wav"}},
        {"type": "file", "file": {"file_data": FILE}},
        {"type": "file", "file": {"file_data": FILE, "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "f1"}},
        {"type": "document_url", "document_url": {"url": "d"}},
    ],
    "tool_calls": [
        {"type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "c2", "type": "custom", "custom": {"name": "f", "input": "x"}},
    ],
    "function_call": {"name": "f", "arguments": "{}"},
    "audio": {"id": "a1"},
}


def tables(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from tables(inner)


@pytest.mark.parametrize("odd", ["value-of-it", {"value": "of-it"}, None])
def test_no_member_of_a_message_is_left_out(odd: Any) -> None:
    """Whatever a server reads of it, a reader sees."""
    for number, _ in enumerate(tables(MEMBERS)):
        message = deepcopy(MEMBERS)
        list(tables(message))[number]["odd"] = odd
        shown = turn_of(message).parts
        assert any("odd" in f"{part.label} {part.text}" for part in shown), number


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({"tool_calls": {"name": "f"}}, ("tool_calls", '{"name":"f"}')),
        ({"tool_calls": [{"id": 5, "function": {"name": "f"}}]}, ("with", '{"id":5}')),
        ({"content": []}, ("", "[]")),
    ],
)
def test_what_no_api_has_is_shown_as_it_is(more: Any, shown: tuple[str, str]) -> None:
    turn = turn_of({"role": "assistant", "content": "x", **more})
    assert shown in [(part.label, part.text) for part in turn.parts]


def said(*texts: str, role: str = "user") -> list[dict[str, str]]:
    return [{"role": role, "content": text} for text in texts]


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        (said("a", "b"), said("a", "b"), []),
        (said("a", "b"), said("a", "c"), [(1, 1)]),
        (said("a b c d", "e"), said("new", "a b c x", "e"), [(None, 0), (0, 1)]),
        (said("new", "a b c x", "e"), said("a b c d", "e"), [(0, None), (1, 0)]),
        (said("a"), said("a", role="system"), [(None, 0), (0, None)]),
        ([], said("a"), [(None, 0)]),
    ],
)
def test_a_message_is_compared_with_the_one_that_it_was(
    old: list[Any], new: list[Any], pairs: list[tuple[int | None, int | None]]
) -> None:
    assert list(same_messages(old, new)) == pairs


def test_tools_have_names_where_they_are_all_different() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    assert named_tools([tool, {"type": "web_search"}]) == {
        "f": tool,
        "web_search": {"type": "web_search"},
    }
    assert named_tools([tool, tool]) is None
    assert named_tools("(sensitive)") is None


def test_a_size_is_read_at_once() -> None:
    assert [size_text(n) for n in (1, 999, 8300, 3 << 20)] == [
        "1 byte", "999 bytes", "8.1 KB", "3.0 MB",
    ]  # fmt: skip
