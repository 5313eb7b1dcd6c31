"""lifecycle: what an answer must be, what may change, and what must not go."""

from collections.abc import Iterator

import pytest

from tests.harness.faults import completion as answered
from tests.harness.project import Project, prompts, serving
from tests.harness.server import FakeAPI, Request


def counting(request: Request) -> dict[str, object]:
    """Each answer says which one it is."""
    made = answered(request.body, request.number)
    made["choices"][0]["message"]["content"] = f"answer {request.number}"
    return made


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    with serving(script=counting) as served:
        yield served


def chat(lifecycle: str, *more: str, prompt: str = "hello", name: str = "chat") -> str:
    lines = [f"[completion.{name}]", 'model = "m"', f"lifecycle = {{ {lifecycle} }}", *more]
    return "\n".join([*lines, f'messages = [{{ role = "user", content = "{prompt}" }}]']) + "\n"


def wants(text: str) -> str:
    condition = f"{{{{ '{text}' in self.content }}}}"
    return f'postcondition = [{{ condition = "{condition}", error_message = "not {text}" }}]'


USER = """
[completion.user]
model = "m"
messages = [{ role = "user", content = "{{ completion.chat.content }}" }]
"""


def test_a_failed_postcondition_keeps_the_paid_answer(project: Project, api: FakeAPI) -> None:
    project.write(chat(wants("answer 2")) + USER)
    ran = project.apply()
    assert ran.status == 1
    assert "postcondition: not answer 2" in ran.err
    assert "skipped" in ran.out
    record = project.records["completion.chat"]
    assert (record["status"], record["sample"]) == ("failed_check", 0)
    assert "completion.user" not in project.records
    assert len(api.completions) == 1


def test_the_next_plan_offers_to_issue_a_refused_answer_again(
    project: Project, api: FakeAPI
) -> None:
    """With the next sample number: the refused answer is in the cache, and is not replayed."""
    project.write(chat(wants("answer 2")) + USER)
    project.apply()
    plan = project.call("plan").out
    assert "-/+ completion.chat" in plan
    assert "(its answer was not accepted: postcondition: not answer 2)" in plan
    assert project.apply().status == 0
    record = project.records["completion.chat"]
    assert (record["status"], record["sample"]) == ("complete", 1)
    assert prompts(api) == ["hello", "hello", "answer 2"]
    assert "No changes." in project.call("plan").out


def test_a_postcondition_that_holds_now_keeps_the_answer(project: Project, api: FakeAPI) -> None:
    project.write(chat(wants("answer 2")))
    project.apply()
    project.write(chat(wants("answer 1")))
    assert project.apply().status == 0
    assert project.records["completion.chat"]["status"] == "complete"
    assert len(api.completions) == 1


def test_a_postcondition_taken_away_keeps_the_answer(project: Project, api: FakeAPI) -> None:
    project.write(chat(wants("answer 2")))
    project.apply()
    project.write(chat("prevent_destroy = false"))
    assert project.apply().status == 0
    assert project.records["completion.chat"]["status"] == "complete"
    assert len(api.completions) == 1


def test_a_new_postcondition_looks_at_recorded_answers(project: Project, api: FakeAPI) -> None:
    project.write(chat("prevent_destroy = false"))
    project.apply()
    project.write(chat(wants("answer 2")))
    assert "Plan: 1 to re-issue." in project.call("plan").out
    assert project.apply().status == 0
    assert len(api.completions) == 2


def test_a_lost_state_does_not_replay_a_refused_answer(project: Project, api: FakeAPI) -> None:
    project.write(chat(wants("answer 2")))
    project.apply()
    project.state_file.unlink()
    assert project.apply().status == 0
    assert len(api.completions) == 2
    project.state_file.unlink()
    assert project.apply().status == 0
    assert len(api.completions) == 2
    assert project.outputs == {"chat": "answer 2"}


def test_a_postcondition_may_look_at_other_answers(project: Project, api: FakeAPI) -> None:
    rule = (
        'postcondition = [{ condition = "{{ self.content != completion.other.content }}", '
        'error_message = "the same" }]'
    )
    other = chat("prevent_destroy = false", name="other", prompt="other")
    project.write(other + chat(rule))
    assert project.apply().status == 0
    assert "No changes." in project.call("plan").out
    project.write(other.replace('"other"', '"another"') + chat(rule))
    plan = project.call("plan")
    assert plan.status == 0
    assert "Plan: 1 to re-issue (up to 1 more once those are known)." in plan.out
    ran = project.apply()
    assert ran.status == 0
    assert len(api.completions) == 3


def test_a_postcondition_that_cannot_be_evaluated_is_not_met(project: Project) -> None:
    rule = 'postcondition = [{ condition = "{{ self.json.x }}", error_message = "no x" }]'
    project.write(chat(rule))
    ran = project.apply()
    assert ran.status == 1
    assert "the answer is not JSON" in ran.err
    assert project.records["completion.chat"]["status"] == "failed_check"


def test_a_precondition_stops_before_the_request(project: Project, api: FakeAPI) -> None:
    rule = 'precondition = [{ condition = "{{ var.n > 2 }}", error_message = "n is too small" }]'
    project.write("[variable.n]\ndefault = 1\n" + chat(rule))
    ran = project.apply()
    assert ran.status == 1
    assert "completion.chat is not issued: n is too small" in ran.err
    assert "configs/main.toml line 5, in completion.chat" in ran.err
    assert project.apply("--var", "n=3").status == 0
    assert len(api.completions) == 1


