"""A prompt is all that a model reads of a body, and has a ceiling that no vocabulary breaks."""

from typing import Any

import orjson
import pytest

from runner.core.plan.prompt import (
    MESSAGE,
    TOOL,
    can_be_counted,
    prompt_ceiling,
    prompt_of,
    read_by_model,
)
from runner.core.plan.tokens import TokenRange
from runner.core.request.outline import Outline
from tests.core.plan.test_tokens import COUNTED

TEXT = "Tell me about the sea, and about the ships that sail on it."
FUNCTION = {"type": "function", "function": {"name": "look", "description": TEXT}}
CALL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sea"}'}}


def tokens_by_script(whole: dict[str, Any]) -> TokenRange:
    return prompt_of(Outline(whole)).tokens()


def body(*contents: Any, model: str = "gpt-4o", **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": content} for content in contents]
    return {"model": model, "messages": messages, **more}


@pytest.mark.parametrize("number", [1, 3, 20])
def test_the_range_holds_what_openai_counts_for_a_conversation(number: int) -> None:
    """Three tokens a message and three for the answer's beginning, as OpenAI's cookbook says."""
    for counted in COUNTED:
        found = tokens_by_script(body(*[counted["text"]] * number))
        assert found.low <= number * (counted["o200k"] + 3) + 3 <= found.high


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [FUNCTION]},
        {"functions": [FUNCTION["function"]]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}},
        {"messages": [{"role": "assistant", "tool_calls": [CALL]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": TEXT}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": TEXT}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
    ],
)
def test_what_the_model_reads_counts(more: dict[str, Any]) -> None:
    nothing = body()
    found = tokens_by_script({**nothing, **more})
    assert found.low > tokens_by_script(nothing).low
    assert read_by_model({**nothing, **more}) != read_by_model(nothing)


def test_what_the_model_does_not_read_is_no_part_of_the_prompt() -> None:
    assert read_by_model(body(TEXT)) == read_by_model(body(TEXT, temperature=1, max_tokens=5))
    assert read_by_model(body(TEXT)) != read_by_model(body(TEXT, model="gpt-4"))


@pytest.mark.parametrize(
    ("more", "whole"),
    [
        ({}, True),
        ({"tools": [FUNCTION]}, True),
        ({"tools": [{"type": "web_search"}]}, False),
        ({"web_search_options": {"search_context_size": "low"}}, False),
        ({"plugins": [{"id": "web"}]}, False),
        ({"model": "gpt-4o-search-preview"}, False),
        ({"audio": {"voice": "alloy", "format": "mp3"}}, False),
        ({"messages": [{"content": [{"type": "input_audio", "input_audio": {}}]}]}, False),
    ],
)
def test_what_is_not_in_the_body_is_known_to_be_read(more: dict[str, Any], *, whole: bool) -> None:
    assert can_be_counted({**body(TEXT), **more}) == whole


@pytest.mark.parametrize("counted", COUNTED, ids=lambda counted: str(counted["what"]))
@pytest.mark.parametrize("model", ["gpt-4o", "other"])
def test_the_ceiling_is_above_what_any_vocabulary_counts(
    counted: dict[str, Any], model: str
) -> None:
    sent = orjson.dumps(body(counted["text"], model=model))
    assert prompt_ceiling(sent) > counted["most"] + 8


def test_the_ceiling_is_a_token_a_byte_and_an_allowance_for_each_message_and_tool() -> None:
    one = orjson.dumps(body(TEXT, tools=[FUNCTION]))
    more = orjson.dumps(body(TEXT, TEXT, tools=[FUNCTION, FUNCTION]))
    grown = prompt_ceiling(more) - prompt_ceiling(one)
    assert grown == len(more) - len(one) + MESSAGE + TOOL


@pytest.mark.parametrize("odd", [{"messages": "x"}, {"tools": 3}, {"messages": [1, None]}, {}])
def test_any_body_can_be_asked_about(odd: dict[str, Any]) -> None:
    assert tokens_by_script(odd).low >= 0
    assert prompt_ceiling(orjson.dumps(odd)) > 0
    assert can_be_counted(odd)
