"""Messages of every kind out, answers of every kind in."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.project import Project, completion, serving
from tests.harness.server import FakeAPI, Request

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"place":"Oslo"}'},
}


def body(message: dict[str, Any], finish: str = "stop", **more: Any) -> dict[str, Any]:
    """An answer with this message, as OpenAI writes it."""
    whole = {"role": "assistant", "content": None, "refusal": None, "annotations": [], **message}
    choice = {"index": 0, "message": whole, "finish_reason": finish, "logprobs": None}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    held = {"id": "chatcmpl-1", "object": "chat.completion", "created": 17, "model": "gpt-4o-x"}
    return {**held, "choices": [choice], "usage": usage, **more}


def reply(request: Request) -> dict[str, Any] | str:
    """What is asked for in the last message: JSON of an answer, or an echo."""
    content = request.body["messages"][-1].get("content")
    if isinstance(content, str) and content.startswith("{"):
        wanted = json.loads(content)
        return body(wanted.pop("message"), **wanted)
    return "ok"


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    with serving(script=reply) as served:
        yield served


def asking(name: str, message: dict[str, Any], *more: str, **rest: Any) -> str:
    """A completion whose answer has this message."""
    prompt = json.dumps({"message": message, **rest})
    lines = [f"[completion.{name}]", 'model = "m"', *more]
    return "\n".join([*lines, f"messages = [{{ role = 'user', content = '''{prompt}''' }}]"]) + "\n"


# -- parts

PARTS = """
[completion.look]
model = "m"
[[completion.look.messages]]
role = "user"
content = [
  { type = "text", text = "{{ var.what }}?" },
  { type = "image_url", image_url = { file = "cat.png", detail = "low" } },
  { type = "image_url", image_url = { url = "https://example.com/dog.png" } },
  { type = "input_audio", input_audio = { file = "purr.wav" } },
  { type = "file", file = { file = "cats.pdf" } },
]
[variable.what]
default = "What"
"""


def test_parts_name_local_files(project: Project, api: FakeAPI) -> None:
    for name, data in (("cat.png", b"\x89PNG"), ("purr.wav", b"RIFF"), ("cats.pdf", b"%PDF")):
        project.write("", name).write_bytes(data)
    project.write(PARTS)
    assert project.apply().status == 0
    text, image, link, audio, document = api.completions[0].body["messages"][0]["content"]
    encoded = {name: base64.b64encode(name).decode() for name in (b"\x89PNG", b"RIFF", b"%PDF")}
    assert text == {"type": "text", "text": "What?"}
    url = f"data:image/png;base64,{encoded[bytes([0x89]) + b'PNG']}"
    assert image == {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
    assert link["image_url"] == {"url": "https://example.com/dog.png"}
    assert audio["input_audio"] == {"data": encoded[b"RIFF"], "format": "wav"}
    pdf = f"data:application/pdf;base64,{encoded[b'%PDF']}"
    assert document["file"] == {"filename": "cats.pdf", "file_data": pdf}
    assert "No changes." in project.call("plan").out
    project.write("", "cat.png").write_bytes(b"another")
    assert "Plan: 1 to re-issue." in project.call("plan").out


def test_the_plan_of_another_file_is_short(project: Project, api: FakeAPI) -> None:
    """How long it is and what its digest: not the bytes."""
    image = project.directory / "configs" / "cat.png"
    part = '{ type = "image_url", image_url = { file = "cat.png" } }'
    message = f'messages = [{{ role = "user", content = [{part}] }}]\n'
    project.write(f'[completion.seen]\nmodel = "m"\n{message}')
    image.write_bytes(b"one" * 10_000)
    project.apply()
    image.write_bytes(b"two" * 10_000)
    plan = project.call("plan").out
    assert plan.count("image/png, 29.3 KB, sha256 ") == 2
    assert len(plan) < 1000


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.png", 'There is no file "none.png"'),
        ("cat.xyz", "has no ending that tells its type"),
        ("../../../etc/passwd.png", "leads outside of the project"),
    ],
)
def test_a_file_that_cannot_be_sent_is_told_at_its_line(
    project: Project, name: str, said: str
) -> None:
    project.write("x", "cat.xyz")
    project.write(PARTS.replace("cat.png", name))
    ran = project.call("plan")
    assert ran.status == 1
    assert said in " ".join(ran.err.split())
    assert "configs/main.toml line 8, in completion.look" in ran.err


# -- structured answers

SCHEMA = {
    "type": "object",
    "properties": {"cats": {"type": "array", "items": {"type": "string"}}},
    "required": ["cats"],
    "additionalProperties": False,
}
TABLE = """response_format = { type = "json_schema", json_schema = { name = "cats", schema = \
{ type = "object", properties = { cats = { type = "array", items = { type = "string" } } }, \
required = ["cats"], additionalProperties = false } } }"""
FILE = """response_format = { type = "json_schema", json_schema = { name = "cats", \
schema = { file = "schemas/cats.json" } } }"""


def test_a_schema_may_be_a_table_or_a_file(project: Project, api: FakeAPI) -> None:
    project.write(json.dumps(SCHEMA), "schemas/cats.json")
    said = {"content": '{"cats": ["Tom"]}'}
    first = '[output.first]\nvalue = "{{ completion.a.json.cats[0] }}"\n'
    project.write(asking("a", said, TABLE) + first)
    assert project.apply().status == 0
    assert project.outputs["first"] == "Tom"
    sent = api.completions[0].body["response_format"]["json_schema"]
    assert sent == {"name": "cats", "schema": SCHEMA}
    project.write(asking("a", said, FILE) + first)
    assert "No changes." in project.call("plan").out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"cats": ["Tom", 3]}', "does not fit the schema at cats[1]: 3 is not of type"),
        ('{"dogs": []}', "does not fit the schema at the whole"),
        ("Tom", "is not JSON"),
    ],
)
def test_an_answer_that_does_not_validate_fails_with_the_place(
    project: Project, api: FakeAPI, content: str, said: str
) -> None:
    user = completion("user", "{{ completion.a.json }}")
    project.write(asking("a", {"content": content}, TABLE) + user)
    ran = project.apply()
    assert ran.status == 1
    assert said in ran.err
    assert project.records["completion.a"]["status"] == "invalid"
    assert "completion.user" not in project.records
    assert "Plan: 1 to re-issue (up to 1 more" in project.call("plan").out
    assert len(api.completions) == 1


def test_json_of_an_answer_that_is_none_is_told(project: Project) -> None:
    output = '[output.x]\nvalue = "{{ completion.a.json.x }}"\n'
    project.write(asking("a", {"content": "no json"}) + output)
    ran = project.apply()
    assert ran.status == 1
    assert "the answer is not JSON" in ran.err
    assert "configs/main.toml line 5, in output.x" in ran.err
    assert list(project.records) == ["completion.a"]


# -- tools

CONVERSATION = """
[completion.told]
model = "m"
tools = [{ type = "function", function = { name = "weather", parameters = { type = "object" } } }]
messages = [
  { role = "user", content = "Rain?" },
  { role = "assistant", tool_calls = [
    { id = "c1", type = "function", function = { name = "weather", arguments = "{}" } },
  ] },
  { role = "tool", tool_call_id = "c1", content = "It rains." },
]
"""


def test_a_declared_conversation_may_hold_tool_calls(project: Project, api: FakeAPI) -> None:
    project.write(CONVERSATION)
    assert project.apply().status == 0
    _, assistant, tool = api.completions[0].body["messages"]
    assert assistant["tool_calls"][0]["function"] == {"name": "weather", "arguments": "{}"}
    assert tool == {"role": "tool", "tool_call_id": "c1", "content": "It rains."}


def test_a_tool_message_names_its_call(project: Project) -> None:
    project.write(CONVERSATION.replace('tool_call_id = "c1", ', ""))
    ran = project.call("plan")
    assert ran.status == 1
    assert "tool_call_id" in ran.err
    assert "main.toml line 10" in ran.err


ROUND = """
[completion.second]
model = "m"
messages = [
  { role = "user", content = "Rain?" },
  { role = "assistant", content = "{{ completion.first.content }}", \
tool_calls = "{{ completion.first.tool_calls }}" },
  { role = "tool", tool_call_id = "{{ completion.first.tool_calls[0].id }}", \
content = "{{ (completion.first.tool_calls[0].function.arguments | fromjson).place }}" },
]
"""
WHOLE = """
[completion.second]
model = "m"
messages = [
  { role = "user", content = "Rain?" },
  "{{ completion.first.choices[0].message }}",
  { role = "tool", tool_call_id = "call_1", content = "Oslo" },
]
"""


@pytest.mark.parametrize("text", [ROUND, WHOLE])
def test_a_later_completion_quotes_tool_calls(project: Project, api: FakeAPI, text: str) -> None:
    project.write(asking("first", {"tool_calls": [CALL]}, finish="tool_calls") + text)
    ran = project.apply()
    assert ran.status == 0, ran.err
    _, assistant, tool = api.completions[1].body["messages"]
    assert assistant["role"] == "assistant"
    assert assistant["tool_calls"] == [CALL]
    assert assistant["content"] is None
    assert tool == {"role": "tool", "tool_call_id": "call_1", "content": "Oslo"}
    assert project.outputs["first"] == [CALL]
    assert "No changes." in project.call("plan").out


def test_a_function_call_is_an_output(project: Project, api: FakeAPI) -> None:
    called = {"name": "get_weather", "arguments": "{}"}
    output = '[output.function_call]\nvalue = "{{ completion.a.function_call }}"\n'
    other = '[output.none]\nvalue = "{{ completion.b.function_call }}"\n'
    text = asking("a", {"function_call": called}, finish="function_call") + output
    project.write(text + asking("b", {"content": "words"}) + other)
    assert project.apply().status == 0
    assert project.outputs["function_call"] == called
    assert project.outputs["a"] == called
    assert project.outputs["none"] is None


# -- answers that are not all there


@pytest.mark.parametrize(
    ("message", "finish", "said"),
    [
        (
            {"content": "half an ans"},
            "length",
            "finish_reason is length: it was cut at max tokens (raise max_tokens for the rest)",
        ),
        ({"content": ""}, "content_filter", "finish_reason is content_filter"),
        ({"refusal": "I cannot."}, "stop", "the model refused: I cannot."),
    ],
)
def test_an_answer_that_is_not_all_there_is_kept_and_told(
    project: Project, api: FakeAPI, message: dict[str, Any], finish: str, said: str
) -> None:
    """In the summary of its apply, in each plan that keeps it, and where the cache has it."""
    project.write(
        asking("a", message, finish=finish) + asking("b", message, "seed = 1", finish=finish)
    )
    ran = project.apply()
    assert ran.status == 0
    assert ran.err.count("Answer is not whole") == 1
    assert f"completion.a, completion.b: {said}" in ran.err
    assert project.records["completion.a"]["status"] == "incomplete"
    plan = project.call("plan")
    assert plan.err.count("Answer is not whole") == 1
    assert f"completion.a, completion.b: {said}" in plan.err
    assert "No changes." in plan.out
    project.state_file.unlink()
    (project.directory / "state/outputs.json").unlink()
    ran = project.apply()
    assert f"completion.a, completion.b: {said}" in ran.err
    assert ran.err.count("Answer is not whole") == 1
    assert len(api.completions) == 2


def test_every_choice_is_looked_at(project: Project) -> None:
    choice = body({"content": "x"})["choices"][0]
    cut = {**choice, "index": 1, "finish_reason": "length"}
    project.write(asking("a", {"content": "x"}, "n = 2", choices=[choice, cut]))
    assert "completion.a: choices[1]: finish_reason is length" in project.apply().err


def test_whole_answers_are_not_warned_about(project: Project) -> None:
    project.write(asking("a", {"content": 'it said "stop" and "refusal"'}))
    assert "Warning" not in project.apply().err
    assert project.call("plan").err == ""


# -- everything else in a response


def test_every_field_of_a_response_is_reachable(project: Project) -> None:
    told = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    more = {
        "system_fingerprint": "fp_1",
        "service_tier": "default",
        "usage": {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}},
        "something_new": {"deep": [1, 2]},
    }
    message = {"content": "a", "annotations": [{"type": "url_citation"}], "audio": {"id": "au"}}
    choice = body(message)["choices"][0] | {"logprobs": {"content": [told], "refusal": None}}
    project.write(asking("a", message, choices=[choice, {**choice, "index": 1}], **more))
    wanted = {
        "id": "chatcmpl-1",
        "created": 17,
        "model": "gpt-4o-x",
        "finish_reason": "stop",
        "logprobs.content[0].logprob": -0.5,
        "choices[1].index": 1,
        "choices[0].message.annotations[0].type": "url_citation",
        "choices[0].message.audio.id": "au",
        "usage.prompt_tokens_details.cached_tokens": 2,
        "system_fingerprint": "fp_1",
        "service_tier": "default",
        "response.something_new.deep[1]": 2,
        "response.object": "chat.completion",
        "refusal": None,
        "tool_calls": None,
    }
    outputs = (
        f'[output.o{number}]\nvalue = "{{{{ completion.a.{path} }}}}"\n'
        for number, path in enumerate(wanted)
    )
    project.write("".join(outputs), "outputs.toml")
    ran = project.apply()
    assert ran.status == 0, ran.err
    found = [project.outputs[f"o{number}"] for number in range(len(wanted))]
    assert found == list(wanted.values())


def test_an_unknown_attribute_is_told_with_the_closest(project: Project) -> None:
    project.write(asking("a", {"content": "x"}) + '[output.x]\nvalue = "{{ completion.a.contnt }}"')
    assert 'Did you mean "completion.a.content"?' in project.call("plan").err


def test_no_answer_steers_the_terminal(project: Project, api: FakeAPI) -> None:
    """It is shown in plans that somebody says yes to; the bytes are kept, and told when asked."""
    steering = "\x1b[2J\x1b]0;title\x07\x9b1A\u202eabc\rdone\nmore"
    text = asking("a", {"content": steering})
    project.write(text)
    assert "\\u001b[2J\\u001b]0;title\\u0007\\u009b1A\\u202eabc" in project.apply().out
    project.write(text + completion("b", "What is this? {{ completion.a.content }}"))
    for command in (("plan",), ("show", "completion.a"), ("output",)):
        said = project.call(*command)
        assert "\\u001b[2J" in said.out, command
        assert not set("\x1b\x07\x9b\u202e\r") & set(said.out + said.err), command
    assert project.call("output", "a", "--raw").out == steering
