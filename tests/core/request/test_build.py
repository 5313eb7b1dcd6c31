"""One completion, filled."""

from datetime import date
from typing import Any

import orjson
import pytest

from runner.core.request.build import streaming
from runner.core.secrets.texts import sensitive_texts
from runner.errors import RunnerError
from tests.harness.lab import Lab, project

MESSAGES = "messages = [{ role = 'user', content = 'x' }]\n"


def sent(text: str, lab: Lab | None = None) -> dict[str, Any]:
    """The body that goes out for completion.a."""
    lab = lab or project(text)
    lab.apply()
    return dict(lab.model.sent)["completion.a"]


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        ("temperature = '{{ 0.5 }}'", "temperature", 0.5),
        ("seed = '{{ 7 }}'", "seed", 7),
        ("stop = '{{ [\"a\", \"b\"] }}'", "stop", ["a", "b"]),
        ("logit_bias = { 50256 = -100 }", "logit_bias", {"50256": -100}),
        ("function_call = 'f'\nfunctions = [{ name = 'f' }]", "function_call", {"name": "f"}),
        ("function_call = 'none'\nfunctions = [{ name = 'f' }]", "function_call", "none"),
        ("functions = [{ name = 'f', parameters = '{\"type\":\"object\"}' }]", "functions",
         [{"name": "f", "parameters": {"type": "object"}}]),
        ("tool_choice = 'f'\ntools = [{ type = 'function', function = { name = 'f' } }]",
         "tool_choice", {"type": "function", "function": {"name": "f"}}),
        (("tools = [{ type = 'function', function = { name = 'f', parameters = '{\"type\":"
         "\"object\"}' } }]"), "tools",
         [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]),
        ("extra_body = { top_k = 5, guided = { a = '{{ 1 + 1 }}' } }", "guided", {"a": 2}),
        ("extra_body = { temperature = 2 }", "temperature", 2),
        ("stream = true", "stream", True),
        ("max_tokens = 5.0", "max_tokens", None),
    ],
)  # fmt: skip
def test_a_parameter_is_sent_as_the_api_spells_it(written: str, name: str, value: Any) -> None:
    text = f"[completion.a]\nmodel = 'm'\n{MESSAGES}{written}\n"
    if value is None:
        with pytest.raises(RunnerError):
            sent(text)
        return
    assert sent(text)[name] == value


def test_content_that_is_a_number_becomes_text() -> None:
    text = "[completion.a]\nmodel = 'm'\nmessages = [{ role = 'user', content = '{{ 1 + 1 }}' }]\n"
    assert sent(text)["messages"] == [{"role": "user", "content": "2"}]


def test_null_takes_a_parameter_out() -> None:
    text = (
        "[provider.openai.defaults]\nmodel = 'd'\ntemperature = 1\nseed = 1\n"
        f"[completion.a]\n{MESSAGES}temperature = '{{{{ none }}}}'\nseed = 0\n"
    )
    body = sent(text)
    assert body == {"model": "d", "seed": 0, "messages": [{"role": "user", "content": "x"}]}


def test_null_takes_a_key_out_where_the_api_knows_no_null() -> None:
    """The content of an assistant's message may be null, and a schema says null itself."""
    text = """[variable.no]
nullable = true
[completion.a]
model = 'm'
messages = [
  { role = 'user', content = 'x', name = '{{ var.no }}', function_call = '{{ var.no }}' },
  { role = 'assistant', content = '{{ var.no }}', refusal = 'no' },
]
metadata = { a = '{{ var.no }}', b = 'c' }
[[completion.a.tools]]
type = 'function'
function.name = 'f'
function.description = '{{ var.no }}'
function.parameters = { enum = ['{{ var.no }}'], default = '{{ var.no }}' }
"""
    assert sent(text) == {
        "model": "m",
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": None, "refusal": "no"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"enum": [None], "default": None}},
            }
        ],
        "metadata": {"b": "c"},
    }


def test_what_is_wrong_in_one_request_is_told_together_and_before_anything_is_asked() -> None:
    """Also beside a hole whose answer has yet to come."""
    lab = project("""[completion.first]
model = 'm'
messages = [{ role = 'user', content = 'x' }]
[completion.second]
model = '{{ completion.first.model }}'
temperature = '{{ 3 }}'
top_p = '{{ 1 / 0 }}'
messages = [
  { role = 'user', content = '{{ completion.first.content }} {{ file("gone.md") }}' },
  { role = 'user', content = '{{ 1 % 0 }}' },
]
""")
    with pytest.raises(RunnerError) as caught:
        lab.plan()
    places = [problem.where.line for problem in caught.value.problems if problem.where]
    assert places == [6, 7, 9, 10]


