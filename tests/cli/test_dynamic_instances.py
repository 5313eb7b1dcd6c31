"""Instances over answers: for_each and count that are known once an answer is."""

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.harness.faults import completion as answered
from tests.harness.project import Project, prompt_of, prompts, provider, serving, wait_until
from tests.harness.server import FakeAPI, Request


@dataclass
class Model:
    """Answers by what the prompt begins with; all else is an echo."""

    said: dict[str, Any] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)

    def __call__(self, request: Request) -> dict[str, Any] | str:
        prompt = prompt_of(request.body)
        if prompt in self.failing:
            return "500"
        if prompt not in self.said:
            return "ok"
        made: dict[str, Any] = answered(request.body, request.number)
        made["choices"][0]["message"] = {"role": "assistant", **self.said[prompt]}
        return made


def listed(*topics: str) -> dict[str, str]:
    return {"content": json.dumps(topics)}


@pytest.fixture
def model() -> Model:
    return Model({"topics": listed("sea", "sky")})


@pytest.fixture
def api(model: Model) -> Iterator[FakeAPI]:
    with serving(script=model) as served:
        yield served


@pytest.fixture
def project(tmp_path: Path, api: FakeAPI) -> Project:
    made = Project(tmp_path)
    made.write(provider(api, concurrency=1), "provider.toml")
    return made


def block(name: str, prompt: str, *more: str) -> str:
    lines = [f"[completion.{name}]", 'model = "m"', *more]
    return "\n".join([*lines, f"messages = [{{ role = 'user', content = '''{prompt}''' }}]"]) + "\n"


TOPICS = block("topics", "topics")
ESSAYS = block("essay", "on {{ each.key }}", "for_each = '{{ completion.topics.json }}'")
LAST = block("last", "all: {{ completion.essay['sea'].content }}, {{ completion.essay | length }}")


def test_the_plan_says_what_is_not_known(project: Project, api: FakeAPI) -> None:
    project.write(TOPICS + ESSAYS + LAST)
    plan = project.call("plan").out
    assert "# completion.essay has instances known after completion.topics" in plan
    assert "  ? completion.essay\n" in plan
    assert "Plan: 1 to issue (up to 1 more once those are known, and instances not yet known)." in (
        plan
    )


def test_apply_expands_when_the_answer_is_there(project: Project, api: FakeAPI) -> None:
    project.write(TOPICS + ESSAYS + LAST)
    assert project.apply().status == 0
    assert prompts(api) == ["topics", "on sea", "on sky", "all: echo: on sea, 2"]
    assert project.outputs["essay"] == {"sea": "echo: on sea", "sky": "echo: on sky"}
    assert "No changes." in project.call("plan").out
    assert project.apply().status == 0
    assert len(api.completions) == 4


def test_instances_follow_the_answer(project: Project, api: FakeAPI, model: Model) -> None:
    """Those whose key and request stay are kept, those that vanish are removed."""
    project.write(TOPICS + ESSAYS)
    project.apply()
    sea = project.records['completion.essay["sea"]']
    model.said["topics"] = listed("sea", "sun", "rain")
    ran = project.apply("--replace", "completion.topics")
    assert ran.status == 0
    assert prompts(api)[3:] == ["topics", "on sun", "on rain"]
    assert sorted(project.records) == [
        'completion.essay["rain"]',
        'completion.essay["sea"]',
        'completion.essay["sun"]',
        "completion.topics",
    ]
    assert project.records['completion.essay["sea"]'] == sea
    assert project.outputs["essay"].keys() == {"sea", "sun", "rain"}
    assert "No changes." in project.call("plan").out


def test_vanished_instances_are_deleted_where_they_were_stored(
    project: Project, api: FakeAPI, model: Model
) -> None:
    project.write(TOPICS + ESSAYS.replace('model = "m"', 'model = "m"\nstore = true'))
    project.apply()
    assert len(api.store.completions) == 2
    model.said["topics"] = listed("sea")
    assert project.apply("--replace", "completion.topics").status == 0
    kept = [api.store.messages[name][0]["content"] for name in api.store.completions]
    assert kept == ["on sea"]


