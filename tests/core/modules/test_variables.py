"""The values of variables: from where, of what type, and whether they pass."""

from typing import Any

import pytest

from runner.core.modules.folder import Block
from runner.core.modules.variables import Given, from_file, resolve, sensitive_values
from runner.core.toml.source import Source
from runner.errors import Problem, RunnerError
from tests.harness.lab import project


def values(text: str, *given: Given) -> tuple[dict[str, Any], list[Problem]]:
    root = project(text).compiled()
    problems: list[Problem] = []
    return resolve(root, given, problems), problems


def said(text: str, *given: Given) -> tuple[str, str]:
    _, problems = values(text, *given)
    (problem,) = problems
    return str(problem.where), f"{problem.summary}: {problem.detail}"


def test_what_comes_later_wins() -> None:
    text = "[variable.x]\ntype = 'number'\ndefault = 1\n"
    assert values(text)[0] == {"x": 1}
    assert values(text, Given("x", "a", "2"), Given("x", "b", "3"))[0] == {"x": 3}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "1", "1"),
        ("number", "1", 1),
        ("number", "1.5", 1.5),
        ("bool", "true", True),
        ("list(string)", '["a", "b"]', ["a", "b"]),
        ("map(number)", '{"a": 1}', {"a": 1}),
        ("string", "", ""),
    ],
)
def test_text_becomes_a_value_of_the_type(kind: str, text: str, value: Any) -> None:
    found, problems = values(f"[variable.x]\ntype = '{kind}'\n", Given("x", "--var", text))
    assert (found, problems) == ({"x": value}, [])


def test_a_value_of_the_wrong_type_is_told_with_what_set_it() -> None:
    where, detail = said("[variable.n]\ntype = 'number'\n", Given("n", "RUNNER_VAR_n", "many"))
    assert "RUNNER_VAR_n" in detail
    assert '"many"' in detail
    assert where == "configs/main.toml:1"


def test_a_value_of_a_file_is_told_at_its_line() -> None:
    source = Source("configs/vars.toml", "a = 1\nn = 'many'\n")
    given = from_file({"n": ("many", Block("values", "", {}, source, ()))})
    where, _ = said("[variable.n]\ntype = 'number'\n", *given)
    assert where == "configs/vars.toml:2"


def test_a_wrong_secret_is_not_shown() -> None:
    text = "[variable.n]\ntype = 'number'\nsensitive = true\n"
    _, detail = said(text, Given("n", "RUNNER_VAR_n", "hush-hush"))
    assert "hush" not in detail


def test_a_variable_without_a_value_says_how_to_give_one() -> None:
    where, detail = said("[locals]\n[variable.topic]\ndescription = 'what about'\n")
    assert where == "configs/main.toml:2"
    for part in ("--var topic=", "RUNNER_VAR_topic", "vars.toml", "what about"):
        assert part in detail


def test_a_value_for_no_variable_says_the_closest() -> None:
    _, detail = said("[variable.topic]\ndefault = 'x'\n", Given("topik", "--var", "y"))
    assert 'Did you mean "topic"?' in detail


RULE = (
    "[variable.n]\ntype = 'number'\ndefault = 1\nvalidation = [\n"
    "  { condition = '{{ var.n < 3 }}', error_message = 'n is too big' },\n]\n"
)


def test_a_validation_is_told_with_its_line_and_the_value() -> None:
    assert values(RULE) == ({"n": 1}, [])
    where, detail = said(RULE, Given("n", "--var", "5"))
    assert where == "configs/main.toml:5"
    assert "n is too big" in detail
    assert "5" in detail


def test_a_validation_of_a_secret_does_not_show_it() -> None:
    _, detail = said(RULE.replace("default = 1\n", "sensitive = true\n"), Given("n", "v", "98765"))
    assert "98765" not in detail


EACH = (
    "[variable.xs]\ntype = 'map(string)'\nvalidation = [{ for_each = '{{ var.xs }}', "
    "condition = '{{ each.value | length > 2 }}', error_message = '{{ each.key }} is short' }]\n"
)


