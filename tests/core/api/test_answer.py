"""What an expression sees of an answer."""

from typing import Any

import orjson
import pytest

from runner.core.api.answer import (
    Answer,
    has_choices,
    output_value,
    recorded_answer,
    text_alone,
    warning,
)
from runner.core.api.names import ATTRIBUTES
from runner.core.api.usage import usage_of
from runner.core.values import TemplateError, plain


def response(message: dict[str, Any] | None, finish: str = "stop", **more: Any) -> bytes:
    choices = [] if message is None else [{"index": 0, "finish_reason": finish, "message": message}]
    return orjson.dumps({"id": "c-1", "choices": choices, **more})


THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "2 and 2"}]}


def test_attributes_are_those_of_the_first_choice() -> None:
    raw = orjson.dumps(
        {
            "id": "c-1",
            "model": "m",
            "choices": [
                {"finish_reason": "stop", "message": {"content": "one"}},
                {"finish_reason": "length", "message": {"content": "two"}},
            ],
        }
    )
    answer = Answer(raw)
    assert (answer["content"], answer["finish_reason"], answer["id"]) == ("one", "stop", "c-1")
    assert answer["response"]["choices"][1]["message"]["content"] == "two"


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[{}]}',
        b'{"choices":null}',
        b'{"choices":[null]}',
        b'{"choices":[{"message":null}]}',
    ],
)
def test_what_an_answer_does_not_have_is_null(raw: bytes) -> None:
    answer = Answer(raw)
    for name in set(ATTRIBUTES) - {"json", "response", "choices"}:
        assert answer[name] is None
    assert output_value(answer) is None


def test_a_name_that_is_no_attribute_is_not_there() -> None:
    answer = Answer(response({"content": "x"}))
    with pytest.raises(KeyError):
        answer["contnet"]
    assert "contnet" not in answer
    assert "json" in answer


def test_json_is_the_content_parsed() -> None:
    assert Answer(response({"content": '[1, {"a": null}]'}))["json"] == [1, {"a": None}]
    spoken = {"content": None, "audio": {"id": "a", "transcript": "[2]"}}
    assert Answer(response(spoken))["json"] == [2]
    parts = [THOUGHT, {"type": "text", "text": "[3"}, {"type": "text", "text": "]"}]
    assert Answer(response({"content": parts}))["json"] == [3]
    for message, said in (
        ({"content": "no"}, "not JSON"),
        ({"content": None}, "no text"),
        ({"content": [THOUGHT]}, "no text"),
    ):
        with pytest.raises(TemplateError, match=said):
            Answer(response(message))["json"]


def test_a_whole_answer_is_a_value_even_if_its_text_is_no_json() -> None:
    found = plain(Answer(response({"content": "no json"})))
    assert found["content"] == "no json"
    assert "json" not in found
    assert plain(Answer(response({"content": "[1]"})))["json"] == [1]


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ({"content": "text"}, "text"),
        ({"content": ""}, ""),
        ({"content": None, "tool_calls": [{"id": "t"}]}, [{"id": "t"}]),
        ({"content": None, "function_call": {"name": "f"}}, {"name": "f"}),
        ({"content": None, "refusal": "no"}, "no"),
        ({"content": "", "tool_calls": [{"id": "t"}]}, [{"id": "t"}]),
        ({"content": " \n", "tool_calls": [{"id": "t"}]}, [{"id": "t"}]),
        ({"content": "", "function_call": {"name": "f"}}, {"name": "f"}),
        ({"content": "", "refusal": "no", "tool_calls": []}, "no"),
        ({"content": "I look.", "tool_calls": [{"id": "t"}]}, "I look."),
        ({"content": "", "tool_calls": []}, ""),
        ({"content": [], "tool_calls": [{"id": "t"}]}, [{"id": "t"}]),
        ({"content": [THOUGHT, {"type": "text", "text": "fo"}, {"text": "ur"}]}, "four"),
        ({"content": [THOUGHT], "tool_calls": [{"id": "t"}]}, [{"id": "t"}]),
        ({"content": [THOUGHT]}, [THOUGHT]),
        ({"content": None, "audio": {"id": "a", "transcript": "spoken"}}, "spoken"),
        ({"content": "", "audio": {"id": "a", "transcript": "spoken"}}, "spoken"),
        ({"content": "written", "audio": {"transcript": "spoken"}}, "written"),
    ],
)
def test_an_output_is_the_text_or_what_came_instead(message: dict[str, Any], value: Any) -> None:
    raw = response(message)
    assert output_value(Answer(raw)) == value
    assert text_alone(raw) in (None, value)


def test_the_text_of_the_usual_answer_is_read_alone() -> None:
    assert text_alone(response({"content": "text", "refusal": None})) == "text"
    assert text_alone(b'{"choices":[{"message":{"content":"a","content":"b"}}]}') == "b"
    for raw in (b"no json", b"{}", b'{"choices":[]}', b'{"choices":[{"message":{}}]}', b"[" * 9999):
        assert text_alone(raw) is None


