"""What reaches the server is what was declared, and what comes back is kept as it came."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from tests.harness.faults import completion as answer
from tests.harness.faults import respond
from tests.harness.project import Project, completion, provider, serving

OFFICIAL: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsNonStreaming)
NAMES = set(CompletionCreateParamsNonStreaming.__annotations__)

WHOLE = """
[completion.whole]
model = "gpt-4o"
temperature = 0
top_p = 0.0
n = 1
stop = ["END", "\\n"]
max_completion_tokens = 100
presence_penalty = 0
frequency_penalty = -2.0
logit_bias = { "50256" = -100 }
logprobs = false
seed = 0
user = ""
store = false
metadata = { team = "red" }
reasoning_effort = "low"
service_tier = "auto"
parallel_tool_calls = false
tool_choice = { type = "function", function = { name = "weather" } }
prediction = { type = "content", content = "likely" }

[completion.whole.response_format]
type = "json_schema"
json_schema.name = "out"
json_schema.strict = true
json_schema.schema = { type = "object", properties = { a = { type = "string" } } }

[[completion.whole.tools]]
type = "function"
[completion.whole.tools.function]
name = "weather"
description = ""
parameters = { type = "object", properties = { city = { type = "string" } } }

[[completion.whole.messages]]
role = "system"
content = "Be brief."
[[completion.whole.messages]]
role = "user"
name = "ann"
content = [
  { type = "text", text = "What is this?" },
  { type = "image_url", image_url = { url = "https://example.com/cat.png", detail = "low" } },
]
[[completion.whole.messages]]
role = "assistant"
[[completion.whole.messages.tool_calls]]
id = "call_1"
type = "function"
function = { name = "weather", arguments = "{}" }
[[completion.whole.messages]]
role = "tool"
tool_call_id = "call_1"
content = "sunny"
"""
SENT: dict[str, Any] = {
    "model": "gpt-4o",
    "temperature": 0,
    "top_p": 0,
    "n": 1,
    "stop": ["END", "\n"],
    "max_completion_tokens": 100,
    "presence_penalty": 0,
    "frequency_penalty": -2,
    "logit_bias": {"50256": -100},
    "logprobs": False,
    "seed": 0,
    "user": "",
    "store": False,
    "metadata": {"team": "red"},
    "reasoning_effort": "low",
    "service_tier": "auto",
    "parallel_tool_calls": False,
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "out",
            "strict": True,
            "schema": {"type": "object", "properties": {"a": {"type": "string"}}},
        },
    },
    "prediction": {"type": "content", "content": "likely"},
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            },
        }
    ],
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "text", "text": "What is this?"},
                {
                    "type": "image_url",
                    "image_url": {"url": "https://example.com/cat.png", "detail": "low"},
                },
            ],
        },
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": "{}"},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ],
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def _consumed(value: Any) -> None:
    """pydantic checks an Iterable only as it is read."""
    if isinstance(value, dict):
        for inner in value.values():
            _consumed(inner)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for inner in value:
            _consumed(inner)


def test_the_body_is_what_was_declared_and_what_the_official_types_want(project: Project) -> None:
    with serving(script=lambda got: answer(got.body, got.number, '{"a": "b"}')) as api:
        project.write(provider(api) + WHOLE)
        ran = project.apply()
        assert ran.status == 0, ran.err
        (got,) = api.completions
    assert got.body == SENT
    assert set(got.body) <= NAMES
    _consumed(OFFICIAL.validate_python(got.body))


def test_the_official_types_would_refuse_a_wrong_body() -> None:
    """So that the test above can fail."""
    wrong = {**SENT, "messages": [{"role": "user", "content": 3}]}
    with pytest.raises(ValueError, match="valid string"):
        _consumed(OFFICIAL.validate_python(wrong))


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("temperature = 0", "temperature", 0),
        ("temperature = 0.0", "temperature", 0),
        ("logprobs = false", "logprobs", False),
        ('user = ""', "user", ""),
        ("max_tokens = 1", "max_tokens", 1),
    ],
)
def test_zero_false_and_empty_are_sent(
    project: Project, line: str, name: str, value: object
) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "hi", line))
        assert project.apply().status == 0
        body = api.completions[0].body
    assert set(body) == {"model", "messages", name}
    assert body[name] == value
    assert type(body[name]) is type(value) or name == "temperature"


def test_nothing_undeclared_is_added(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "hi"))
        assert project.apply().status == 0
        (got,) = api.completions
    assert got.body == {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    assert got.headers["Content-Type"] == "application/json"
    assert "Authorization" not in got.headers


def test_parameters_as_a_table_and_as_json_are_one_request(project: Project) -> None:
    table = 'functions = [{ name = "f", parameters = { type = "object", properties = {} } }]'
    text = """functions = [{ name = "f", parameters = '{"type":"object","properties":{}}' }]"""
    with serving() as api:
        project.write(provider(api) + completion("a", "hi", table))
        assert project.apply().status == 0
        project.write(provider(api) + completion("a", "hi", text))
        assert project.apply().status == 0
        (got,) = api.completions
    assert got.body["functions"] == [
        {"name": "f", "parameters": {"type": "object", "properties": {}}}
    ]


def test_extra_body_and_headers_reach_the_server(project: Project) -> None:
    with serving() as api:
        extra = ("extra_body = { top_k = 0 }", 'extra_headers = { X-Team = "red" }')
        project.write(provider(api) + completion("a", "hi", *extra))
        assert project.apply().status == 0
        (got,) = api.completions
    assert got.body["top_k"] == 0
    assert got.headers["X-Team"] == "red"


def test_text_goes_through_unharmed(project: Project) -> None:
    text = 'ü€😀 "quotes" \\ back\tslash\u2028 and </script> {% raw %}{{ no }}{% endraw %}'
    with serving() as api:
        project.write(provider(api) + completion("a", text))
        assert project.apply().status == 0
        shown = text.replace("{% raw %}", "").replace("{% endraw %}", "")
        assert api.completions[0].body["messages"][0]["content"] == shown
        assert project.outputs["a"] == f"echo: {shown}"
        assert project.call("output", "a", "--raw").out == f"echo: {shown}"


def test_the_response_is_kept_byte_for_byte(project: Project) -> None:
    body = (
        b'{"id":"x-1","object":"chat.completion","created":1,"model":"m",'
        b'"choices":[{"index":0,"finish_reason":"new_reason","message":'
        b'{"role":"assistant","content":"caf\\u00e9","new_field":{"deep":[1.0,1e2,null]}}}],'
        b'"new_top":12345678901234567890}'
    )
    with serving(script=lambda _: respond(200, body)) as api:
        project.write(provider(api) + completion("a", "hi"))
        assert project.apply().status == 0
    assert body in project.state_file.read_bytes()
    assert project.outputs["a"] == "café"


def test_recorded_request_is_what_was_sent(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "hi", "temperature = 0", "seed = 4"))
        assert project.apply().status == 0
        assert project.records["completion.a"]["request"] == api.completions[0].body