def test_a_precondition_over_an_answer_fails_that_completion_alone(
    project: Project, api: FakeAPI
) -> None:
    rule = (
        "precondition = [{ condition = \"{{ completion.first.content == 'x' }}\", "
        'error_message = "first is not x" }]'
    )
    first = chat("prevent_destroy = false", name="first", prompt="first")
    other = chat("prevent_destroy = false", name="other", prompt="other")
    project.write(first + other + chat(rule))
    ran = project.apply()
    assert ran.status == 1
    assert "first is not x" in ran.err
    assert sorted(project.records) == ["completion.first", "completion.other"]


@pytest.mark.parametrize("expression", ["self.content", "self.content | length > 3"])
def test_self_is_not_known_before_the_request(project: Project, expression: str) -> None:
    rule = f'precondition = [{{ condition = "{{{{ {expression} }}}}", error_message = "x" }}]'
    project.write(chat(rule))
    assert "known only in the postconditions of a lifecycle" in project.call("plan").err


def test_the_message_of_a_condition_may_quote_the_answer(project: Project) -> None:
    rule = (
        "postcondition = [{ condition = '{{ self.usage.total_tokens < 1 }}', error_message = "
        "'{% if self.content %}{{ self.content }}, {{ self.usage.total_tokens }}{% endif %}' }]"
    )
    project.write(chat(rule))
    ran = project.apply()
    assert "postcondition: answer 1, 3" in ran.err


def test_self_has_the_attributes_of_an_answer(project: Project) -> None:
    rule = 'postcondition = [{ condition = "{{ self.contnt == 1 }}", error_message = "x" }]'
    project.write(chat(rule))
    assert 'Did you mean "self.content"?' in project.call("plan").err


def test_ignored_changes_issue_nothing(project: Project, api: FakeAPI) -> None:
    rule = 'ignore_changes = ["temperature", "messages"]'
    project.write(chat(rule, "temperature = 0.1"))
    project.apply()
    project.write(chat(rule, "temperature = 0.9", prompt="bye"))
    assert "No changes." in project.call("plan").out
    project.write(chat(rule, "temperature = 0.9", "seed = 1", prompt="bye"))
    assert project.apply().status == 0
    assert api.completions[-1].body["seed"] == 1
    assert api.completions[-1].body["temperature"] == 0.1
    assert prompts(api) == ["hello", "hello"]


@pytest.mark.parametrize("name", ["triggers", "extra_body"])
def test_changes_of_triggers_and_extra_body_can_be_ignored(
    project: Project, api: FakeAPI, name: str
) -> None:
    rule = f'ignore_changes = ["{name}"]'
    project.write(chat(rule, f"{name} = {{ day = 1 }}"))
    project.apply()
    project.write(chat(rule, f"{name} = {{ day = 2, more = 3 }}"))
    assert "No changes." in project.call("plan").out
    project.write(chat("prevent_destroy = false", f"{name} = {{ day = 2 }}"))
    assert "Plan: 1 to re-issue." in project.call("plan").out


def test_what_was_masked_is_never_sent_as_a_mask(project: Project, api: FakeAPI) -> None:
    """The old value is not known any more, so that its change counts."""
    secret = "[variable.secret]\nsensitive = true\n"
    rule = 'ignore_changes = ["messages"]'
    project.write(secret + chat(rule, prompt="key {{ var.secret }}"))
    project.apply("--var", "secret=swordfish")
    assert "No changes." in project.call("plan", "--var", "secret=swordfish").out
    assert project.apply("--var", "secret=dolphins").status == 0
    assert prompts(api) == ["key swordfish", "key dolphins"]


PROTECTED = "prevent_destroy = true"


def test_an_answer_that_must_stay_is_not_issued_again(project: Project, api: FakeAPI) -> None:
    project.write(chat(PROTECTED))
    project.apply()
    project.write(chat(PROTECTED, prompt="bye"))
    ran = project.apply()
    assert ran.status == 1
    assert "Answer cannot be destroyed" in ran.err
    assert "configs/main.toml line 3, in completion.chat" in ran.err
    assert project.call("plan", "--replace", "completion.chat").status == 1
    assert len(api.completions) == 1
    assert project.outputs == {"chat": "answer 1"}


def test_an_answer_that_must_stay_is_not_removed(project: Project, api: FakeAPI) -> None:
    each = 'for_each = ["a", "b"]'
    project.write(chat(PROTECTED, each))
    project.apply()
    assert project.call("destroy", "--auto-approve").status == 1
    project.write(chat(PROTECTED, 'for_each = ["a"]'))
    assert "Answer cannot be destroyed" in project.call("plan").err
    project.write(chat(PROTECTED, each, "enabled = false"))
    assert "Answer cannot be destroyed" in project.call("plan").err
    assert len(project.records) == 2


def test_an_answer_that_must_stay_outlives_what_apply_learns(
    project: Project, api: FakeAPI
) -> None:
    """The plan could not know: the completion fails, and its old answer is kept."""
    first = chat("prevent_destroy = false", name="first", prompt="first")
    project.write(first + chat(PROTECTED, prompt="{{ completion.first.content }}"))
    project.apply()
    project.write(
        first.replace('"first" }', '"second" }')
        + chat(PROTECTED, prompt="{{ completion.first.content }}")
    )
    assert project.call("plan").status == 0
    ran = project.apply()
    assert ran.status == 1
    assert "completion.chat has lifecycle.prevent_destroy" in " ".join(ran.err.split())
    assert project.outputs["chat"] == "answer 2"
    assert len(api.completions) == 3