def test_a_vanished_instance_that_must_stay_is_kept(
    project: Project, api: FakeAPI, model: Model
) -> None:
    protected = ESSAYS.replace('model = "m"', 'model = "m"\nlifecycle = { prevent_destroy = true }')
    project.write(TOPICS + protected)
    project.apply()
    model.said["topics"] = listed("sea")
    ran = project.apply("--replace", "completion.topics")
    assert ran.status == 1
    assert 'completion.essay["sky"] has lifecycle.prevent_destroy' in " ".join(ran.err.split())
    assert 'completion.essay["sky"]' in project.records
    assert project.call("plan").status == 1


def test_a_vanished_instance_that_is_excluded_is_kept(
    project: Project, api: FakeAPI, model: Model
) -> None:
    project.write(TOPICS + ESSAYS)
    project.apply()
    model.said["topics"] = listed("sun")
    excluded = ("--exclude", 'completion.essay["sky"]')
    assert project.apply("--replace", "completion.topics", *excluded).status == 0
    assert sorted(project.records) == [
        'completion.essay["sky"]',
        'completion.essay["sun"]',
        "completion.topics",
    ]


def test_a_renamed_key_keeps_its_answer(project: Project, api: FakeAPI, model: Model) -> None:
    """The same request under another key; what was stored for it is not deleted."""
    model.said["topics"] = {"content": '{"a": "sea"}'}
    essays = ESSAYS.replace("each.key", "each.value").replace(
        'model = "m"', 'model = "m"\nstore = true'
    )
    project.write(TOPICS + essays)
    project.apply()
    model.said["topics"] = {"content": '{"b": "sea"}'}
    assert project.apply("--replace", "completion.topics").status == 0
    assert prompts(api) == ["topics", "on sea", "topics"]
    assert list(project.records) == ['completion.essay["b"]', "completion.topics"]
    assert len(api.store.completions) == 1


def test_levels_chain(project: Project, api: FakeAPI, model: Model) -> None:
    model.said |= {
        "on sea": listed("fish", "ship"),
        "on sky": listed("bird"),
        "about fish": listed("cod"),
    }
    local = """
[locals]
parts = '''{{ (completion.essay['sea'].json + completion.essay['sky'].json) | list }}'''
"""
    parts = block("part", "about {{ each.key }}", "for_each = '{{ local.parts }}'")
    count = "count = '''{{ completion.part['fish'].json | length + 1 }}'''"
    ends = block("end", "end {{ count.index }}", count)
    final = block("final", "{{ completion.end[1].content }}")
    project.write(TOPICS + ESSAYS + local + parts + ends + final)
    plan = project.call("plan").out
    for name in ("essay", "part", "end"):
        assert f"# completion.{name} has instances known after completion." in plan
    ran = project.apply()
    assert ran.status == 0, ran.err
    assert sorted(project.records) == [
        "completion.end[0]",
        "completion.end[1]",
        'completion.essay["sea"]',
        'completion.essay["sky"]',
        "completion.final",
        'completion.part["bird"]',
        'completion.part["fish"]',
        'completion.part["ship"]',
        "completion.topics",
    ]
    assert project.outputs["final"] == "echo: echo: end 1"
    assert "No changes." in project.call("plan").out


def test_choices_and_tool_calls_make_instances(
    project: Project, api: FakeAPI, model: Model
) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    model.said["call"] = {"content": None, "tool_calls": [call, {**call, "id": "c2"}]}
    per_choice = block(
        "per_choice",
        "{{ completion.topics.choices[count.index].message.content }}",
        "count = '{{ completion.topics.choices | length }}'",
    )
    named = (
        "[locals]\nids = '''{{ completion.call.tool_calls | map(attribute=\"id\") | list }}'''\n"
    )
    per_call = block(
        "per_call",
        '{{ each.key }}: {{ (completion.call.tool_calls | selectattr("id", "equalto", each.key) '
        "| first).function.arguments }}",
        "for_each = '{{ local.ids }}'",
    )
    project.write(TOPICS + per_choice + block("call", "call") + named + per_call)
    ran = project.apply()
    assert ran.status == 0, ran.err
    assert project.outputs["per_choice"] == ['echo: ["sea", "sky"]']
    assert project.outputs["per_call"] == {
        "c1": 'echo: c1: {"x": 1}',
        "c2": 'echo: c2: {"x": 1}',
    }


