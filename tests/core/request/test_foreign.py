"""What no part of OpenAI's API is: sent as it is written to another server, refused for OpenAI."""

from typing import Any

import pytest

from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.request.provider_types import EMBEDDED, OPENAI
from runner.errors import Problem, RunnerError
from runner.operations.planning.whole import whole_plan
from tests.harness.lab import Lab, project

OTHER = "[provider.p]\ntype = 'openai'\nbase_url = 'https://x.example/v1'\n"
USER = "messages = [{ role = 'user', content = 'x' }]\n"
TOOL = "tools = [{ type = 'function', function = { name = 'look' } }]\n"


def warnings(lab: Lab) -> list[Problem]:
    loaded = lab.loaded()
    whole_plan(loaded)
    return loaded.warnings


def sent(lab: Lab) -> dict[str, Any]:
    lab.apply()
    return dict(lab.model.sent)["completion.a"]


def errors(text: str, **files: str) -> list[Problem]:
    lab = project(text, **files)
    with pytest.raises(RunnerError) as caught:
        whole_plan(lab.loaded())
    return [problem for problem in caught.value.problems if problem.severity == "error"]


def place(problem: Problem) -> int | None:
    assert problem.where is not None
    return problem.where.line


FOREIGN: list[tuple[str, str, Any]] = [
    (
        ("messages = [{ role = 'user', content = [{ type = 'text', text = 'x', "
        "cache_control = { type = 'ephemeral' } }] }]"),
        "Unknown key",
        ("messages", 0, "content", 0, "cache_control"),
    ),
    (
        "messages = [{ role = 'user', content = [{ type = 'document_url', document_url = 'u' }] }]",
        "Unknown value",
        ("messages", 0, "content", 0, "document_url"),
    ),
    (
        "messages = [{ role = 'user', content = [{ type = 'image_url', image_url = 'u' }] }]",
        "Wrong type",
        ("messages", 0, "content", 0, "image_url"),
    ),
    (
        ("messages = [{ role = 'user', content = 'x' }, { role = 'assistant', content = "
        "[{ type = 'thinking', thinking = [] }] }]"),
        "Unknown value",
        ("messages", 1, "content", 0, "thinking"),
    ),
    (f"{USER}tools = [{{ function = {{ name = 'f' }} }}]", "Missing key", ("tools", 0, "function")),
    (f"{USER}tools = []", "Value out of range", ("tools",)),
    (f"{USER}{TOOL}tool_choice = 'any'", "Unknown value", ("tool_choice",)),
    (f"{USER}service_tier = 'on_demand'", "Unknown value", ("service_tier",)),
    (f"{USER}reasoning_effort = 'default'", "Unknown value", ("reasoning_effort",)),
    (f"{USER}stream_options = {{ more = 1 }}\nstream = true", "Unknown key",
     ("stream_options", "more")),
]  # fmt: skip


@pytest.mark.parametrize(("written", "summary", "path"), FOREIGN)
def test_another_server_is_sent_what_is_written_with_a_warning(
    written: str, summary: str, path: tuple[str | int, ...]
) -> None:
    lab = project(f"{OTHER}[completion.a]\nmodel = 'm'\n{written}\n")
    (warning,) = warnings(lab)
    assert (warning.summary, warning.severity) == (summary, "warning")
    assert "provider.p may take more, so it is sent as written" in warning.detail
    assert place(warning) in range(6, 10)
    value: Any = sent(lab)
    for step in path:
        value = value[step]
    assert str(value) in written.replace("'", "") or isinstance(value, dict | list)


@pytest.mark.parametrize(("written", "summary", "path"), FOREIGN)
@pytest.mark.parametrize(
    "head",
    ["", "[provider.openai]\n", f"{OTHER}strict = true\n", "[runner]\nprovider = 'embedded'\n"],
)
def test_openai_and_whoever_is_strict_is_not(
    head: str, written: str, summary: str, path: tuple[str | int, ...]
) -> None:
    (problem,) = errors(f"{head}[completion.a]\nmodel = 'm'\n{written}\n")
    assert problem.summary == summary
    assert place(problem) is not None
    assert path


@pytest.mark.parametrize(("written", "summary", "path"), FOREIGN)
def test_openai_may_be_sent_it_too(written: str, summary: str, path: tuple[str | int, ...]) -> None:
    text = f"[provider.openai]\nstrict = false\n[completion.a]\nmodel = 'm'\n{written}\n"
    assert [each.summary for each in warnings(project(text))] == [summary]
    assert path[0] in sent(project(text))


@pytest.mark.parametrize(
    ("written", "summary"),
    [
        ("temperatur = 1", "Unknown key"),
        ("temperature = 'hot'", "Wrong type"),
        ("temperature = 3", "Value out of range"),
        ("messages = []", "Value out of range"),
        ("messages = [{ content = 'x' }]", "Missing key"),
        ("messages = [{ role = 'tool', content = 'x' }]", "Missing key"),
        ("messages = [{ role = 'user', content = 5 }]", "Wrong type"),
        (f"{USER}tool_choice = 5", "Wrong type"),
        (f"{USER}top_logprobs = 3", "Missing key"),
    ],
)
def test_a_mistake_to_every_server_is_one(written: str, summary: str) -> None:
    more = "" if "messages" in written else USER
    (problem,) = errors(f"{OTHER}[completion.a]\nmodel = 'm'\n{more}{written}\n")
    assert problem.summary == summary


