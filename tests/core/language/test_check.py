import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import validator_for

from runner.core.api.parameters import PARAMETERS
from runner.core.language.check import (
    KINDS,
    Finding,
    check,
    check_parameter,
)
from runner.core.language.editor_schema import json_schema
from runner.core.language.names import META, PROVIDERS

HELLO = 'messages = [{ role = "user", content = "hi" }]\n'
KEY = "sk-" + "Ab1_" * 8


def completion(toml: str, **options: Any) -> list[Finding]:
    return check("completion", tomllib.loads(toml), **options)


def errors(found: list[Finding]) -> list[tuple[tuple[str | int, ...], str]]:
    return [(f.path, f.summary) for f in found if f.severity == "error"]


def test_a_completion_with_every_kind_of_parameter_is_right() -> None:
    found = completion(
        """
        provider = "openai"
        model = "gpt-4o"
        temperature = 1
        top_p = 0.5
        n = 2
        stop = "END"
        max_tokens = 500
        seed = 42
        logprobs = true
        top_logprobs = 5
        logit_bias = { 50256 = -100 }
        tool_choice = "get_weather"
        modalities = ["text", "audio"]
        audio = { voice = "alloy", format = "mp3" }
        prediction = { type = "content", content = [{ type = "text", text = "x" }] }
        stream = true
        stream_options = { include_usage = true }
        web_search_options.user_location = { type = "approximate", approximate = { city = "x" } }
        moderation = { model = "m", policy = { input = { mode = "score" } } }
        metadata = { a = "b" }
        depends_on = ["completion.a", "data.chat_completion.x", "module.m.completion.c[\\"k\\"]"]
        extra_body = { top_k = 40, nested = { a = [1] } }
        extra_headers = { X-Title = "x" }
        triggers = { day = 2020-01-01 }
        count = 3

        [lifecycle]
        prevent_destroy = true
        ignore_changes = ["temperature"]
        postcondition = [{ condition = "{{ self.content }}", error_message = "empty" }]

        [[messages]]
        role = "developer"
        content = "x"
        [[messages]]
        role = "user"
        content = [
          { type = "text", text = "what is this?" },
          { type = "image_url", image_url = { file = "cat.png" } },
          { type = "input_audio", input_audio = { file = "a.WAV" } },
          { type = "file", file = { file = "doc.pdf" } },
        ]
        [[messages]]
        role = "assistant"
        tool_calls = [{ id = "1", type = "function", function = { name = "f", arguments = "{}" } }]
        [[messages]]
        role = "tool"
        content = "x"
        tool_call_id = "1"

        [[tools]]
        type = "function"
        function = { name = "get_weather", parameters = { type = "object" } }

        [response_format]
        type = "json_schema"
        json_schema = { name = "x", schema = { file = "schemas/x.json" } }
        """
    )
    assert found == []


def test_the_function_call_example_of_the_terraform_module_is_right() -> None:
    """Functions with JSON text as parameters, and a bare name, work and warn once each."""
    found = completion(
        HELLO
        + """
        function_call = "get_weather"
        user = "u"
        [[functions]]
        name = "get_weather"
        description = "Get the current weather"
        parameters = '{"type": "object", "required": ["location"]}'
        """
    )
    assert [(f.path, f.summary, f.severity) for f in found] == [
        (("functions",), "Deprecated parameter", "warning"),
        (("function_call",), "Deprecated parameter", "warning"),
        (("user",), "Deprecated parameter", "warning"),
    ]


def test_messages_of_role_function_warn_once() -> None:
    found = completion(
        'messages = [{ role = "function", name = "f", content = "1" },'
        ' { role = "function", name = "f", content = "2" }]'
    )
    assert [(f.path, f.severity) for f in found] == [(("messages", 0, "role"), "warning")]