def test_modules_are_expanded_over_an_answer(project: Project, api: FakeAPI, model: Model) -> None:
    inner = (
        "[variable.topic]\n"
        + block("draft", "draft {{ var.topic }}")
        + "[output.text]\nvalue = '{{ completion.draft.content }}'\n"
    )
    project.write(inner, "modules/essay/main.toml")
    calls = (
        "[module.essay]\nsource = './modules/essay'\ntopic = '{{ each.key }}'\n"
        "for_each = '{{ completion.topics.json }}'\n"
    )
    last = block("last", "{{ module.essay['sea'].text }} of {{ module.essay | length }}")
    project.write(TOPICS + calls + last)
    assert "# module.essay has instances known after completion.topics" in project.call("plan").out
    ran = project.apply()
    assert ran.status == 0, ran.err
    assert project.outputs["last"] == "echo: echo: draft sea of 2"
    assert "No changes." in project.call("plan").out
    model.said["topics"] = listed("sea")
    assert project.apply("--replace", "completion.topics").status == 0
    assert sorted(project.records) == [
        "completion.last",
        "completion.topics",
        'module.essay["sea"].completion.draft',
    ]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"content": '[{"name": "sea"}]'}, "Name the rows by a column"),
        ({"content": '["sea", "sea"]'}, '"sea" stands twice in for_each'),
        ({"content": "3"}, "this is a number"),
        ({"content": "sea and sky"}, "the answer is not JSON"),
        ({"content": None}, "the answer has no text"),
    ],
)
def test_an_answer_that_gives_no_instances_fails_the_block(
    project: Project, api: FakeAPI, model: Model, answer: dict[str, Any], said: str
) -> None:
    model.said["topics"] = answer
    project.write(TOPICS + ESSAYS + LAST + block("other", "other"))
    ran = project.apply()
    assert ran.status == 1
    assert said in " ".join(ran.err.split())
    assert sorted(project.records) == ["completion.other", "completion.topics"]
    assert prompts(api).count("topics") == 1


def test_a_failure_leaves_the_other_instances(project: Project, api: FakeAPI, model: Model) -> None:
    model.failing = {"on sky"}
    project.write(TOPICS + ESSAYS + LAST)
    ran = project.apply()
    assert ran.status == 1
    assert sorted(project.records) == ['completion.essay["sea"]', "completion.topics"]
    model.failing = set()
    assert project.apply().status == 0
    assert prompts(api) == ["topics", "on sea", "on sky", "on sky", "all: echo: on sea, 2"]


def test_a_killed_apply_goes_on_where_it_was(project: Project, api: FakeAPI, model: Model) -> None:
    """What had been answered is free, instances that only an answer named included."""
    names = [f"t{number:02}" for number in range(12)]
    model.said["topics"] = listed(*names)
    project.write(TOPICS + ESSAYS)
    process = project.start("apply", "--auto-approve")
    wait_until(lambda: len(api.completions) >= 5, "some instances")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert project.apply().status == 0
    assert len(project.records) == 13
    asked = prompts(api)
    assert set(asked) == {"topics", *(f"on {name}" for name in names)}
    assert len(asked) <= 14  # one request in flight may be lost
    assert "No changes." in project.call("plan").out


def test_enabled_may_hang_on_an_answer(project: Project, api: FakeAPI, model: Model) -> None:
    """A completion that an answer turns off is removed, also at the server."""
    rule = "enabled = '''{{ 'sky' in completion.topics.json }}'''"
    project.write(TOPICS + block("sky", "sky", rule, "store = true"))
    assert project.apply().status == 0
    assert len(api.store.completions) == 1
    model.said["topics"] = listed("sea")
    assert project.apply("--replace", "completion.topics").status == 0
    assert list(project.records) == ["completion.topics"]
    assert api.store.completions == {}


def test_an_output_may_show_modules_that_only_an_answer_names(
    project: Project, api: FakeAPI, model: Model
) -> None:
    """Before the answer it is not known; whether it is sensitive is."""
    inner = "[variable.topic]\n" + block("draft", "draft {{ var.topic }}")
    inner += "[output.text]\nvalue = '{{ completion.draft.content }}'\n"
    project.write(inner, "modules/essay/main.toml")
    calls = (
        "[module.essay]\nsource = './modules/essay'\ntopic = '{{ each.key }}'\n"
        "for_each = '{{ completion.topics.json }}'\n[output.all]\nvalue = '{{ module.essay }}'\n"
    )
    project.write(TOPICS + calls)
    assert project.call("plan").status == 0
    model.said["topics"] = {"content": "no list"}
    ran = project.apply()
    assert ran.status == 1
    assert "the answer is not JSON" in ran.err
    model.said["topics"] = listed("sea")
    assert project.apply("--replace", "completion.topics").status == 0
    assert project.outputs["all"] == {"sea": {"text": "echo: draft sea"}}
    hidden = "[output.text]\nsensitive = true\n"
    project.write(inner.replace("[output.text]\n", hidden), "modules/essay/main.toml")
    assert "Output refers to sensitive value" in project.call("plan").err