@pytest.mark.parametrize(
    ("written", "place", "said"),
    [
        ("temperature = '{{ 3 }}'", 4, "temperature"),
        ("temperature = \"{{ 'hot' }}\"", 4, "temperature"),
        ("seed = '{{ 2 ** 60 }}'", 4, "2**53-1"),
        ("extra_body = { x = '{{ 1e300 }}' }", 4, "2**53-1"),
        ("extra_body = { x = 1979-05-27 }", 4, "date"),
        ("extra_body = { x = nan }", 4, "nan"),
        ("provider = 'opnai'", 4, 'Did you mean "openai"?'),
        ("functions = [{ name = 'f', parameters = \"{{ '{' }}\" }]", 4, "not JSON"),
    ],
)
def test_a_filled_value_that_cannot_be_sent_is_told_at_its_line(
    written: str, place: int, said: str
) -> None:
    with pytest.raises(RunnerError) as caught:
        project(f"[completion.a]\nmodel = 'm'\n{MESSAGES}{written}\n").plan()
    (problem,) = [p for p in caught.value.problems if p.severity == "error"]
    assert said in problem.detail
    assert problem.where is not None
    assert problem.where.line == place


def test_a_completion_without_a_model_is_an_error() -> None:
    with pytest.raises(RunnerError, match="names no model"):
        project(f"[completion.a]\n{MESSAGES}").plan()


SECRET = "[variable.key]\nsensitive = true\ndefault = 'hush-hush'\n"


@pytest.mark.parametrize(
    "written",
    [
        "messages = [{ role = 'user', content = 'a {{ var.key }}' }]",
        "messages = [{ role = 'user', content = '{{ var.key | upper | lower }}' }]",
        "messages = \"{{ [{'role': 'user', 'content': var.key}] }}\"",
        "messages = [\"{{ {'role': 'user', 'content': var.key} }}\"]",
        "messages = [{ role = 'user', content = '{{ local.through }}' }]",
        "messages = [{ role = 'user', content = '{{ module.m.out }}' }]",
        "messages = [{ role = 'user', content = \"{{ template('p.md', key=var.key) }}\" }]",
        f"{MESSAGES}triggers = {{ a = '{{{{ var.key }}}}' }}",
        f"{MESSAGES}extra_body = {{ a = ['{{{{ var.key }}}}'] }}",
        f"{MESSAGES}user = '{{{{ var.key }}}}'",
        f"{MESSAGES}functions = \"{{{{ [{{'name': 'f', 'description': var.key}}] }}}}\"",
        (
            f"{MESSAGES}tools = [{{ type = 'function', function = \"{{{{ {{'name': 'f', "
            "'description': var.key} }}\" }]"
        ),
    ],
)
def test_a_sensitive_value_is_sent_and_in_no_record(written: str) -> None:
    """The fingerprint covers the real value; state, cache and plan do not hold it."""
    text = (
        f"{SECRET}[locals]\nthrough = 'x{{{{ var.key }}}}'\n[module.m]\nsource = '../m'\n"
        f"key = '{{{{ var.key }}}}'\n[completion.a]\nmodel = 'm'\n{written}\n"
    )
    lab = project(text, configs__p_md="")
    lab.files["configs/p.md"] = "see {{ key }}"
    lab.files["m/main.toml"] = "[variable.key]\n[output.out]\nvalue = 'see {{ var.key }}'\n"
    lab.reply = lambda body: orjson.dumps(body).decode()
    plan = lab.plan()
    lab.apply()
    record = lab.records["completion.a"]
    kept = [record.request, record.response, record.triggers or b"", *lab.cache.values()]
    assert not [held for held in kept if b"hush" in held]
    assert b"hush" in orjson.dumps(dict(lab.model.sent)["completion.a"]) or "triggers" in written
    assert plan.known.records == {}
    assert lab.plan().empty
    if "\nuser = " in written:
        return  # it travels with the request, and is no part of what is asked
    before = record.fingerprint
    lab.files["configs/main.toml"] = text.replace("hush-hush", "loud-loud")
    lab.apply()
    assert lab.records["completion.a"].fingerprint != before


def test_env_is_sensitive() -> None:
    lab = project(
        "[completion.a]\nmodel = 'm'\n"
        "messages = [{ role = 'user', content = \"k {{ env('KEY') }}\" }]\n"
    )
    lab.environment["KEY"] = "hush-hush"
    lab.trust = ("https://api.openai.com",)
    lab.apply()
    assert b"hush" not in lab.records["completion.a"].request
    assert dict(lab.model.sent)["completion.a"]["messages"][0]["content"] == "k hush-hush"