@pytest.mark.parametrize(
    ("toml", "path", "summary", "detail"),
    [
        ("temprature = 1", ("temprature",), "Unknown key", 'Did you mean "temperature"?'),
        ("top_k = 1", ("top_k",), "Unknown key", 'There is no key "top_k" in this completion.'),
        ("temperature = 3", ("temperature",), "Value out of range", "at most 2, but it is 3."),
        ('temperature = "0.7"', ("temperature",), "Wrong type", "Write it without quotes: 0.7."),
        ("temperature = nan", ("temperature",), "Value out of range", "must be a finite number"),
        ("temperature = true", ("temperature",), "Wrong type", "must be a number, but it is true"),
        ("n = 1.0", ("n",), "Wrong type", "n must be a whole number, but it is 1.0."),
        ("n = true", ("n",), "Wrong type", "n must be a whole number, but it is true."),
        ("logprobs = 1", ("logprobs",), "Wrong type", "must be true or false, but it is 1."),
        ("seed = 2020-01-01", ("seed",), "Wrong type", "but it is 2020-01-01."),
        ("tools = []", ("tools",), "Value out of range", "at least 1 entry, but it has 0."),
        ('stop = ["", "", "", "", ""]', ("stop",), "Value out of range", "at most 4 entries"),
        ("stop = 5", ("stop",), "Wrong type", "must be a string or a list of strings"),
        ("stop = [5]", ("stop", 0), "Wrong type", "stop[0] must be a string, but it is 5."),
        ('verbosity = "hi"', ("verbosity",), "Unknown value", '"low", "medium" or "high"'),
        ("verbosity = 1", ("verbosity",), "Wrong type", '"low", "medium" or "high"'),
        ("metadata = { a = 1 }", ("metadata", "a"), "Wrong type", "metadata.a must be a string"),
        ("logit_bias = { x = 1 }", ("logit_bias", "x"), "Invalid value", "the number of a token"),
        ("logit_bias = { 1 = 101 }", ("logit_bias", "1"), "Value out of range", "at most 100"),
        ('model = ""', ("model",), "Value out of range", "at least 1 character, but it has 0."),
        ('tool_choice = "auto"', ("tool_choice",), "Missing key", "tool_choice needs tools"),
        ("tool_choice = 1", ("tool_choice",), "Wrong type", "the name of a function or a table"),
        ("top_logprobs = 2", ("top_logprobs",), "Missing key", "needs logprobs = true"),
        ("stream_options = {}", ("stream_options",), "Missing key", "needs stream = true"),
        ('modalities = ["audio"]', ("modalities",), "Missing key", "audio must say its voice"),
        ("audio = { voice = 1, format = 'mp3' }", ("audio", "voice"), "Wrong type", "voice's name"),
        (
            "response_format = { type = 'json' }",
            ("response_format", "type"),
            "Unknown value",
            '"json_schema"',
        ),
        ("response_format = {}", ("response_format",), "Missing key", "needs type"),
        ("response_format = 'text'", ("response_format",), "Wrong type", "a table with type"),
        (
            "response_format = { type = 'json_schema', json_schema = { name = 'a b' } }",
            ("response_format", "json_schema", "name"),
            "Invalid value",
            "up to 64 letters",
        ),
        (
            "[response_format]\ntype='json_schema'\njson_schema = {name = 'a', schema.type = 'x'}",
            ("response_format", "json_schema", "schema"),
            "Invalid JSON Schema",
            "at type",
        ),
        (
            "[[tools]]\ntype = 'function'\nfunction = { name = 'f', parameters = '{' }",
            ("tools", 0, "function", "parameters"),
            "Invalid JSON",
            "line 1 column 2",
        ),
        (
            "[[tools]]\ntype = 'function'\nfunction = { name = 'f', parameters = '[]' }",
            ("tools", 0, "function", "parameters"),
            "Wrong type",
            "must be a JSON object",
        ),
        (
            "[[tools]]\ntype = 'function'\nfunction = { name = 'f', parameters.d = 2020-01-01 }",
            ("tools", 0, "function", "parameters", "d"),
            "Wrong type",
            "Write it in quotes",
        ),
        (
            "[[tools]]\ntype='function'\nfunction = { name = 'f', parameters.'$ref' = 'file:/x' }",
            ("tools", 0, "function", "parameters"),
            "Invalid JSON Schema",
            "Retrieval is disabled",
        ),
        ("count = -1", ("count",), "Value out of range", "at least 0"),
        ("count = 1\nfor_each = {}", ("count",), "Conflicting keys", "exclude each other"),
        ("for_each = ['a', 'a']", ("for_each", 1), "Duplicate name", "is there twice"),
        ("for_each = [{ a = 1 }]", ("for_each", 0), "Wrong type", "a key that stays"),
        ("for_each = 'x'", ("for_each",), "Wrong type", "Write an expression in {{ }}."),
        ("depends_on = ['chat']", ("depends_on", 0), "Invalid value", '"completion.chat"'),
        ("depends_on = ['{{ x }}']", ("depends_on",), "Expression not allowed", "needed before"),
        ("template = 'yes'", ("template",), "Wrong type", "true or false"),
        ("extra_body = { x = inf }", ("extra_body", "x"), "Value out of range", "no form for"),
        (
            "lifecycle = { ignore_changes = ['tempreature'] }",
            ("lifecycle", "ignore_changes", 0),
            "Unknown value",
            'Did you mean "temperature"?',
        ),
        (
            "lifecycle = { precondition = [{ condition = 'self.x', error_message = 'm' }] }",
            ("lifecycle", "precondition", 0, "condition"),
            "Wrong type",
            "Write an expression in {{ }}.",
        ),
    ],
)
def test_each_mistake_in_a_completion_is_one_finding(
    toml: str, path: tuple[str | int, ...], summary: str, detail: str
) -> None:
    found = completion(HELLO + toml)
    assert errors(found) == [(path, summary)]
    assert detail in found[0].detail


