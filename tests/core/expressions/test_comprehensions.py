"""Lists and tables made item by item."""

from typing import Any

import pytest

from runner.core.expressions.template import compile_text, holes
from runner.core.values import NotKnown, TemplateError

NAMES: dict[str, Any] = {
    "xs": [{"n": 1, "on": True}, {"n": 2, "on": False}, {"n": 3, "on": True}],
    "table": {"a": 1, "b": 2},
    "var": {"k": 10},
    "self": {"content": "said"},
}


def value(expression: str) -> Any:
    return compile_text(f"{{{{ {expression} }}}}").render(NAMES)


@pytest.mark.parametrize(
    ("expression", "made"),
    [
        ("[x.n for x in xs]", [1, 2, 3]),
        ("[x.n for x in xs if x.on]", [1, 3]),
        ("[x.n for x in xs if x.on if x.n > 1]", [3]),
        ("[x.n + var.k for x in xs]", [11, 12, 13]),
        ("[{'role': 'user', 'content': 'n ' ~ x.n} for x in xs[:1]] + [{'role': 'tool'}]",
         [{"role": "user", "content": "n 1"}, {"role": "tool"}]),
        ("[k ~ v for k, v in table.items()]", ["a1", "b2"]),
        ("[x.n if x.on else 0 for x in xs]", [1, 0, 3]),
        ("[[x.n * y for y in [1, 2]] for x in xs]", [[1, 2], [2, 4], [3, 6]]),
        ("[x.n ~ y for x in xs if x.on for y in 'ab']", ["1a", "1b", "3a", "3b"]),
        ("[x for xs in [[1], [2]] for x in xs]", [1, 2]),
        ("[self.content for x in [1]]", ["said"]),
        ("[x for x in []]", []),
        ("{x.n: x.on for x in xs}", {"1": True, "2": False, "3": True}),
        ("{k: v * 2 for k, v in table.items() if v > 1}", {"b": 4}),
        ("{}", {}),
        ("{'a': 1,}", {"a": 1}),
        ("[1, 2,]", [1, 2]),
        ("[x.n for x in xs] | sum", 6),
    ],
)  # fmt: skip
def test_a_list_or_table_is_made_item_by_item(expression: str, made: Any) -> None:
    assert value(expression) == made


def test_what_a_loop_names_stays_in_it() -> None:
    text = "{% set t = [y for y in [1, 2]] | sum %}{{ t }} {{ y is defined }}"
    assert compile_text(text).render({}) == "3 false"


def test_it_stands_in_statements_macros_and_other_loops() -> None:
    text = (
        "{% macro m(k) %}{{ [k * i for i in [1, 2]] | join(' ') }}{% endmacro %}"
        "{% for z in [q + 1 for q in [1, 2]] %}{{ loop.index }}:{{ m(z) }};{% endfor %}"
    )
    assert compile_text(text).render({}) == "1:2 4;2:3 6;"


def test_what_it_refers_to_is_known_before_it_runs() -> None:
    node = compile_text("{{ [x.n ~ completion.a.content for x in xs if var.k] }}")
    (hole,) = holes(node)
    assert set(hole.refs) == {("completion", "a", "content"), ("xs",), ("var", "k")}


def test_an_item_that_is_not_known_yet_makes_the_list_unknown() -> None:
    class Unknown:
        def __getitem__(self, _key: object) -> Any:
            raise NotKnown("completion.a")

    with pytest.raises(NotKnown):
        compile_text("{{ [c.content for x in [1]] }}").render({"c": Unknown()})


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("[x.m for x in xs]", 'this map has no "m"'),
        ("[y for x in xs]", 'there is no "y" here'),
        ("{x.on: x.n for x in xs}", 'the key "true" comes twice: make keys that differ'),
        ("{'k': x for x in xs}", 'the key "k" comes twice'),
        ("{k: 1 for k in [1, '1']}", 'the key "1" comes twice'),
        ("{none: x for x in xs}", "a key is text, not null"),
        ("{[x]: x for x in xs}", "a key is text, not list"),
        ("{k: v for k, v in {'ab': 1}}", "write `for k, v in map.items()`"),
        ("[1 if x.on else 2 for x in xs] ? 1 : 2", "{{ x if c else y }}"),
        ("[for x in xs : x.n]", "{{ [x.name for x in xs if x.on] }} makes a list"),
        ("{for x in xs : x.n => x}", "{{ {x.id: x.name for x in xs} }} makes a table"),
        ("[x for x xs]", "expected token 'in'"),
        ("[x for x in xs", "unexpected '}', expected ']'"),
        ("[x for x in xs, 1]", "expected token ']'"),
    ],
)  # fmt: skip
def test_a_mistake_in_it_is_told(expression: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        value(expression)
    assert said in caught.value.message


def test_a_name_is_bound_nowhere_but_in_its_loop_when_compiled_twice() -> None:
    node = compile_text("{{ [x for x in xs if x > var.k] }}")
    assert node.render({"xs": [1, 2], "var": {"k": 1}}) == [2]
    assert node.render({"xs": [5], "var": {"k": 1}}) == [5]
