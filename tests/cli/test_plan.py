"""What `runner plan` shows: Terraform's layout, every changed path, the reason, one line."""

from pathlib import Path
from typing import Any

import pytest

from tests.harness.faults import completion as answer
from tests.harness.project import Project, completion, prompt_of, provider, serving
from tests.harness.server import Request

LONG = "You are a helpful assistant.\\nBe brief.\\n{}\\nThank you."


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_nothing_is_sent_and_nothing_is_written(project: Project) -> None:
    with serving() as api:
        project.write(provider(api) + completion("a", "hi"))
        assert project.call("plan").status == 0
        assert not api.requests
    assert not (project.directory / "state").exists()


def test_what_asks_for_nothing_but_messages_shows_nothing_else(project: Project) -> None:
    messages = '[{ role = "user", content = "hi" }]'
    project.write(f'[runner]\nprovider = "embedded"\n[completion.a]\nmessages = {messages}\n')
    lines = project.call("plan").out.splitlines()
    assert [line for line in lines if line.startswith("      ")] == [
        "      provider: embedded",
        '      messages[0].content: "hi"',
        '      messages[0].role: "user"',
    ]


def test_every_action_in_one_plan(project: Project) -> None:
    with serving() as api:
        text = (
            provider(api)
            + completion("changed", "one")
            + completion("dependent", "on {{ completion.changed.content }}")
            + completion("gone", "two")
            + completion("old_name", "three")
            + completion("same", "four")
            + completion("tagged", "five", 'service_tier = "auto"')
        )
        project.write(text)
        assert project.apply().status == 0
        project.write(
            text.replace('"one"', '"other"')
            .replace(completion("gone", "two"), completion("new", "brand new"))
            .replace("old_name", "new_name")
            .replace('"auto"', '"default"')
        )
        ran = project.call("plan")
    assert ran.status == 0
    assert ran.err == ""
    assert (
        ran.out
        == """\
  # completion.changed will be issued again
-/+ completion.changed
      messages[0].content:
        - one
        + other

  # completion.dependent will be issued again if its request changes with completion.changed
  ? completion.dependent

  # completion.gone will be removed
  # (completion.gone is not in the configuration)
  - completion.gone

  # completion.new will be issued
  + completion.new
      provider: openai
      model: "gpt-4o"
      messages[0].content: "brand new"
      messages[0].role: "user"

  # completion.new_name has the answer of completion.old_name (same request), for free
  + completion.new_name
      provider: openai
      model: "gpt-4o"
      messages[0].content: "three"
      messages[0].role: "user"

  # completion.old_name will be forgotten
  # (completion.old_name is not in the configuration)
  - completion.old_name

  # completion.tagged will be recorded anew, without a request
  ~ completion.tagged
      service_tier: "auto" -> "default"

Plan: 1 to issue, 1 from cache, 1 to re-issue, 1 to update, 2 to remove \
(up to 1 more once those are known). Estimated: at least 14 tokens, price of gpt-4o unknown.
"""
    )


def test_a_changed_text_is_a_line_diff(project: Project) -> None:
    with serving() as api:
        block = completion("a", "@").replace('"@"', f'"{LONG}"')
        project.write(provider(api) + block.replace("{}", "Write about cats."))
        assert project.apply().status == 0
        project.write(provider(api) + block.replace("{}", "Write about dogs."))
        ran = project.call("plan")
    assert "        - Write about cats.\n        + Write about dogs.\n" in ran.out
    assert "messages[0].content:" in ran.out
    assert "- Be brief." not in ran.out


def test_the_reason_is_said(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "hi", "count = 3", 'triggers = { day = "1" }')
        project.write(text)
        assert project.apply().status == 0
        assert (
            "(as requested by --replace)"
            in project.call("plan", "--replace", "completion.a[1]").out
        )
        project.write(text.replace('"1"', '"2"'))
        assert 'triggers.day: "1" -> "2"' in project.call("plan").out
        project.write(text.replace("count = 3", "count = 2"))
        assert "(index [2] is out of range for count)" in project.call("plan").out


def test_a_sensitive_value_that_changed_is_the_reason(project: Project) -> None:
    """Nothing else of it is shown."""
    with serving() as api:
        secret = provider(api) + "[variable.key]\nsensitive = true\n"
        project.write(secret + completion("a", "{{ var.key }}"))
        assert project.apply("--var", "key=first-one").status == 0
        ran = project.call("plan", "--var", "key=second-one")
    assert (
        "  # completion.a will be issued again\n"
        "  # (a sensitive value changed)\n"
        "-/+ completion.a\n\n"
    ) in ran.out
    assert "-one" not in ran.out


def test_only_the_model_changed(project: Project) -> None:
    with serving() as api:
        text = provider(api) + completion("a", "hi")
        project.write(text)
        assert project.apply().status == 0
        project.write(text.replace("gpt-4o", "gpt-4o-mini"))
        assert (
            '      model: "gpt-4o" -> "gpt-4o-mini"\n\nPlan: 1 to re-issue.'
            in project.call("plan").out
        )


def test_prices_are_bounds_and_unknown_ones_are_said(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    priced = completion("a", "hi", "max_completion_tokens = 1000")
    project.write(priced)
    assert "tokens, $0." in project.call("plan").out
    assert " to $0.0" in project.call("plan").out
    project.write(priced.replace("gpt-4o", "nobody-knows-this"))
    assert "price of nobody-knows-this unknown" in project.call("plan").out
    assert "$0" not in project.call("plan").out


def test_the_plan_needs_no_key(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    project.write(completion("a", "hi"))
    assert project.call("plan").status == 0


def test_what_the_plan_says_is_what_apply_sends(project: Project) -> None:
    def script(got: Request) -> dict[str, Any]:
        body = got.body
        return answer(body, 1, prompt_of(body).upper())

    with serving(script=script) as api:
        text = (
            provider(api)
            + completion("a", "@")
            + completion("b", "on {{ completion.a.content }}")
            + completion("c", "alone")
        )
        project.write(text.replace("@", "one"))
        assert project.apply().status == 0
        project.write(text.replace("@", "ONE"))
        planned = project.call("plan", "--json")
        may = {
            event["change"]["address"]
            for event in planned.of("planned_change")
            if event["change"]["action"] in {"issue", "reissue", "undecided"}
        }
        ran = project.apply("--json")
        started = {event["address"] for event in ran.of("apply_start")}
    assert may == {"completion.a", "completion.b"}
    assert started == {"completion.a"}


def test_a_changed_output_stands_on_one_line(project: Project) -> None:
    project.write('[output.o]\nvalue = """one\ntwo"""\n' + completion("a", "hi"))
    assert '+ o = "one\\ntwo"' in project.call("plan").out


def test_full_cuts_nothing(project: Project) -> None:
    """What is at the end of a long line is sent like the rest."""
    project.write(completion("a", f"{'x ' * 100}the end"))
    assert "the end" not in project.call("plan", "--offline").out
    assert 'the end"' in project.call("plan", "--offline", "--full").out
