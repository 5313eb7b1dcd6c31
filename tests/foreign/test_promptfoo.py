"""promptfoo's configurations converted: the same requests, and checks that say the same."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import RunnerError, error
from runner.foreign.promptfoo.convert import convert_promptfoo
from runner.hcl import Converted
from tests import DATA
from tests.harness.project import Project, serving

FOLDER = DATA / "requests"


def converted(text: str, **files: str) -> Converted:
    def read(name: str) -> str:
        if name not in files:
            raise error("No such file", f'There is no "{name}".')
        return files[name]

    return convert_promptfoo("p.yaml", text, read)


def config(**changed: str) -> str:
    parts = {
        "prompts": "['Say {{a}}']",
        "providers": "[openai:gpt-4o]",
        "tests": "[{vars: {a: x}}]",
        **changed,
    }
    return "".join(f"{name}: {part}\n" for name, part in parts.items())


def asserting(given: str) -> Converted:
    text = config(tests=f"[{{vars: {{a: x}}, assert: [{given}]}}]")
    return converted(text, **{"s.json": '{"type": "object"}'})


def test_what_is_sent_is_what_promptfoo_sends(tmp_path: Path) -> None:
    for file in FOLDER.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    project = Project(tmp_path)
    ran = project.call("convert", str(tmp_path / "promptfooconfig.yaml"))
    assert (ran.status, ran.err) == (0, "")
    with serving() as api:
        server = f'[provider.openai]\nbase_url = "{api.url}"'
        project.write(ran.out.replace("[provider.openai]", server))
        assert project.call("validate").out == "Success! The configuration is valid.\n"
        project.apply("--no-checks")
        sent = [request.body for request in api.completions]
    assert sorted(sent, key=in_order) == sorted(expected(), key=in_order)


def in_order(body: Any) -> str:
    return json.dumps(body, sort_keys=True)


def expected() -> list[dict[str, Any]]:
    """Each prompt, of each model, about each case."""
    usual = {"temperature": 0, "max_tokens": 1024}
    cool = {"temperature": 0.7, "max_tokens": 50, "stop": ["END"], "top_k": 5}
    models: dict[str, dict[str, Any]] = {"gpt-4o": usual, "gpt-4.1-mini": cool, "o4-mini": {}}
    cases = [("French", "Hello", "polite"), ("French", "Good bye", "polite")]
    bodies = []
    for language, words, tone in [*cases, ("Spanish", "Where is it?", "")]:
        first = f"Translate to {language.upper()}: {words}" + (f" ({tone})" if tone else "")
        prompts = [first, f"Say {words} once.", f"Say {words} twice."]
        chats = [[{"role": "user", "content": prompt}] for prompt in prompts]
        chats.append(
            [
                {"role": "system", "content": f"You speak {language}."},
                {"role": "user", "content": words},
            ]
        )
        bodies += [
            {"model": model, "messages": chat, **parameters}
            for chat in chats
            for model, parameters in models.items()
        ]
    return bodies


@pytest.mark.parametrize(
    ("given", "entry"),
    [
        ("{type: equals, value: b}", {"equals": "b"}),
        ("{type: equals, value: {b: 1}}", {"json_schema": {"const": {"b": 1}}}),
        ("{type: not-contains, value: '{{a}}'}", {"not": {"contains": "{{matrix.case.a}}"}}),
        ("{type: icontains-any, value: 'b, c'}", {"contains_any": ["b", "c"], "ignore_case": True}),
        ("{type: is-json}", {"json": True}),
        ("{type: is-json, value: 'file://s.json'}", {"json_schema": {"type": "object"}}),
        ("{type: regex, value: 'a+'}", {"matches": "a+"}),
        ("{type: cost, threshold: 0.1}", {"cost": {"max": 0.1}}),
        ("{type: latency, threshold: 500}", {"seconds": {"max": 0.5}}),
        ("{type: word-count, value: 3}", {"words": {"min": 3, "max": 3}}),
        ("{type: finish-reason, value: stop}", {"finish_reason": "stop"}),
        ("{type: rouge-n, value: b}", {"similarity": "b", "by": "token-f1", "at_least": 0.75}),
    ],
)
def test_an_assertion_is_an_entry_of_a_check(given: str, entry: dict[str, Any]) -> None:
    made = asserting(given)
    assert made.problems == ()
    (check,) = tomllib.loads(made.text)["check"].values()
    assert check == {"of": "completion.prompt_1", "expect": [entry]}


def test_a_rubric_is_a_judge() -> None:
    named = asserting("{type: llm-rubric, value: 'is {{a}}', provider: 'openai:gpt-4o-mini'}")
    (check,) = tomllib.loads(named.text)["check"].values()
    assert check["judge"]["model"] == "gpt-4o-mini"
    assert check["judge"]["rubric"] == "is {{matrix.case.a}}"
    unnamed = asserting("{type: llm-rubric, value: good}")
    assert tomllib.loads(unnamed.text)["runner"]["judge"]["provider"] == "openai"
    assert [each.severity for each in unnamed.problems] == ["warning"]


def test_an_assertion_of_some_tests_is_a_check_of_their_answers() -> None:
    one, other = (f"{{vars: {{a: {a}}}, assert: [{{type: contains, value: b}}]}}" for a in "xy")
    made = converted(config(tests=f"[{one}, {other}, {{vars: {{a: z}}}}]"))
    (check,) = tomllib.loads(made.text)["check"].values()
    assert check["of"] == ["completion.prompt_1[case=1]", "completion.prompt_1[case=2]"]


def test_tests_in_a_table_are_rows_with_what_is_expected() -> None:
    rows = "a,__expected\nx,y\nz,icontains:w\n"
    made = converted(config(tests="file://t.csv"), **{"t.csv": rows})
    table = tomllib.loads(made.text)
    assert table["locals"]["cases"] == {"1": {"a": "x"}, "2": {"a": "z"}}
    assert [each["expect"] for each in table["check"].values()] == [
        [{"equals": "y"}],
        [{"contains": "w", "ignore_case": True}],
    ]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (config(providers="[openai:gpt-4o, 'file://mine.py']"), 2, "a server that speaks the API"),
        (config(providers="[openai:gpt-4o, 'openai:responses:x']"), 2, "openai:chat:MODEL"),
        (config(providers="[openai:gpt-4o, 'bedrock:x']"), 2, "[provider.bedrock]"),
        (config(prompts="[a, 'Say {{ b }}']"), 1, "b is a variable of no test"),
        (config(prompts="[a, 'Say {{ env.HOME }}']"), 1, "env('NAME')"),
        (config(prompts="[a, 'Say {{ a | frobnicate }}']"), 1, "no template here"),
        (config(prompts="[a, 'file://p.py']"), 1, "write what it makes"),
        (config(prompts="[a, 'file://p.txt']"), 1, 'There is no "p.txt"'),
        (config(scenarios="[]"), 4, "Write out its tests"),
        (config(tests="[{vars: {a: x}, threshold: 0.5}]"), 3, "at_least"),
        (config(tests="[{vars: {a: x}, assert: [{type: javascript, value: b}]}]"), 3, "a program"),
        (config(tests="[{vars: {a: x}, assert: [{type: python, value: b}]}]"), 3, "a program"),
        (config(tests="[{vars: {a: x}, assert: [{type: is-sql}]}]"), 3, "A program can tell"),
        (config(tests="[{vars: {a: x}, assert: [{type: regex, value: '(?=a)'}]}]"), 3, "regex"),
        (config(tests="[{vars: {a: x}, assert: [{type: cost}]}]"), 3, "wants a threshold"),
        (config(tests="[{vars: {a: x}, assert: [{type: assert-set, assert: [b]}]}]"), 3, "a type"),
    ],
)
def test_what_has_no_counterpart_is_named_at_its_line(text: str, line: int, said: str) -> None:
    made = converted(text)
    (problem,) = [each for each in made.problems if each.severity == "error"]
    assert said in problem.detail
    assert str(problem.where) == f"p.yaml:{line}"
    assert re.search(rf"^# not converted: .*\(p.yaml:{line}\)$", made.text, re.MULTILINE)
    assert tomllib.loads(made.text)["completion"]["prompt_1"]["model"] == "gpt-4o"


def test_a_key_is_copied_nowhere() -> None:
    key = f"sk-{'a1' * 12}"
    made = converted(config(providers=f"[{{id: openai:gpt-4o, config: {{apiKey: {key}}}}}]"))
    assert [each.summary for each in made.problems] == ["Key not copied"]
    assert key not in made.text + str(made.problems)


@pytest.mark.parametrize("text", ["a: [", "a: 1", "[1]", "prompts: [a]"])
def test_what_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(RunnerError, match=r"YAML|promptfoo"):
        converted(text)


PIECES = [
    "null",
    "1",
    "[]",
    "{}",
    "- ",
    "{",
    ":",
    ",",
    "]",
    "file://",
    "{{",
    "%}",
    "\n",
    "*a",
    "type",
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 9), st.sampled_from(PIECES)),
                min_size=1, max_size=3))  # fmt: skip
def test_a_damaged_configuration_converts_to_toml_or_is_refused(
    edits: list[tuple[int, int, str]],
) -> None:
    text = (FOLDER / "promptfooconfig.yaml").read_text()
    for at, removed, inserted in edits:
        start = at % (len(text) + 1)
        text = text[:start] + inserted + text[start + removed :]
    try:
        made = converted(text)
    except RunnerError:
        return
    tomllib.loads(made.text)