def test_an_answer_that_is_not_all_there_is_warned_of() -> None:
    assert warning(response({"content": "x"})) is None
    assert warning(response({"content": "x", "refusal": None})) is None
    assert "length" in str(warning(response({"content": "x"}, "length")))
    assert "filter" in str(warning(response({"content": ""}, "content_filter")))
    assert "refused" in str(warning(response({"content": None, "refusal": "I won't"})))
    assert warning(response({"content": 'says "stop" and "length"'}, "tool_calls")) is None


def test_a_listed_data_source_has_its_own_attributes() -> None:
    raw = orjson.dumps({"data": [{"id": "a", "choices": []}, {"id": "b", "choices": []}]})
    listed = recorded_answer("data.chat_completions.all", raw)
    assert listed["ids"] == ["a", "b"]
    assert listed["data"][1]["id"] == "b"
    messages = recorded_answer("module.m.data.chat_completion_messages.x", raw)
    assert [entry["id"] for entry in messages["messages"]] == ["a", "b"]
    one = recorded_answer("data.chat_completion.x", response({"content": "x"}))
    assert one["content"] == "x"
    odd = recorded_answer('completion.x["a.data.chat_completions.b"]', response({"content": "y"}))
    assert odd["content"] == "y"


def test_usage_is_read_where_it_is_said() -> None:
    used = usage_of(response({"content": "x"}, usage={"prompt_tokens": 3, "completion_tokens": 4}))
    assert used is not None
    assert (used.prompt, used.completion) == (3, 4)
    assert usage_of(response({"content": "x"})) is None
    assert usage_of(response({"content": "x"}, usage=None)) is None
    assert usage_of(b"not json") is None


@pytest.mark.parametrize(
    "usage", [{}, {"total_tokens": 3}, {"prompt_tokens": -5}, {"prompt_tokens": "x"}]
)
def test_a_usage_that_says_nothing_or_nonsense_is_none(usage: dict[str, Any]) -> None:
    assert usage_of(response({"content": "x"}, usage=usage)) is None


def test_a_count_of_nothing_may_be_left_out() -> None:
    used = usage_of(response({"content": "x"}, usage={"prompt_tokens": 9, "total_tokens": 9}))
    assert used is not None
    assert (used.prompt, used.completion) == (9, 0)


ODD: tuple[object, ...] = (5, -1.5, True, "x", [], ["x"], {}, {"a": [1]}, None)
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("id", "model", "finish_reason", "refusal", "system_fingerprint"), (str,)),
    "service_tier": (str,),
    "content": (str, list),
    "created": (int, float),
    **dict.fromkeys(("usage", "function_call", "logprobs", "response"), (dict,)),
    **dict.fromkeys(("choices", "tool_calls"), (list,)),
}


@pytest.mark.parametrize("value", ODD)
def test_an_attribute_is_of_its_kind_or_null(value: Any) -> None:
    message = dict.fromkeys(ATTRIBUTES, value)
    body = {**message, "choices": [{**message, "message": message}]}
    answer = Answer(orjson.dumps(body))
    for name, kinds in _KINDS.items():
        held = answer[name]
        assert held is None or (isinstance(held, kinds) and not isinstance(held, bool)), name
    assert answer["content"] == (value if isinstance(value, str | list) else None)
    assert warning(answer.raw) is None or value
    assert output_value(answer) == (value if isinstance(value, str | list | dict) else None)


@pytest.mark.parametrize("raw", [b"", b"5", b"[1]", b"\xff", b'{"choices":[', b'{"choices":[5]}'])
def test_what_is_no_response_has_no_attributes(raw: bytes) -> None:
    answer = Answer(raw)
    assert [answer[name] for name in ("id", "content", "finish_reason", "usage")] == [None] * 4
    assert (usage_of(raw), warning(raw)) == (None, None)


def test_an_answer_that_is_not_as_it_came_is_marked() -> None:
    raw = b'{"choices":[{"finish_reason":"stop"}]}'
    assert warning(raw) is None
    assert "more than 128 levels" in str(warning(raw, mended=True))


def test_a_text_nested_too_deeply_is_no_json_of_an_answer() -> None:
    text = "[" * 129 + "]" * 129
    answer = Answer(orjson.dumps({"choices": [{"message": {"content": text}}]}))
    assert answer["content"] == text
    assert "json" not in list(answer)
    with pytest.raises(TemplateError, match="128 levels"):
        answer["json"]


def test_a_transcript_of_what_no_record_has_says_so() -> None:
    masked = b'{"messages":"(sensitive)"}'
    answer = recorded_answer("completion.x", response({"content": "y"}), masked)
    with pytest.raises(TemplateError, match="sensitive, and no record has it"):
        answer["transcript"]


def test_an_answer_needs_a_choice_and_no_message() -> None:
    assert has_choices({"choices": [{"finish_reason": "content_filter"}]})
    values: list[object] = [{"choices": []}, {"choices": None}, {"choices": {}}, {}, [], "x", None]
    assert not any(has_choices(value) for value in values)
