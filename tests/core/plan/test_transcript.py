"""`transcript`: what was asked and what the model said, as the next turn begins."""

from typing import Any

import orjson
import pytest

from runner.core.expansion.outputs import outputs
from runner.core.plan.actions import Keep
from runner.errors import Problem, RunnerError
from tests.harness.lab import Lab, project

FIRST = """[completion.turn1]
model = "m"
messages = [{ role = "user", content = "Why is the sky blue?" }]
"""
NEXT = """[completion.turn2]
model = "m"
messages = "{{ completion.turn1.transcript + [{'role': 'user', 'content': 'And why?'}] }}"
"""
SECRET = """[variable.key]
default = "hush-hush"
sensitive = true
[locals]
loud = "{{ var.key | upper | replace('-', '+') }}"
[completion.turn1]
model = "m"
messages = [{ role = "user", content = "It is {{ local.loud }}." }]
"""
WHY = {"role": "user", "content": "And why?"}


def messages(lab: Lab, address: str) -> Any:
    return dict(lab.model.sent)[address]["messages"]


def test_the_next_turn_begins_with_what_was_asked_and_said() -> None:
    lab = Lab({"configs/main.toml": FIRST + NEXT}, lambda _: "Because.")
    assert "completion.turn2" not in lab.plan().decisions or not lab.sent
    lab.apply()
    assert messages(lab, "completion.turn2") == [
        {"role": "user", "content": "Why is the sky blue?"},
        {"role": "assistant", "content": "Because."},
        WHY,
    ]
    assert lab.plan().empty


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            {"content": None, "refusal": None, "annotations": [], "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"content": None, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        ),
        ({"content": None, "refusal": "No."}, {"content": None, "refusal": "No."}),
        (
            {"content": None, "audio": {"id": "a1", "data": "AA==", "expires_at": 1,
                                        "transcript": "hi"}},
            {"content": None, "audio": {"id": "a1"}},
        ),
        (
            {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
        ),
        ({"content": "x", "tool_calls": [], "reasoning_content": "hm"}, {"content": "x"}),
        ({"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "x"}]},
         {"content": "x"}),
    ],
)  # fmt: skip
def test_a_message_is_sent_back_in_the_shape_that_the_api_takes(
    said: dict[str, Any], expected: dict[str, Any]
) -> None:
    message = {"role": "assistant", **said}
    lab = Lab({"configs/main.toml": FIRST + NEXT}, lambda _: message)
    lab.apply()
    assert messages(lab, "completion.turn2")[1] == {"role": "assistant", **expected}


def test_another_question_with_the_same_answer_is_another_next_turn() -> None:
    lab = Lab({"configs/main.toml": FIRST + NEXT}, lambda _: "Because.")
    lab.apply()
    lab.files["configs/main.toml"] = FIRST.replace("blue", "red") + NEXT
    lab.apply()
    assert lab.sent == ["completion.turn1", "completion.turn2"]
    lab.files["configs/main.toml"] = FIRST.replace("blue", "red").replace('"m"', '"n"') + NEXT
    lab.apply()
    assert lab.sent == ["completion.turn1"]  # the transcript has no model


def test_a_conversation_that_waits_for_itself_is_a_cycle() -> None:
    circle = FIRST.replace("[{ role", '"{{ completion.turn2.transcript }}"\n#[{ role') + NEXT
    with pytest.raises(RunnerError, match=r"Cycle|wait for each other"):
        project(circle).plan()


def test_what_is_sensitive_is_sent_as_it_is_and_recorded_in_no_turn() -> None:
    """Also where the first answer is from an earlier run, and its record has the mask."""
    third = NEXT.replace("turn2", "turn3").replace("turn1", "turn2")
    lab = Lab({"configs/main.toml": SECRET}, lambda _: "I, the user's assistant, know HUSH+HUSH.")
    lab.apply()
    assert b"(sensitive)" in lab.records["completion.turn1"].request
    lab.files["configs/main.toml"] = SECRET + NEXT + third
    lab.apply()
    asked = messages(lab, "completion.turn3")
    assert asked[0] == {"role": "user", "content": "It is HUSH+HUSH."}
    assert [message["role"] for message in asked] == ["user", "assistant"] * 2 + ["user"]
    for record in lab.records.values():
        held = record.request + record.response
        assert b"HUSH" not in held
        assert b"the user's assistant, know (sensitive)." in record.response
        assert orjson.loads(record.response)["choices"][0]["message"]["role"] == "assistant"
    assert lab.plan().empty
    assert all(isinstance(one, Keep) for one in lab.plan().decisions.values())


def test_an_output_that_quotes_what_is_sensitive_has_to_say_so() -> None:
    shown = "[output.all]\nvalue = '{{ completion.turn1.transcript }}'\n"
    lab = Lab({"configs/main.toml": SECRET + shown})
    with pytest.raises(RunnerError, match=r"output\.all shows a sensitive value"):
        lab.plan()
    lab.files["configs/main.toml"] = SECRET + shown + "sensitive = true\n"
    lab.apply()
    lab.files["configs/main.toml"] = FIRST + shown
    outcome = lab.apply()
    problems: list[Problem] = []
    found = outputs(outcome.session, outcome.records, problems)
    assert [message["role"] for message in found["all"].value] == ["user", "assistant"]
    assert not found["all"].sensitive


@pytest.mark.parametrize(
    "quoted",
    [
        "[completion.turn1][0].transcript",
        "[completion.turn1] | map(attribute='transcript') | first",
    ],
)
def test_a_sensitive_transcript_is_quoted_by_its_name_alone(quoted: str) -> None:
    """Else nothing would say that what quotes it is to be masked."""
    hidden = NEXT.replace("completion.turn1.transcript", f"({quoted})")
    lab = Lab({"configs/main.toml": FIRST + hidden})
    lab.apply()
    assert len(messages(lab, "completion.turn2")) == 3
    lab.files["configs/main.toml"] = SECRET + hidden
    lab.apply()
    with pytest.raises(RunnerError, match=r"write completion\.turn1\.transcript"):
        lab.plan()


@pytest.mark.parametrize("root", ["local.first", "each.value"])
def test_a_name_that_stands_for_an_answer_may_quote_it(root: str) -> None:
    through = SECRET.replace("[locals]\n", "[locals]\nfirst = '{{ completion.turn1 }}'\n")
    each = "for_each = { a = '{{ completion.turn1 }}' }\n" if root == "each.value" else ""
    lab = Lab({"configs/main.toml": through + NEXT.replace("completion.turn1", root) + each})
    lab.apply()
    address = 'completion.turn2["a"]' if each else "completion.turn2"
    assert messages(lab, address)[0]["content"] == "It is HUSH+HUSH."
    assert b"HUSH" not in lab.records[address].request