def test_all_mistakes_are_told_together_whoever_is_asked() -> None:
    """What is a mistake to OpenAI alone is told beside what is one to everybody, or not at all."""
    wrong = f"[completion.a]\nmodel = 'm'\nseeed = 1\n{USER}service_tier = 'on_demand'\n"
    assert [each.summary for each in errors(wrong)] == ["Unknown key", "Unknown value"]
    assert [each.summary for each in errors(f"{OTHER}{wrong}")] == ["Unknown key"]
    unset = "[variable.x]\ntype = 'string'\n" + wrong.replace("seeed = 1\n", "")
    assert [each.summary for each in errors(unset)][-1] == "Unknown value"
    assert "Unknown value" not in [each.summary for each in errors(f"{OTHER}{unset}")]


def test_what_is_alike_in_a_block_is_warned_of_once() -> None:
    message = "{ role = 'user', content = [{ type = 'text', text = 'x', mark = 1 }] }"
    ask = f"model = 'm'\nmessages = [{message}, {message}, {message}]\n"
    told = warnings(project(f"{OTHER}[completion.a]\n{ask}[completion.b]\n{ask}"))
    assert [place(each) for each in told] == [6, 9]
    assert all(each.detail.endswith("(2 more like it.)") for each in told)


def test_defaults_of_a_provider_are_its_own() -> None:
    head = f"{OTHER}[provider.p.defaults]\nmodel = 'm'\nservice_tier = 'on_demand'\n"
    ask = f"[completion.a]\nprovider = 'p'\n{USER}"
    lab = project(f"{head}{ask}")
    assert [each.summary for each in warnings(lab)] == ["Unknown value"]
    assert sent(lab)["service_tier"] == "on_demand"
    assert len(errors(head.replace("/v1'\n", "/v1'\nstrict = true\n") + ask)) == 1


@pytest.mark.parametrize(("name", "is_error"), [("p", False), ("openai", True)])
def test_an_expression_may_say_which_provider_it_is(name: str, is_error: bool) -> None:
    text = (
        f"[variable.who]\ndefault = '{name}'\n{OTHER}[completion.a]\nprovider = '{{{{ var.who }}}}'"
        f"\nmodel = 'm'\n{USER}service_tier = 'on_demand'\n"
    )
    if is_error:
        assert [each.summary for each in errors(text)] == ["Unknown value"]
    else:
        assert sent(project(text))["service_tier"] == "on_demand"


MESSAGES = '[{"role": "user", "content": [{"type": "text", "text": "x", "mark": 1}]}]'


def test_what_an_expression_gives_is_told_by_the_plan_once_for_all_instances() -> None:
    ask = "[completion.a]\ncount = 3\nmodel = 'm'\nmessages = \"{{ json('m.json') }}\"\n"
    (warning,) = warnings(project(f"{OTHER}{ask}", **{"configs/m.json": MESSAGES}))
    assert (warning.summary, warning.severity, place(warning)) == ("Unknown key", "warning", 7)
    (problem, *_) = errors(ask, **{"configs/m.json": MESSAGES})
    assert (problem.summary, place(problem)) == ("Unknown key", 4)


@pytest.mark.parametrize("head", ["", OTHER, f"{OTHER}strict = true\n"])
def test_an_answer_that_is_written_out_may_hold_what_one_that_is_sent_back_may(head: str) -> None:
    """As json('m.json') may; it is a warning, since a misspelt key looks alike."""
    message = "{ role = 'assistant', content = 'y', reasoning_content = 'z' }"
    text = f"{head}[completion.a]\nmodel = 'm'\nmessages = [{message}, {message}]\n"
    (warning,) = warnings(project(text))
    assert warning.severity == "warning"
    assert "1 more like it" in warning.detail
    assert sent(project(text))["messages"][1]["reasoning_content"] == "z"


CHOICE = "[variable.choice]\ndefault = '{}'\n{}[completion.a]\nmodel = 'm'\n{}{}\n"