@pytest.mark.parametrize(
    ("message", "path", "summary"),
    [
        ('{ role = "usr", content = "x" }', ("role",), "Unknown value"),
        ('{ content = "x" }', (), "Missing key"),
        ('{ role = 1, content = "x" }', ("role",), "Wrong type"),
        ("5", (), "Wrong type"),
        ('"text"', (), "Wrong type"),
        ('{ role = "user" }', (), "Missing key"),
        ('{ role = "user", content = 5 }', ("content",), "Wrong type"),
        ('{ role = "user", content = [] }', ("content",), "Value out of range"),
        ('{ role = "user", content = [5] }', ("content", 0), "Wrong type"),
        ('{ role = "user", content = "x", nam = "y" }', ("nam",), "Unknown key"),
        ('{ role = "function", content = "x" }', (), "Missing key"),
        ('{ role = "tool", content = "x" }', (), "Missing key"),
        ('{ role = "assistant" }', (), "Missing key"),
        (
            '{ role = "system", content = [{ type = "image_url", image_url = { url = "x" } }] }',
            ("content", 0, "type"),
            "Unknown value",
        ),
        (
            '{ role = "user", content = [{ type = "text" }] }',
            ("content", 0),
            "Missing key",
        ),
        (
            '{ role = "user", content = [{ type = "image_url", image_url = {} }] }',
            ("content", 0, "image_url"),
            "Missing key",
        ),
        (
            '{ role = "user", content = [{ type = "file", file = { file = "a", file_id = "b" }}] }',
            ("content", 0, "file"),
            "Conflicting keys",
        ),
        (
            '{ role = "user", content = [{ type = "input_audio", input_audio.file = "a.ogg" }] }',
            ("content", 0, "input_audio"),
            "Missing key",
        ),
        (
            '{ role = "assistant", tool_calls = [{ id = "1", type = "function", function = {} }] }',
            ("tool_calls", 0, "function"),
            "Missing key",
        ),
    ],
)
def test_mistakes_in_a_message_are_found_at_their_place(
    message: str, path: tuple[str | int, ...], summary: str
) -> None:
    found = errors(completion(f"messages = [{message}]"))
    assert set(found) == {(("messages", 0, *path), summary)}


@pytest.mark.parametrize(
    "toml",
    [
        "temperature = '{{ var.t }}'",
        "n = '{% if x %}1{% endif %}'",
        "tools = '{{ var.tools }}'\ntool_choice = 'anything'",
        "tools = ['{{ var.tool }}']\ntool_choice = 'anything'",
        "tools = [{ type = '{{ x }}', function = 5 }]",
        "functions = [{ name = '{{ x }}' }]\nfunction_call = 'anything'",
        "functions = [{ name = 'f', parameters = '{{ x }}' }]",
        "functions = [{ name = 'f', parameters = { type = '{{ x }}' } }]",
        "response_format = { type = '{{ x }}', foo = 1 }",
        "top_logprobs = 1\nlogprobs = '{{ x }}'",
        "top_logprobs = '{{ x }}'",
        "stream_options = {}\nstream = '{{ x }}'",
        "modalities = ['{{ x }}']",
        "metadata = { a = '{{ x }}' }",
        "reasoning_effort = '{{ x }}'",
        "for_each = '{{ x }}'",
        "for_each = ['{{ x }}', '{{ x }}']",
        "count = '{{ x }}'",
        "enabled = '{{ x }}'",
        "provider = '{{ x }}'",
        "extra_body = '{{ x }}'",
        "messages = '{{ x }}'",
        "messages = ['{{ x }}', { role = '{{ x }}', foo = 1 }]",
        "messages = [{ role = 'user', content = '{{ x }}' }]",
        "messages = [{ role = 'user', content = ['{{ x }}', { type = '{{ x }}' }] }]",
    ],
)
def test_nothing_is_said_about_what_a_template_leaves_open(toml: str) -> None:
    messages = "" if toml.startswith("messages") else HELLO
    assert errors(completion(messages + toml)) == []