ANSWERS = block("answer", "{{ each.key }}", "for_each = ['a', 'b', 'c']", "max_tokens = 50")
JUDGES = block("judge", "judge {{ each.value.content }}", "for_each = '{{ completion.answer }}'")


def planned(project: Project) -> dict[str, str]:
    changes = [event["change"] for event in project.call("plan", "--json").of("planned_change")]
    return {change["address"]: change["action"] for change in changes}


def test_instances_are_planned_where_their_keys_are_known_and_their_values_are_not(
    project: Project,
) -> None:
    project.write(
        ANSWERS
        + JUDGES
        + block("named", "only {{ each.key }}", "for_each = '{{ local.held }}'")
        + block("numbered", "{{ count.index }}", "count = '{{ completion.answer | length }}'")
        + "[locals]\nheld = '{{ completion.answer }}'\n"
    )
    found = planned(project)
    assert {found[f'completion.judge["{key}"]'] for key in "abc"} == {"undecided"}
    assert {found[f'completion.named["{key}"]'] for key in "abc"} == {"issue"}
    assert {found[f"completion.numbered[{index}]"] for index in range(3)} == {"issue"}
    assert "instances" not in found.values()


def test_each_instance_waits_for_its_own_answer_alone(
    project: Project, model: Model, api: FakeAPI
) -> None:
    model.failing.add("b")
    project.write(ANSWERS + JUDGES)
    ran = project.apply()
    assert "1 failed" in ran.out
    assert {*prompts(api)} == {"a", "b", "c", "judge echo: a", "judge echo: c"}
    assert project.records['completion.judge["a"]']["depends_on"] == ['completion.answer["a"]']
    model.failing.clear()
    assert planned(project) == {
        'completion.answer["b"]': "issue",
        'completion.judge["b"]': "undecided",
    }
    assert project.apply().status == 0
    assert prompts(api)[-2:] == ["b", "judge echo: b"]
    assert planned(project) == {}


def test_a_module_is_planned_for_each_key_that_is_known(project: Project, api: FakeAPI) -> None:
    project.write("[variable.said]\n" + block("told", "about {{ var.said }}"), "m/main.toml")
    module = "[module.m]\nsource = './m'\nfor_each = '{{ completion.answer }}'\n"
    project.write(ANSWERS + module + "said = '{{ each.value.content }}'\n")
    found = planned(project)
    assert {found[f'module.m["{key}"].completion.told'] for key in "abc"} == {"undecided"}
    assert project.apply().status == 0
    assert {"about echo: a", "about echo: b", "about echo: c"} <= {*prompts(api)}
    assert planned(project) == {}


def test_what_an_answer_enables_has_no_keys_before_it(project: Project, api: FakeAPI) -> None:
    """Neither as instances, nor in a prompt that lists them."""
    enabled = "enabled = \"{{ 'sea' in completion.topics.content and each.key != 'b' }}\""
    answers = ANSWERS.replace('model = "m"', f'model = "m"\n{enabled}')
    lists = block("lists", "of {{ completion.answer | list | join('+') }}")
    project.write(TOPICS + answers + JUDGES + lists)
    found = planned(project)
    assert found["completion.judge"] == "instances"
    assert found["completion.lists"] == "undecided"
    assert project.apply().status == 0
    assert "of a+c" in prompts(api)
    assert 'completion.judge["b"]' not in project.records
    assert planned(project) == {}


def test_a_record_whose_key_is_gone_is_removed_though_the_answers_are_not_known(
    project: Project,
) -> None:
    project.write(ANSWERS + JUDGES)
    assert project.apply().status == 0
    project.write((ANSWERS + JUDGES).replace("'b', 'c']", "'b']").replace("{{ each.key }}", "x"))
    found = planned(project)
    assert found['completion.judge["c"]'] == "remove"
    assert found['completion.judge["a"]'] == "undecided"