@pytest.mark.parametrize("beside", [TOOL, f"extra_body = {{ {TOOL.strip()} }}\n"])
def test_a_choice_that_an_expression_gave_is_checked_before_it_is_spelled(beside: str) -> None:
    asks = f"{USER}{beside}tool_choice = '{{{{ var.choice }}}}'"

    def text(choice: str, head: str = "") -> str:
        return CHOICE.format(choice, head, "", asks)

    (problem,) = errors(text("any"))
    assert problem.summary == "Unknown value"
    assert 'must be "none", "auto", "required" or the name of a declared' in problem.detail
    assert place(problem) is not None
    named = {"type": "function", "function": {"name": "look"}}
    assert sent(project(text("look")))["tool_choice"] == named
    assert sent(project(text("auto")))["tool_choice"] == "auto"
    lab = project(text("any", OTHER))
    assert [each.severity for each in warnings(lab)] == ["warning"]
    assert sent(lab)["tool_choice"] == "any"
    assert sent(project(text("look", OTHER)))["tool_choice"] == named


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("function_call = '{{ var.v }}'\nfunctions = [{ name = 'f' }]", "declared function"),
        (f"{TOOL}tool_choice = '{{{{ var.v }}}}'", "declared function"),
        ("top_logprobs = '{{ 3 }}'\nlogprobs = '{{ false }}'", "needs logprobs = true"),
        ("stream_options = '{{ {} }}'", "needs stream = true"),
    ],
)
def test_what_expressions_gave_has_to_agree(written: str, said: str) -> None:
    text = f"[variable.v]\ndefault = 'x'\n[completion.a]\nmodel = 'm'\n{USER}{written}\n"
    (problem,) = errors(text)
    assert said in problem.detail
    assert place(problem) in (6, 7, 8)


def test_a_sensitive_choice_is_not_said() -> None:
    text = f"[variable.v]\nsensitive = true\ndefault = 'hush'\n[completion.a]\nmodel = 'm'\n{USER}"
    (problem,) = errors(f"{text}{TOOL}tool_choice = '{{{{ var.v }}}}'\n")
    assert "hush" not in problem.detail


def test_extra_body_counts_where_keys_have_to_agree() -> None:
    """Messages too; what is in it is sent as it is."""
    more = "tools = [{ type = 'web', web = {} }], messages = [{ role = 'x' }], logprobs = true"
    lab = project(f"[completion.a]\nmodel = 'm'\ntop_logprobs = 2\nextra_body = {{ {more} }}\n")
    assert warnings(lab) == []
    body = sent(lab)
    assert body["messages"] == [{"role": "x"}]
    assert (body["tools"], body["top_logprobs"]) == ([{"type": "web", "web": {}}], 2)


def test_extra_body_from_a_file_may_hold_the_messages() -> None:
    ask = "[completion.a]\nmodel = 'm'\nextra_body = \"{{ json('e.json') }}\"\n"
    lab = project(ask, **{"configs/e.json": '{"messages": [{"role": "x", "content": null}]}'})
    assert sent(lab)["messages"] == [{"role": "x", "content": None}]
    (problem,) = errors(ask, **{"configs/e.json": "{}"})
    assert 'needs "messages"' in problem.detail


def test_extra_body_is_named_for_what_is_unknown_inside_a_parameter() -> None:
    message = "{ role = 'user', content = 'x', cache_control = {} }"
    (problem,) = errors(f"[completion.a]\nmodel = 'm'\nmessages = [{message}]\n")
    assert "goes into extra_body, or is sent as written with strict = false" in problem.detail


def test_a_file_that_is_no_schema_is_an_error_before_it_is_sent() -> None:
    ask = (
        f"[completion.a]\nmodel = 'm'\n{USER}[completion.a.response_format]\ntype = 'json_schema'\n"
        "json_schema = { name = 's', schema = { file = 's.json' } }\n"
    )
    for text, said in (("[1]", "must be a JSON object"), ('{"type": "objekt"}', "JSON Schema")):
        (problem,) = errors(ask, **{"configs/s.json": text})
        assert said in problem.detail
        assert "s.json" in problem.detail


@pytest.mark.parametrize(
    ("table", "environment", "strict"),
    [
        ({}, None, True),
        ({}, "http://localhost:4000/v1", False),
        ({"base_urls": ["https://api.openai.com/v1", "https://x.example"]}, None, False),
        ({"base_url": "https://api.openai.com/v1"}, "http://localhost:4000/v1", True),
        ({"base_url": "https://eu.api.openai.com/v1"}, None, True),
        ({"base_url": "https://api.openai.com.x.example/v1"}, None, False),
        ({"base_url": "https://r.openai.azure.com/openai/v1"}, None, False),
        ({"base_url": "{{ var.url }}"}, None, False),
        ({"base_url": "https://x.example", "strict": True}, None, True),
        ({"strict": False}, None, False),
    ],
)
def test_strict_is_what_the_block_says_or_openais_own_address(
    table: dict[str, Any], environment: str | None, strict: bool
) -> None:
    named = {} if environment is None else {"OPENAI_BASE_URL": environment}
    assert DeclaredProvider("p", OPENAI, table).is_strict(named) == strict
    assert DeclaredProvider("e", EMBEDDED, {}).is_strict(named)


def test_a_provider_known_by_name_is_not_openai() -> None:
    ask = f"[completion.a]\nprovider = 'groq'\nmodel = 'm'\n{USER}service_tier = 'on_demand'\n"
    (warning,) = warnings(project(ask))
    assert "provider.groq may take more" in warning.detail
    assert len(errors(f"{ask}seeed = 1\n")) == 1