def test_texts_are_as_written_where_templates_are_off() -> None:
    """What is sent has no templates then; the meta-arguments are expressions as ever."""
    found = completion(
        HELLO
        + "template = false\ntemperature = '{{ t }}'\nenabled = '{{ e }}'\nfor_each = '{{ f }}'"
    )
    assert errors(found) == [(("temperature",), "Wrong type")]


def test_a_named_function_must_be_declared() -> None:
    tools = "tools = [{ type = 'function', function = { name = 'get_weather' } }]\n"
    choice = "tool_choice = { type = 'function', function = { name = 'get_wether' } }"
    found = completion(HELLO + tools + choice)
    assert errors(found) == [(("tool_choice", "function", "name"), "Unknown value")]
    assert 'Did you mean "get_weather"?' in found[0].detail
    assert errors(completion(HELLO + tools + "tool_choice = 'get_weather'")) == []
    allowed = "{ mode = 'auto', tools = [{ type = 'function', function = { name = 'x' } }] }"
    found = completion(
        HELLO + tools + f"tool_choice = {{ type = 'allowed_tools', allowed_tools = {allowed} }}"
    )
    path = ("tool_choice", "allowed_tools", "tools", 0, "function", "name")
    assert errors(found) == [(path, "Unknown value")]


def test_names_of_functions_differ() -> None:
    found = completion(HELLO + "functions = [{ name = 'f' }, { name = 'f' }]")
    assert errors(found) == [(("functions", 1, "name"), "Duplicate name")]


def test_metadata_has_at_most_16_pairs_of_limited_length() -> None:
    pairs = {str(i): "x" for i in range(17)}
    table = tomllib.loads(HELLO)
    assert errors(check("completion", {**table, "metadata": pairs})) == [
        (("metadata",), "Value out of range")
    ]
    long = {"k" * 65: "x", "k": "v" * 513}
    assert errors(check("completion", {**table, "metadata": long})) == [
        (("metadata", "k" * 65), "Value out of range"),
        (("metadata", "k"), "Value out of range"),
    ]


def test_the_defaults_of_the_provider_count() -> None:
    given = {"messages": [{}], "logprobs": True, "tools": "{{ var.tools }}"}
    assert completion("top_logprobs = 2\ntool_choice = 'auto'", defaults=given) == []
    assert errors(completion("model = 'm'")) == [((), "Missing key")]


@pytest.mark.parametrize(
    ("kind", "toml", "path", "summary"),
    [
        ("runner", "concurency = 3", ("concurency",), "Unknown key"),
        ("runner", "provider = '{{ x }}'", (), "Expression not allowed"),
        ("runner", "workspace = '../x'", ("workspace",), "Invalid value"),
        ("runner", "log_level = 'loud'", ("log_level",), "Unknown value"),
        ("provider", "type = 'opnai'", ("type",), "Unknown value"),
        ("provider", "timeout = 3", (), "Missing key"),
        ("provider", "type = 3", ("type",), "Wrong type"),
        ("provider", "type = '{{ x }}'", ("type",), "Expression not allowed"),
        ("provider", "type = 'openai'\nmodel_path = 'x'", ("model_path",), "Unknown key"),
        ("provider", "type = 'openai'\ntimeout = 0", ("timeout",), "Value out of range"),
        ("provider", "type = 'openai'\nbase_url = 'x'", ("base_url",), "Invalid value"),
        ("provider", "type = 'openai'\ndefaults = 1", ("defaults",), "Wrong type"),
        ("provider", "type = 'openai'\ndefaults.n = 0", ("defaults", "n"), "Value out of range"),
        ("provider", "type = 'openai'\napi_key_env = 'MY KEY'", ("api_key_env",), None),
        ("variable", "type = 'lst'", ("type",), "Unknown value"),
        ("variable", "type = 'number'\ndefault = 'x'", ("default",), "Wrong type"),
        ("variable", "validation = [{ condition = true }]", ("validation", 0), "Missing key"),
        ("locals", "a-b = 1", ("a-b",), "Invalid value"),
        ("output", "file = 'x'", (), "Missing key"),
        ("output", "value = 1\nsensitive = '{{ x }}'", ("sensitive",), "Expression not allowed"),
        ("module", "topic = 1", (), "Missing key"),
        ("module", "source = 'x'\ncount = 1\nfor_each = {}", ("count",), "Conflicting keys"),
        ("data.chat_completion", "provider = 'x'", (), "Missing key"),
        ("data.chat_completions", "order = 'up'", ("order",), "Unknown value"),
        ("data.chat_completion_messages", "completion_id = 'x'\nlimit = 0", ("limit",), None),
        ("moved", "from = 'x'\nto = 'completion.x'", ("from",), "Invalid value"),
        ("moved", "from = 'completion.x'\nto = 'completion.x'", ("to",), "Conflicting keys"),
        ("removed", "", (), "Missing key"),
        ("import", "to = 'completion.x'", (), "Missing key"),
    ],
)
def test_mistakes_in_other_blocks_are_found(
    kind: str, toml: str, path: tuple[str | int, ...], summary: str | None
) -> None:
    found = check(kind, tomllib.loads(toml), name="mine")
    assert [f.path for f in found] == [path]
    assert summary in (None, found[0].summary)