def test_ignored_changes_issue_nothing() -> None:
    """What was sent is sent again; also where it is masked in the record."""
    text = (
        f"{SECRET}[completion.a]\nmodel = 'm'\ntemperature = 0\n"
        "messages = [{ role = 'user', content = 'x {{ var.key }}' }]\n"
        "lifecycle = { ignore_changes = ['temperature', 'messages', 'seed'] }\n"
    )
    lab = project(text)
    lab.apply()
    assert lab.plan().empty
    lab.files["configs/main.toml"] = text.replace("temperature = 0", "temperature = 1\nseed = 1")
    assert lab.plan().empty
    lab.lose_state()
    lab.apply()
    assert dict(lab.model.sent)["completion.a"]["temperature"] == 1


def test_a_value_that_became_sensitive_leaves_the_state() -> None:
    """The same request, but what is recorded of it is masked from now on; no token is spent."""
    text = SECRET.replace("sensitive = true", "sensitive = false") + (
        "[completion.a]\nmodel = 'm'\nmessages = [{ role = 'user', content = '{{ var.key }}' }]\n"
    )
    lab = project(text)
    lab.apply()
    assert b"hush" in lab.records["completion.a"].request
    lab.files["configs/main.toml"] = text.replace("sensitive = false", "sensitive = true")
    lab.apply()
    assert lab.sent == []
    assert b"hush" not in lab.records["completion.a"].request
    assert lab.plan().empty


def test_what_cannot_be_put_into_a_text_stands_in_none() -> None:
    assert sensitive_texts([date(1979, 5, 27), "a word"]) == ("a word",)


def test_sensitive_texts_are_the_leaves_the_longest_first() -> None:
    assert sensitive_texts(["abcd", {"a": ["abcdef", 12345, True, None, "ab"]}]) == (
        "abcdef", "12345", "abcd",
    )  # fmt: skip


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}])
def test_a_request_shown_while_it_is_written_asks_for_its_usage(options: Any) -> None:
    body = orjson.loads(streaming(orjson.dumps({"model": "m", "stream_options": options})))
    assert body == {"model": "m", "stream": True, "stream_options": {"include_usage": True}}


def test_a_model_may_be_absent_where_the_provider_says_so() -> None:
    text = "[provider.p]\ntype = 'openai'\nbase_url = 'http://127.0.0.1:9/v1'\n"
    ask = f"[completion.a]\n{MESSAGES}"
    assert sent(f"{text}model_required = false\n{ask}") == {
        "messages": [{"role": "user", "content": "x"}]
    }
    for said in ("", "model_required = true"):
        with pytest.raises(RunnerError, match="model_required = false"):
            sent(f"{text}{said}\n{ask}")


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        ("stop = []", "stop", []),
        ("temperature = 1e-8", "temperature", 1e-8),
        ("top_p = '{{ 0.000002 }}'", "top_p", 2e-6),
    ],
)
def test_what_openai_takes_is_sent(written: str, name: str, value: Any) -> None:
    assert sent(f"[completion.a]\nmodel = 'm'\n{MESSAGES}{written}\n")[name] == value


def test_messages_hold_what_openai_takes_in_them() -> None:
    """A name of who called the tool, and an answer's own annotations, sent back."""
    text = """[completion.a]
model = 'm'
[[completion.a.messages]]
role = 'assistant'
content = 'it says so'
annotations = [{ type = 'url_citation', url_citation = { url = 'https://x.example' } }]
[[completion.a.messages]]
role = 'tool'
tool_call_id = 'c'
name = 'look'
content = '18 degrees'
"""
    first, second = sent(text)["messages"]
    assert first["annotations"][0]["url_citation"] == {"url": "https://x.example"}
    assert second["name"] == "look"


QUOTES = f"""[completion.a]
model = 'm'
{MESSAGES}
[completion.b]
model = 'm'
messages = [{{ role = 'user', content = '{{{{ completion.a.content }}}}' }}]
[completion.c]
model = 'm'
messages = [{{ role = 'user', content = 'He said: {{{{ completion.a.content }}}}.' }}]
"""
THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
TEXTS = [{"type": "text", "text": "fo"}, {"type": "text", "text": "ur"}]


@pytest.mark.parametrize(
    ("message", "whole", "within"),
    [
        ({"content": TEXTS}, TEXTS, "He said: four."),
        ({"content": [THOUGHT, *TEXTS]}, "four", "He said: four."),
        ({"content": None, "audio": {"transcript": "four"}}, "four", "He said: four."),
    ],
)
def test_an_answer_in_parts_is_quoted_as_its_text(
    message: dict[str, Any], whole: Any, within: str
) -> None:
    """Parts that a request may have stay what they are, where they are all of a message."""
    lab = project(QUOTES)
    lab.reply = lambda _: {"role": "assistant", **message}
    lab.apply()
    asked = dict(lab.model.sent)
    assert asked["completion.b"]["messages"][0]["content"] == whole
    assert asked["completion.c"]["messages"][0]["content"] == within
