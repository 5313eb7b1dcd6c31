import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.language.type_syntax import as_type, parse_input, parse_type

TYPES = [
    "string",
    "number",
    "bool",
    "any",
    "list(string)",
    "set(number)",
    "map(list(bool))",
    "tuple([string, number])",
    'object({ name = string, age = optional(number), tags = optional(list(string), ["a"]) })',
]


@pytest.mark.parametrize("text", TYPES)
def test_a_type_prints_as_it_is_written(text: str) -> None:
    assert str(parse_type(text)) == text


def test_a_bare_collection_holds_anything() -> None:
    assert [str(parse_type(t)) for t in ("list", "set", "map")] == [
        "list(any)",
        "set(any)",
        "map(any)",
    ]


def test_attributes_may_stand_on_lines_of_their_own() -> None:
    spread = parse_type("object({\n  name = string\n  age : number,\n})")
    assert spread == parse_type("object({name=string, age=number})")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "a type is missing"),
        ("str", '"str" is not a type'),
        ("list(", "a type is missing"),
        ("list(string", '")" is expected where the end is'),
        ("string x", '"x" is too much'),
        ("object({a})", '"=" is expected where "}" is'),
        ("object({9 = string})", '"9" is not the name of an attribute'),
        ("object({a = string, a = number})", 'the attribute "a" is there twice'),
        ("object({a = optional(number, x)})", "the default x is not a value"),
        ('object({a = optional(number, "x")})', 'a number is required, got "x"'),
    ],
)
def test_what_is_wrong_with_a_type_is_said(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=re.escape(part)):
        parse_type(text)


@pytest.mark.parametrize(
    ("value", "to", "expected"),
    [
        ("1e3", "number", 1000),
        ("1.50", "number", 1.5),
        (1.0, "number", 1),
        (1.0, "string", "1"),
        (1e3, "string", "1000"),
        (1e-7, "string", "0.0000001"),
        (1e25, "string", "10000000000000000000000000"),
        (True, "string", "true"),
        ("1", "bool", True),
        ("false", "bool", False),
        ([1, "a"], "list(string)", ["1", "a"]),
        (["b", "a", "b"], "set(string)", ["a", "b"]),
        ([10, 9], "set(number)", [9, 10]),
        ({"a": "1"}, "map(number)", {"a": 1}),
        ({"a": 1, "b": 2}, "object({a = string})", {"a": "1"}),
        ({}, "object({a = optional(number, 3), b = optional(any)})", {"a": 3, "b": None}),
        (["a", "1"], "tuple([string, number])", ["a", 1]),
        (None, "number", None),
        ({"a": [1.0]}, "any", {"a": [1.0]}),
    ],
)
def test_values_turn_into_the_type_as_in_terraform(
    value: object, to: str, expected: object
) -> None:
    """Each pair was tried with Terraform 1.15 (`any` keeps what it is given)."""
    found = as_type(value, parse_type(to))
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "to", "message"),
    [
        ("abc", "number", 'a number is required, got "abc"'),
        (" 1", "number", 'a number is required, got " 1"'),
        ("0x10", "number", 'a number is required, got "0x10"'),
        (True, "number", "a number is required, got true"),
        (1, "bool", "a bool is required, got 1"),
        ("True", "bool", 'a bool is required, got "True"'),
        (["a"], "string", 'a string is required, got ["a"]'),
        ("a", "list(string)", 'a list(string) is required, got "a"'),
        ({}, "list(string)", "a list(string) is required, got {}"),
        (["1", "x"], "list(number)", '[1]: a number is required, got "x"'),
        ({"a": ["x"]}, "map(list(number))", '["a"][0]: a number is required, got "x"'),
        ({}, "object({a = string})", 'attribute "a" is required'),
        (["a", "1"], "tuple([string])", 'a tuple([string]) is required, got ["a", "1"]'),
        (math.inf, "number", "a finite number is required, got Infinity"),
        ("9" * 5000, "number", f'a number is required, got "{"9" * 58}…'),
    ],
)
def test_a_value_of_another_type_is_an_error(value: object, to: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        as_type(value, parse_type(to))


@pytest.mark.parametrize(
    ("text", "to", "expected"),
    [
        ("[1]", "string", "[1]"),
        ("0.7", "number", 0.7),
        (" 3 ", "number", 3),
        ("true", "bool", True),
        ('["a", "b"]', "list(string)", ["a", "b"]),
        ('{"a": 1}', "map(number)", {"a": 1}),
        ("{a = 1}", "map(number)", {"a": 1}),
        ("[1]", "any", [1]),
        ("abc", "any", "abc"),
        ("2020-01-01", "any", "2020-01-01"),
        ("NaN", "any", "NaN"),
        ("1\nb = 2", "any", "1\nb = 2"),
        ("null", "number", None),
        ("null", "list(string)", None),
        (" null ", "any", None),
        ("null", "string", "null"),  # as in Terraform
        ("{{ none }}", "string", None),
        ("{{ none }}", "map(number)", None),
    ],
)
def test_text_from_outside_is_read_by_its_type(text: str, to: str, expected: object) -> None:
    assert parse_input(text, parse_type(to)) == expected


@pytest.mark.parametrize(
    ("text", "to", "message"),
    [
        ("yes", "bool", 'a bool is required, got "yes"'),
        ("abc", "number", 'a number is required, got "abc"'),
        ("[a]", "list(string)", 'a list(string) is required, written as JSON or TOML, got "[a]"'),
        ("7", "list(string)", "a list(string) is required, got 7"),
    ],
)
def test_text_that_cannot_be_read_is_an_error(text: str, to: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_input(text, parse_type(to))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values, st.sampled_from(TYPES))
def test_converting_twice_changes_nothing(value: object, to: str) -> None:
    """as_type(as_type(v)) == as_type(v), and what is refused is refused with a ValueError."""
    kind = parse_type(to)
    try:
        once = as_type(value, kind)
    except ValueError:
        return
    assert repr(as_type(once, kind)) == repr(once)


@given(st.text())
def test_any_text_is_a_type_or_a_clear_error(text: str) -> None:
    try:
        found = parse_type(text)
    except ValueError:
        with pytest.raises(ValueError, match="types are such as"):
            parse_type(text)
    else:
        assert parse_type(str(found)) == found


@pytest.mark.parametrize("kind", ["any", "list(any)"])
@pytest.mark.parametrize("depth", [200, 900, 5_000])
def test_a_text_that_nests_too_deeply_is_no_value(kind: str, depth: int) -> None:
    for text in ("[" * depth + "]" * depth, "{a=" * depth + "1" + "}" * depth):
        with pytest.raises(ValueError, match="nest no deeper than"):
            parse_input(text, parse_type(kind))


def test_a_text_with_half_of_a_character_is_no_value() -> None:
    with pytest.raises(ValueError, match="half of a character"):
        parse_input('["\\ud800"]', parse_type("any"))