@pytest.mark.parametrize(
    ("kind", "name", "toml"),
    [
        ("provider", "openai", "headers = { X = 'y' }\nquery = { api-version = '1' }"),
        ("provider", "openai", "headers = { Authorization = \"Bearer {{ env('T') }}\" }"),
        ("provider", "embedded", "model_path = 'x.gguf'\ndefaults = { temperature = 0 }"),
        ("provider", "groq", "type = 'openai'\napi_key_env = 'GROQ_API_KEY'"),
        ("variable", "v", "type = 'list(string)'\ndefault = ['a']"),
        ("variable", "v", ""),
        ("output", "o", "value = 2020-01-01"),
        ("data.chat_completion", "x", "completion_id = '{{ completion.a.id }}'"),
        ("module", "m", "source = './m'\nanything = [1]"),
        ("removed", "0", "from = 'module.m.completion.c[0]'"),
    ],
)
def test_other_blocks_that_are_right_give_no_finding(kind: str, name: str, toml: str) -> None:
    assert check(kind, tomllib.loads(toml), name=name) == []


def test_a_sensitive_default_is_not_said() -> None:
    found = check("variable", {"type": "number", "default": "hunter2", "sensitive": True})
    assert errors(found) == [(("default",), "Wrong type")]
    assert "hunter2" not in found[0].detail


@pytest.mark.parametrize(
    ("kind", "table", "path"),
    [
        ("provider", {"type": "openai", "api_key": "x"}, ("api_key",)),
        ("provider", {"type": "openai", "token": KEY}, ("token",)),
        ("provider", {"type": "openai", "api_key_env": KEY}, ("api_key_env",)),
        ("provider", {"type": "openai", "api_key_env": "gsk" + "a1" * 20}, ("api_key_env",)),
        ("provider", {"type": "openai", "headers": {"api-key": "x"}}, ("headers", "api-key")),
        ("provider", {"type": "openai", "timeout": KEY}, ("timeout",)),
        ("completion", {"messages": [{"role": KEY}]}, ("messages", 0, "role")),
        (
            "completion",
            {"messages": [{"role": "user", "content": f"use Bearer {KEY}"}]},
            ("messages", 0, "content"),
        ),
        ("variable", {"default": {"a": [KEY]}}, ("default", "a", 0)),
        ("locals", {"a": KEY}, ("a",)),
        ("module", {"source": "x", "y": KEY}, ("y",)),
    ],
)
def test_a_key_in_a_configuration_is_an_error_that_does_not_show_it(
    kind: str, table: dict[str, Any], path: tuple[str | int, ...]
) -> None:
    found = check(kind, table)
    assert (path, "Key in a configuration file") in errors(found)
    assert [f.path for f in found].count(path) == 1
    assert not any(KEY[3:] in f.detail or "a1a1" in f.detail for f in found)


@pytest.mark.parametrize("text", ["risk-aversion-and-other-topics-here", "sk-short", "ask-me"])
def test_words_are_no_keys(text: str) -> None:
    assert check("locals", {"a": text}) == []


@pytest.mark.parametrize("kind", PROVIDERS)
def test_each_type_of_provider_is_checked_and_in_the_schema_for_editors(kind: str) -> None:
    assert errors(check("provider", {"type": kind, "nope": 1}, name="x")) == [
        (("nope",), "Unknown key")
    ]
    schema = validator_for(json_schema())
    assert schema.is_valid({"provider": {"x": {"type": kind}}})
    assert not schema.is_valid({"provider": {"x": {"type": f"{kind}x"}}})


