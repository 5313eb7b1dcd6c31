"""`runner import` and [[import]]: stored completions brought under an address."""

import json
import tomllib
from typing import Any

import pytest

from tests.harness.project import Project, completion, provider
from tests.harness.server import FakeAPI

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"unit": {"enum": ["c", None]}, "place": {"type": "string"}},
        },
    },
}
CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "Say {{ nothing }} else.\nNever.", "name": None},
    {"role": "user", "content": None, "content_parts": [{"type": "text", "text": "Rain?"}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": 'It "rains" \\ a lot.', "annotations": []},
]


def put(api: FakeAPI, messages: list[dict[str, Any]], **more: Any) -> str:
    """A completion that somebody else stored, as OpenAI tells it: with defaults spelt out."""
    name = f"chatcmpl-put-{len(api.store.completions)}"
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": "said", "refusal": None},
    }
    told = {
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4o-2024-08-06",
        "choices": [choice],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
        "temperature": 1.0,
        "top_p": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "response_format": None,
        "tools": None,
        "tool_choice": None,
        "seed": 4944116822809979520,
        "service_tier": "default",
    }
    metadata = more.pop("metadata", {})
    api.store.keep({"id": name, **told, **more}, {"messages": messages, "metadata": metadata})
    return name


@pytest.mark.parametrize(
    ("address", "messages", "more"),
    [
        ("completion.chat", [{"role": "user", "content": "hello"}], {}),
        ("completion.chat", CONVERSATION, {"metadata": {"kind": "a b"}}),
        ("completion.chat", CONVERSATION * 40, {"temperature": 0.25, "tools": [TOOL]}),
        ('completion.chat["a key"]', CONVERSATION, {"tool_choice": "required", "tools": [TOOL]}),
        ("completion.chat[0]", CONVERSATION, {"top_p": 0.5}),
    ],
)
def test_the_printed_block_plans_as_unchanged(
    project: Project,
    api: FakeAPI,
    address: str,
    messages: list[dict[str, Any]],
    more: dict[str, Any],
) -> None:
    name = put(api, messages, **more)
    ran = project.call("import", address, name)
    assert ran.status == 0, ran.err
    assert f"Imported {address}." in ran.err
    project.write(ran.out)
    plan = project.call("plan")
    assert "No changes." in plan.out, plan.out + plan.err
    record = project.records[address]
    assert record["issued_at"] == "2023-11-14T22:13:20.000Z"
    assert record["response"]["id"] == name
    assert len(record["request"]["messages"]) == len(messages)
    assert project.apply().status == 0
    assert project.outputs["chat"] in ("said", ["said"], {"a key": "said"})
    assert api.completions == []


def test_what_the_configuration_says_is_believed_where_the_server_is_silent(
    project: Project, api: FakeAPI
) -> None:
    name = put(api, [{"role": "user", "content": "hello"}])
    project.write(completion("chat", "hello", "store = true", "max_tokens = 9", "seed = 3"))
    ran = project.call("import", "completion.chat", name)
    assert ran.status == 0
    assert "No changes." in project.call("plan").out
    assert project.outputs == {"chat": "said"}


def test_what_differs_is_in_the_plan(project: Project, api: FakeAPI) -> None:
    name = put(api, [{"role": "user", "content": "hello"}], metadata={"k": "v"})
    project.write(completion("chat", "bye", "store = true"))
    assert project.call("import", "completion.chat", name).status == 0
    plan = project.call("plan").out
    assert "-/+ completion.chat" in plan
    assert "- hello" in plan
    project.write(completion("chat", "hello", "store = true"))
    plan = project.call("plan").out
    assert 'metadata {"k":"v"} -> (absent)' in plan
    assert "Plan: 1 to update." in plan


def test_another_provider_is_named_in_the_block(project: Project, api: FakeAPI) -> None:
    other = provider(api, type="openai").replace("provider.openai", "provider.other")
    project.write('[runner]\nprovider = "openai"\n' + other, "other.toml")
    name = put(api, [{"role": "user", "content": "hello"}])
    ran = project.call("import", "completion.chat", name, "--provider", "other")
    assert 'provider = "other"' in ran.out
    project.write(ran.out)
    assert "No changes." in project.call("plan").out
    said = project.call("import", "completion.x", name, "--provider", "othr").err
    assert 'no provider "othr". Did you mean "other"?' in said


def test_an_address_with_a_record_is_refused(project: Project, api: FakeAPI) -> None:
    name = put(api, [{"role": "user", "content": "hello"}])
    project.call("import", "completion.chat", name)
    written = project.state_file.read_bytes()
    ran = project.call("import", "completion.chat", name)
    assert ran.status == 1
    assert "completion.chat has an answer already" in ran.err
    assert project.state_file.read_bytes() == written


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("completion", "is no address of a completion"),
        ("data.chat_completion.x", "is no address of a completion"),
        ("module.m", "is no address of a completion"),
        ("module.m.completion.x", "has no module.m.completion.x"),
        ("completion.chat", "Only completions that were asked for with store = true are kept."),
    ],
)
def test_what_cannot_be_imported_is_told(project: Project, address: str, said: str) -> None:
    ran = project.call("import", address, "chatcmpl-none")
    assert ran.status == 1
    assert said in ran.err
    assert project.records == {}


def block(name: str, *more: str, to: str = "completion.chat") -> str:
    lines = ["[[import]]", f"to = '{to}'", f"id = {json.dumps(name)}", *more]
    return "\n".join(lines) + "\n"


