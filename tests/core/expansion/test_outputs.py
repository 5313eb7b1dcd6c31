"""The outputs: declared, or each completion under its own name."""

from typing import Any

import pytest

from runner.core.api.exchange import Failure
from runner.core.expansion.outputs import OutputValue, outputs, shown_outputs
from runner.errors import Problem, RunnerError
from tests.harness.lab import Lab, project


def block(name: str, content: str, more: str = "") -> str:
    return (
        f"[completion.{name}]\nmodel = 'm'\n{more}\n"
        f'messages = [{{ role = "user", content = """{content}""" }}]\n'
    )


def told(lab: Lab) -> tuple[dict[str, OutputValue], list[Problem]]:
    outcome = lab.apply()
    problems: list[Problem] = []
    return outputs(outcome.session, outcome.records, problems), problems


def echoed(body: dict[str, Any]) -> str:
    return f"<{body['messages'][0]['content']}>"


def test_each_completion_is_an_output_and_a_declared_one_goes_first() -> None:
    text = (
        block("one", "1") + block("many", "{{ each.key }}", "for_each = ['b', 'a']")
        + block("list", "{{ count.index }}", "count = 11") + block("off", "x", "enabled = false")
        + block("renamed", "r")
        + "[output.renamed]\nvalue = '{{ completion.renamed.content | length }}'\n"
          "[output.both]\nvalue = ['{{ completion.one.content }}', { n = '{{ 1 + 1 }}' }]\n"
    )  # fmt: skip
    found, problems = told(Lab({"configs/main.toml": text}, echoed))
    assert problems == []
    assert shown_outputs(found) == {
        "both": ["<1>", {"n": 2}],
        "list": [f"<{i}>" for i in range(11)],
        "many": {"b": "<b>", "a": "<a>"},
        "one": "<1>",
        "renamed": 3,
    }
    assert list(found) == sorted(found)


def test_an_output_has_no_value_where_its_precondition_does_not_hold() -> None:
    rule = (
        "precondition = [{ for_each = '{{ completion.list.content.split(\",\") }}', "
        "condition = '{{ each.value | length > 2 }}', error_message = 'an empty word' }]\n"
    )
    text = block("list", "one,two,x") + block("other", "o")
    text += "[output.words]\nvalue = '{{ completion.other.content }}'\n" + rule
    text += "[module.m]\nsource = './m'\n[output.inner]\nvalue = '{{ module.m.out }}'\n"
    module = (
        "[output.out]\nvalue = 1\n"
        "precondition = [{ condition = '{{ 1 > 2 }}', error_message = 'no' }]\n"
    )
    lab = Lab({"configs/main.toml": text, "configs/m/main.toml": module}, echoed)
    with pytest.raises(RunnerError, match=r"module\.m\.output\.out has no value: no"):
        lab.plan()
    lab.files["configs/m/main.toml"] = module.replace("1 > 2", "2 > 1")
    found, problems = told(lab)
    assert shown_outputs(found).keys() == {"inner", "list", "other"}
    (problem,) = problems
    assert str(problem.where) == "configs/main.toml:11"
    said = 'output.words has no value: an empty word (each.key is 2, each.value is "x>")'
    assert problem.detail == said


def test_what_failed_has_no_output_and_the_rest_has() -> None:
    text = (
        block("good", "good") + block("bad", "bad")
        + "[output.fine]\nvalue = '{{ completion.good.content }}'\n"
          "[output.lost]\nvalue = '{{ completion.bad.content }}'\n"
    )  # fmt: skip
    lab = Lab({"configs/main.toml": text})
    lab.reply = lambda body: Failure("no") if "bad" in str(body) else "yes"
    found, problems = told(lab)
    assert problems == []
    assert shown_outputs(found) == {"fine": "yes", "good": "yes"}
    assert not found["lost"].known


def test_a_sensitive_output_is_not_shown() -> None:
    text = (
        "[variable.key]\nsensitive = true\ndefault = 'hush-hush'\n"
        + block("a", "x") + "[output.said]\nvalue = '{{ var.key }}'\nsensitive = true\n"
    )  # fmt: skip
    found, problems = told(Lab({"configs/main.toml": text}))
    assert problems == []
    assert found["said"].value == "hush-hush"
    assert "said" not in shown_outputs(found)


def test_an_output_that_shows_a_secret_must_say_so() -> None:
    text = (
        "[variable.key]\nsensitive = true\ndefault = 'hush-hush'\n[locals]\nl = '{{ var.key }}'\n"
        + block("a", "x") + "[output.said]\nvalue = 'k {{ local.l }}'\n"
    )  # fmt: skip
    with pytest.raises(RunnerError) as caught:
        Lab({"configs/main.toml": text}).plan()
    (problem,) = caught.value.problems
    assert problem.summary == "Output refers to sensitive value"
    assert str(problem.where) == "configs/main.toml:11"
    assert "hush" not in problem.detail


def test_a_mistake_in_one_output_leaves_the_others() -> None:
    text = block("a", "x") + (
        "[output.bad]\nvalue = '{{ completion.a.json }}'\n"
        "[output.good]\nvalue = '{{ completion.a.content }}'\n"
    )
    found, problems = told(Lab({"configs/main.toml": text}, lambda _: "text"))
    assert shown_outputs(found) == {"a": "text", "good": "text"}
    assert [str(problem.where) for problem in problems] == ["configs/main.toml:6"]


def test_a_secret_of_a_module_that_an_answer_calls_is_known_once_it_is_there() -> None:
    """Whether a value is sensitive may be asked before its module has instances."""
    lab = project(
        block("topics", "list")
        + "[variable.key]\nsensitive = true\ndefault = 'hush-hush'\n"
        "[module.m]\nsource = '../m'\nfor_each = '{{ completion.topics.json }}'\n"
        "key = '{{ var.key }}'\n"
        + block("use", "{{ module.m['x'].out }}")
    )  # fmt: skip
    lab.files["m/main.toml"] = "[variable.key]\n[output.out]\nvalue = '{{ var.key }}'\n" + block(
        "in", "y"
    )
    lab.reply = lambda body: '["x"]' if body["messages"][0]["content"] == "list" else "ok"
    lab.apply()
    assert b"hush" not in lab.records["completion.use"].request
    assert lab.plan().empty
