"""What each matcher says of an answer; what could not be told is neither pass nor fail."""

import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest

from runner.core.api.answer import Answer
from runner.core.checks.known_values import as_if_written, value_fault
from runner.core.checks.matchers import expectation
from runner.core.checks.matching import ExaminedAnswer, Measures, score_of, verdict_on
from runner.core.checks.verdicts import CheckVerdict, DoesNot, Unscored, outcome_of
from tests.harness.recorded import record

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}


def answered(
    content: str | None = "", *, cost: float | None = 0.01, **message: Any
) -> ExaminedAnswer:
    made = record("completion.a", content or "")
    body = json.loads(made.response)
    body["choices"][0]["message"].update({"content": content, **message})
    request = {"model": "m", "messages": [], "tools": [TOOL]}
    made = replace(made, response=json.dumps(body).encode(), request=json.dumps(request).encode())
    measures = Measures(lambda _: cost, lambda _: 20)
    return ExaminedAnswer(made.address, made, Answer(made.response), measures)


def calling(*calls: tuple[str, str]) -> ExaminedAnswer:
    made = [
        {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
        for name, arguments in calls
    ]
    return answered(None, tool_calls=made)


def verdict(entry: str, of: ExaminedAnswer) -> CheckVerdict:
    table = tomllib.loads(f"entry = {entry}")["entry"]
    return verdict_on(expectation(table, table), of)


def says(entry: str, of: ExaminedAnswer | str) -> str:
    return outcome_of(verdict(entry, answered(of) if isinstance(of, str) else of))


@pytest.mark.parametrize(
    ("entry", "holds", "does_not"),
    [
        ('{ equals = "Lima" }', "Lima", "Lima."),
        ('{ equals = "lima", ignore_case = true }', "LIMA", "Lima!"),
        ('{ equals = "a b", ignore_space = true }', " a\n  b ", "ab"),
        ('{ contains = "Lima" }', "It is Lima.", "It is lima."),
        ('{ contains = "STRASSE", ignore_case = true }', "Hauptstraße", "Hauptweg"),
        ('{ contains_any = ["a", "b"] }', "b", "c"),
        ('{ contains_all = ["a", "b"] }', "ab", "a"),
        ('{ starts_with = "Yes" }', "Yes, it is", "No. Yes"),
        ('{ ends_with = "." }', "Done.", "Done"),
        ('{ one_of = ["yes", "no"] }', "yes\n", "yes, it is"),
        ('{ one_of = ["Yes"], ignore_case = true }', "YES", "no"),
        ("{ matches = '^\\d{3}$' }", "123", "1234"),
        ("{ matches = '(?i)as an ai' }", "As an AI, I", "As a person"),
        ("{ json = true }", '{"a": 1}', "{a: 1}"),
        ("{ json = false }", "text", "[]"),
        ('{ json_schema = { type = "object", required = ["a"] } }', '{"a": 1}', '{"b": 1}'),
        ('{ json_schema = { type = "integer" } }', "4", "four"),
        ("{ number = { equals = 42, within = 0.5 } }", "First 7, so it is 42.4.", "42 and 41"),
        ("{ number = { equals = 1234.5 } }", "It costs $1,234.50", "1234"),
        ("{ number = { equals = -3 } }", "x = -3", "10-3"),
        ("{ number = { min = 1, max = 2 } }", "1.5", "no number"),
        ("{ number = { equals = 2e3 } }", "2e3", "2e4"),
        ("{ words = { max = 2 } }", "two words", "now three words"),
        ("{ characters = { min = 3 } }", "äöü", "äö"),
        ("{ lines = { min = 2, max = 2 } }", "a\nb\n", "a"),
        ("{ tokens = { max = 9 } }", "A few words.", "Word after word of a long text. " * 9),
        ('{ similarity = "kitten", at_least = 0.6 }', "sitting", "dog"),
        ('{ similarity = "the cat sat", by = "token-f1", at_least = 1 }', "Sat: the cat", "the"),
        ('{ similarity = "a b c d", by = "rouge-l", at_least = 0.75 }', "A x c, d", "d c b a"),
        ('{ not = { contains = "x" } }', "abc", "xyz"),
        ('{ any = [{ equals = "a" }, { equals = "b" }] }', "b", "c"),
        ('{ all = [{ contains = "a" }, { not = { contains = "b" } }] }', "a", "ab"),
        ('{ contains = "berlin", on = "Berlin", ignore_case = true }', "", None),
        ('{ equals = "[1,2]", on = [1, 2] }', "", None),
        ("{ number = { equals = 5 }, on = 5 }", "", None),
    ],
)
def test_each_matcher_tells_what_holds_from_what_does_not(
    entry: str, holds: str, does_not: str | None
) -> None:
    assert says(entry, holds) == "holds"
    if does_not is not None:
        assert says(entry, does_not) == "does not hold"


def test_what_the_answer_took_is_looked_up_in_its_record() -> None:
    assert says("{ cost = { max = 0.01 } }", "x") == "holds"
    assert says("{ cost = { max = 0.009 } }", "x") == "does not hold"
    assert says("{ seconds = { max = 1.234 } }", "x") == "holds"
    assert says("{ seconds = { max = 1 } }", "x") == "does not hold"
    assert says("{ output_tokens = { min = 20, max = 20 } }", "x") == "holds"


def test_an_unknown_price_is_unscored_also_under_not() -> None:
    unpriced = answered("x", cost=None)
    for entry in (
        "{ cost = { max = 1 } }",
        "{ not = { cost = { max = 1 } } }",
        "{ not = { not = { cost = { max = 1 } } } }",
        '{ any = [{ equals = "y" }, { cost = { max = 1 } }] }',
        '{ all = [{ equals = "x" }, { cost = { max = 1 } }] }',
        '{ not = { any = [{ equals = "y" }, { cost = { max = 1 } }] } }',
    ):
        assert says(entry, unpriced) == "unscored", entry
    assert says('{ any = [{ equals = "x" }, { cost = { max = 1 } }] }', unpriced) == "holds"
    assert says('{ all = [{ equals = "y" }, { cost = { max = 1 } }] }', unpriced) == "does not hold"


def test_tokens_are_unscored_where_a_vocabulary_would_have_to_say() -> None:
    text = "The quick brown fox jumps over the lazy dog."
    outcomes = [says(f"{{ tokens = {{ max = {most} }} }}", text) for most in range(1, 30)]
    assert list(dict.fromkeys(outcomes)) == ["does not hold", "unscored", "holds"]


def test_an_answer_without_text_holds_neither_way() -> None:
    silent = calling(("weather", "{}"))
    assert says('{ contains = "x" }', silent) == "does not hold"
    assert says('{ not = { contains = "x" } }', silent) == "does not hold"


def test_how_it_ended_and_whether_it_was_refused() -> None:
    assert says('{ finish_reason = "stop" }', "x") == "holds"
    assert says('{ finish_reason = ["length", "tool_calls"] }', "x") == "does not hold"
    refused = answered(None, refusal="I cannot help with that.")
    assert says("{ refusal = false }", refused) == "does not hold"
    assert says("{ refusal = true }", refused) == "holds"
    assert says("{ refusal = false }", "x") == "holds"


@pytest.mark.parametrize(
    ("entry", "arguments", "outcome"),
    [
        ('{ name = "weather" }', '{"city": "Oslo"}', "holds"),
        ('{ name = "weather" }', '{"days": 2}', "does not hold"),  # against the tool's own schema
        ('{ name = "weather" }', "Oslo", "does not hold"),
        ('{ name = "time" }', "{}", "does not hold"),
        (
            '{ name = "weather", arguments = { city = "Oslo" } }',
            '{"city":"Oslo","days":2}',
            "holds",
        ),
        ('{ name = "weather", arguments = { city = "Rome" } }', '{"city":"Oslo"}', "does not hold"),
        (
            '{ name = "weather", arguments = { city = "Oslo" }, exact = true }',
            '{"city":"Oslo","days":2}',
            "does not hold",
        ),
    ],
)
def test_a_call_fits_its_schema_and_what_is_expected(
    entry: str, arguments: str, outcome: str
) -> None:
    assert says(f"{{ tool_call = {entry} }}", calling(("weather", arguments))) == outcome


def test_calls_are_compared_in_order_or_by_how_many_are_right() -> None:
    two = calling(("a", "{}"), ("b", "{}"))
    assert says('{ tool_calls = { names = ["b", "a"] } }', two) == "holds"
    assert says('{ tool_calls = { names = ["b", "a"], ordered = true } }', two) == "does not hold"
    assert says('{ tool_calls = { names = ["a", "b"], ordered = true } }', two) == "holds"
    assert says('{ tool_calls = { names = ["a"] } }', two) == "does not hold"
    assert says('{ tool_calls = { names = ["a"], at_least = 0.6 } }', two) == "holds"


def test_every_fault_says_what_was_expected_and_what_there_is() -> None:
    found = verdict('{ all = [{ contains = "Lima" }, { words = { max = 2 } }] }', answered("A b c"))
    assert isinstance(found, DoesNot)
    assert [(fault.expected, fault.got) for fault in found.faults] == [
        ('contains "Lima"', '"A b c"'),
        ("words at most 2", "3"),
    ]
    found = verdict('{ not = { matches = "b" } }', answered("abc"))
    assert isinstance(found, DoesNot)
    assert found.faults[0].expected == 'not: matches "b"'
    found = verdict(
        '{ json_schema = { type = "array", items = { type = "integer" } } }', answered('[1, "x"]')
    )
    assert isinstance(found, DoesNot)
    assert found.faults[0].got == 'at [1]: "x" is not of type "integer"'


def test_a_score_is_a_number_from_0_to_1() -> None:
    def score(entry: str, of: ExaminedAnswer) -> float | Unscored:
        table = tomllib.loads(f"entry = {entry}")["entry"]
        return score_of(expectation(table, table), of)

    assert score('{ similarity = "abc" }', answered("abc")) == 1
    assert score('{ similarity = "a b", by = "token-f1" }', answered("a c")) == 0.5
    assert score('{ similarity = "a" }', answered(None)) == 0
    assert score('{ tool_calls = { names = ["a", "b"] } }', calling(("a", "{}"))) == pytest.approx(
        2 / 3
    )


@pytest.mark.timeout(60)
def test_no_pattern_takes_longer_than_its_text() -> None:
    """With backtracking it would take longer than anybody lives."""
    assert says("{ matches = '(a+)+$' }", "a" * 50_000 + "!") == "does not hold"


@pytest.mark.parametrize(
    ("table", "said", "path", "is_nothing"),
    [
        ({"contains": None}, "it is null", ("contains",), True),
        ({"contains": ""}, "at least 1 character", ("contains",), True),
        ({"contains_any": "abc"}, "must be a list", ("contains_any",), False),
        ({"contains_all": []}, "at least 1 entry", ("contains_all",), True),
        ({"matches": "(?<=a)b"}, "no look-around", ("matches",), False),
        ({"matches": "{{("}, "is no pattern", ("matches",), False),
        ({"number": {"equals": "x"}}, 'it is "x"', ("number", "equals"), False),
        ({"number": {"equals": "nan"}}, 'it is "nan"', ("number", "equals"), False),
        ({"words": 3}, "must be a table", ("words",), False),
        ({"words": {}}, "needs min or max", ("words",), True),
        ({"not": {"condition": None}}, "it is null", ("not", "condition"), True),
        ({"condition": 1}, "true or false", ("condition",), False),
        ({"similarity": "x", "by": "bleu", "at_least": 1}, "indel", ("by",), False),
        ({"json_schema": {"$ref": "https://x.example/s"}}, "disabled", ("json_schema",), False),
    ],
)
def test_a_value_of_no_use_is_told_with_its_place(
    table: dict[str, Any], said: str, path: tuple[str, ...], is_nothing: bool
) -> None:
    fault = value_fault(("expect", 0), as_if_written(table), is_score=False)
    assert fault is not None
    assert (fault.path, fault.is_nothing) == (("expect", 0, *path), is_nothing)
    assert said in fault.said


def test_a_tool_whose_schema_is_none_tells_nothing_of_its_calls() -> None:
    of = calling(("weather", "{}"))
    function = {"name": "weather", "parameters": {"type": "strin"}}
    request = {"model": "m", "messages": [], "tools": [{"type": "function", "function": function}]}
    of = replace(of, record=replace(of.record, request=json.dumps(request).encode()))
    for entry in ("{ tool_call = %s }", "{ not = { tool_call = %s } }"):
        assert says(entry % '{ name = "weather" }', of) == "unscored"


def test_numbers_of_data_are_texts_where_a_text_is_wanted_and_the_other_way_round() -> None:
    of = answered("In 1969.")
    tables: tuple[dict[str, Any], ...] = (
        {"contains": 1969},
        {"number": {"equals": "1969"}},
        {"words": {"max": "2"}},
        {"words": {"max": 2.0}},
        {"contains_any": [1969, 1970]},
        {"not": {"contains": 1970}},
        {"any": [{"equals": 3}, {"contains": 1969}]},
    )
    for table in tables:
        held = as_if_written(table)
        assert value_fault((), held, is_score=False) is None
        assert outcome_of(verdict_on(expectation(held, table), of)) == "holds"