def test_an_import_block_brings_the_answer_for_free(project: Project, api: FakeAPI) -> None:
    name = put(api, [{"role": "user", "content": "hello"}])
    project.write(completion("chat", "hello", "store = true") + block(name))
    plan = project.call("plan").out
    assert f"# completion.chat will be imported: {name}" in plan
    assert "Plan: 1 to import.\n" in plan
    assert project.call("plan", "--detailed-exitcode").status == 2
    assert project.records == {}
    ran = project.apply()
    assert ran.status == 0
    assert "Apply complete! 1 imported." in ran.out
    assert project.outputs == {"chat": "said"}
    before = len(api.requests)
    assert "No changes." in project.call("plan").out
    assert len(api.requests) == before
    assert api.completions == []


def test_an_import_block_that_differs_is_imported_and_issued(
    project: Project, api: FakeAPI
) -> None:
    name = put(api, [{"role": "user", "content": "hello"}])
    project.write(completion("chat", "bye", "store = true") + block(name))
    assert "Plan: 1 to import, 1 to re-issue." in project.call("plan").out
    assert project.apply().status == 0
    assert project.outputs == {"chat": "echo: bye"}


def test_the_block_of_an_instance_of_a_matrix_has_its_axes(project: Project, api: FakeAPI) -> None:
    name = put(api, [{"role": "user", "content": "hello a"}])
    ran = project.call("import", 'completion.chat["case=a,model=m"]', name)
    assert ran.status == 0, ran.err
    held = tomllib.loads(ran.out)["completion"]["chat"]
    assert held["matrix"] == {"case": ["a"], "model": ["m"]}


def test_import_blocks_take_expressions_and_instances(project: Project, api: FakeAPI) -> None:
    name = put(api, [{"role": "user", "content": "hello a"}])
    text = completion("chat", "hello {{ each.key }}", "store = true", 'for_each = ["a", "b"]')
    text += "[variable.id]\n" + block("{{ var.id }}", to='completion.chat["a"]')
    project.write(text)
    ran = project.apply("--var", f"id={name}")
    assert ran.status == 0, ran.err
    assert "1 imported, 1 issued" in ran.out
    assert project.outputs == {"chat": {"a": "said", "b": "echo: hello b"}}


def test_an_import_block_brings_each_item(project: Project, api: FakeAPI) -> None:
    """Also of what a data source lists, which is read before."""
    names = [put(api, [{"role": "user", "content": f"hello {key}"}]) for key in "ab"]
    text = completion("chat", "hello {{ each.key }}", "store = true", 'for_each = ["a", "b", "c"]')
    each = block("{{ each.value }}", f"for_each = {{ a = '{names[0]}', b = '{names[1]}' }}",
                 to="completion.chat[each.key]")  # fmt: skip
    project.write(text + each)
    plan = project.call("plan")
    assert "Plan: 2 to import, 1 to issue" in plan.out, plan.err
    ran = project.apply()
    assert "2 imported, 1 issued" in ran.out, ran.err
    assert project.outputs["chat"] == {"a": "said", "b": "said", "c": "echo: hello c"}
    assert project.call("plan").out.startswith("No changes.")


def test_an_import_block_brings_what_a_data_source_lists(project: Project, api: FakeAPI) -> None:
    put(api, [{"role": "user", "content": "hello"}])
    listed = "{{ data.chat_completions.all.ids }}"
    text = "[data.chat_completions.all]\n" + completion(
        "chat", "hello", "store = true", f'for_each = "{listed}"'
    )
    each = block("{{ each.key }}", f'for_each = "{listed}"', to="completion.chat[each.value]")
    project.write(text + each)
    ran = project.apply()
    assert ran.status == 0, ran.err
    assert "1 imported" in ran.out
    assert list(project.outputs["chat"].values()) == ["said"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (block("x", "for_each = ['a']"), 5, "each item of for_each"),
        (block("x", to="completion.chat[each.key]"), 5, "Without for_each"),
        (block("{{ each.valu }}", "for_each = ['a']", to="completion.chat[each.key]"), 6,
         'Did you mean "each.value"?'),
        (block("x", 'for_each = "{{ 3 }}"', to="completion.chat[each.key]"), 7, "for_each wants"),
        (block("x", "for_each = ['a']", to="completion.chat[each.key]"), 5,
         'There is no completion.chat["a"]'),
        (block("x", 'for_each = ["{{ completion.chat.id }}"]', to="completion.chat[each.key]"), 7,
         "must be known before the plan"),
        (block("x", to="completion.chta"), 5, "There is no completion.chta"),
        (block("x", to="module.m"), 5, "the address of a completion"),
        (block("x") + block("y"), 8, "the target of two imports"),
        (block("x", 'provider = "none"'), 7, 'There is no provider "none"'),
        (block("x", 'proivder = "none"'), 7, 'Did you mean "provider"?'),
        (block("x"), 6, "could not be read from the provider openai"),
        (block("{{ completion.chat.id }}"), 6, "must be known before the plan"),
    ],
)  # fmt: skip
def test_import_blocks_that_cannot_be_meant_are_told(
    project: Project, text: str, line: int, said: str
) -> None:
    project.write(completion("chat", "hello").rstrip("\n") + "\n" + text)
    ran = project.call("plan")
    assert ran.status == 1
    assert said.lower() in " ".join(ran.err.split()).lower()
    assert f"configs/main.toml line {line}," in ran.err