def test_a_validation_of_each_item_says_of_which_it_does_not_hold() -> None:
    assert values(EACH, Given("xs", "v", '{"a": "long"}'))[1] == []
    where, detail = said(EACH, Given("xs", "v", '{"a": "long", "b": "x", "c": ""}'))
    assert where == "configs/main.toml:3"
    assert 'b is short (each.key is "b", each.value is "x", 1 more like it)' in detail
    listed = EACH.replace("map(", "list(")
    _, detail = said(listed, Given("xs", "v", '["long", "y"]'))
    assert '1 is short (each.key is 1, each.value is "y")' in detail
    _, detail = said(EACH.replace("map(string)", "string"), Given("xs", "v", "long"))
    assert "wants a list or a map; this is a string" in detail


def test_a_validation_of_each_item_of_a_secret_shows_none() -> None:
    secret = EACH.replace("type", "sensitive = true\ntype")
    _, detail = said(secret, Given("xs", "v", '{"hush": "x", "more": "y"}'))
    assert "hush" not in detail
    assert "1 more like it" in detail


def test_the_item_whose_condition_cannot_be_evaluated_is_told() -> None:
    odd = EACH.replace("length > 2", "length > each.value")
    _, detail = said(odd, Given("xs", "v", '{"hush": "x"}'))
    assert '(each.key is "hush")' in detail
    secret = odd.replace("type", "sensitive = true\ntype")
    assert "hush" not in said(secret, Given("xs", "v", '{"hush": "x"}'))[1]


def test_each_is_known_where_a_condition_has_items_alone() -> None:
    with pytest.raises(RunnerError, match=r"each is known only"):
        values(EACH.replace("for_each = '{{ var.xs }}', ", ""))
    with pytest.raises(RunnerError, match=r"each is known only"):
        values(EACH.replace("'{{ var.xs }}'", "'{{ each.value }}'"))


def test_null_is_a_value_only_where_it_may_be() -> None:
    assert values("[variable.x]\nnullable = true\n") == ({"x": None}, [])
    text = "[variable.x]\nnullable = false\ndefault = 'd'\n"
    assert values(text, Given("x", "f", None, None))[0] == {"x": "d"}


def test_null_is_written_as_an_expression_where_toml_has_none() -> None:
    text = "[variable.x]\ntype = 'number'\ndefault = '{{ none }}'\n"
    assert values(text) == ({"x": None}, [])
    assert values(text, Given("x", "--var", "2"))[0] == {"x": 2}
    assert values(text.replace("'{{ none }}'", "1"), Given("x", "--var", "null"))[0] == {"x": None}
    inside = (
        "[variable.x]\ntype = 'object({ a = optional(number, 7), b = number })'\n"
        "default = { a = '{{none}}', b = '{{ none }}' }\n"
    )
    assert values(inside) == ({"x": {"a": 7, "b": None}}, [])
    source = Source("configs/vars.toml", "x = '{{ none }}'\n")
    given = from_file({"x": ("{{ none }}", Block("values", "", {}, source, ()))})
    assert values(text.replace("'{{ none }}'", "1"), *given)[0] == {"x": None}


def test_null_stands_for_the_default_where_it_is_no_value() -> None:
    text = "[variable.x]\ntype = 'number'\ndefault = 3\nnullable = false\n"
    assert values(text, Given("x", "--var", "null"))[0] == {"x": 3}
    _, detail = said(text.replace("default = 3\n", ""), Given("x", "--var", "null"))
    assert "null is not allowed: nullable = false" in detail


def test_sensitive_values_are_those_declared_so() -> None:
    root = project("[variable.a]\nsensitive = true\n[variable.b]\n").compiled()
    assert sensitive_values(root, {"a": 1, "b": 2}) == [1]


def test_all_mistakes_are_told_together() -> None:
    _, problems = values("[variable.a]\n[variable.b]\n", Given("c", "--var", "x"))
    assert len(problems) == 3