def test_a_block_that_is_no_table_is_one_finding() -> None:
    for kind in KINDS:
        assert errors(check(kind, 5)) == [((), "Wrong type")]


def test_a_block_nested_too_deeply_is_an_error() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert errors(check("completion", {"extra_body": deep})) == [((), "Nesting too deep")]
    function = {"name": "f", "parameters": "[" * 5000}
    found = errors(check("completion", {**tomllib.loads(HELLO), "functions": [function]}))
    assert found == [(("functions", 0, "parameters"), "Invalid JSON")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0),
        ("temperature", None),
        ("stop", ["a"]),
        ("metadata", {"a": None, "b": "c"}),
        ("enabled", True),
        ("for_each", ["a", "b"]),
        ("messages", [{"role": "user", "content": "{{ not a template any more"}]),
        (
            "messages",
            [
                {
                    "role": "assistant",
                    "content": None,
                    "refusal": None,
                    "annotations": [],
                    "reasoning_content": "hm",
                    "tool_calls": [
                        {"id": "1", "type": "function", "function": {"name": "f", "arguments": ""}}
                    ],
                }
            ],
        ),
    ],
)
def test_a_value_that_an_expression_gave_may_stand(name: str, value: object) -> None:
    assert check_parameter(name, value) == []


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("temperature", "{{ x }}", ("temperature",)),
        ("temperature", 3, ("temperature",)),
        ("temprature", 3, ("temprature",)),
        ("messages", [], ("messages",)),
        ("messages", [{"role": "user", "content": "x", "z": 1}], ("messages", 0, "z")),
        ("tools", [{"type": "function"}], ("tools", 0)),
        ("enabled", "yes", ("enabled",)),
        ("for_each", ["a", "a"], ("for_each", 1)),
        ("extra_body", {"a": float("nan")}, ("extra_body", "a")),
    ],
)
def test_a_value_that_an_expression_gave_is_checked_alike(
    name: str, value: object, path: tuple[str | int, ...]
) -> None:
    assert [f.path for f in check_parameter(name, value)] == [path]


def test_a_sensitive_value_is_in_no_finding() -> None:
    found = check_parameter("temperature", "hunter2", sensitive=True)
    assert errors(found) == [(("temperature",), "Wrong type")]
    assert "hunter2" not in found[0].detail


KEYS = (
    "role",
    "content",
    "type",
    "function",
    "name",
    "parameters",
    "text",
    "image_url",
    "tools",
    "tool_calls",
    "json_schema",
    "schema",
    "file",
    "x",
    "(text)",
)
json_values = st.recursive(
    st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.dates()
    | st.sampled_from(["", "text", "user", "function", "{{ x }}", "a b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*PARAMETERS, *META, "other"]), json_values, max_size=5))
def test_any_table_is_checked_in_words_of_the_language(table: dict[str, Any]) -> None:
    """No table makes the check fail; every error of pydantic has words; every path exists."""
    for found in check("completion", table):
        assert "Input should" not in found.detail
        assert "valid" not in found.detail or found.summary == "Invalid JSON Schema"
        inside: Any = table
        for step in found.path:
            inside = inside[step]


@given(st.sampled_from(KINDS), json_values)
def test_any_value_is_checked_as_any_block(kind: str, value: object) -> None:
    for found in check(kind, value, name="openai"):
        assert found.summary
        assert found.detail.endswith((".", "?"))


@pytest.mark.parametrize(
    ("name", "kind", "warned"),
    [
        ("embedded", "groq", True),
        ("ollama", "groq", True),
        ("openai", "embedded", True),
        ("groq", "groq", False),
        ("groq", "openai", False),
        ("mine", "groq", False),
    ],
)
def test_a_provider_that_is_called_as_another_is_a_warning(
    name: str, kind: str, warned: bool
) -> None:
    found = [*check("provider", {"type": kind}, name=name)]
    assert [one.severity for one in found] == ["warning"] * warned


def test_a_key_in_an_address_is_told_what_every_provider_can_do() -> None:
    url = "https://sk-abcdefghijklmnopqrstuvwxyz012345@h.example/v1"
    details = " ".join(one.detail for one in check("provider", {"base_url": url}, name="groq"))
    assert "api_key_env" in details
