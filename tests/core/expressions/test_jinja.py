"""The template engine, locked up: no way out, no clock, no chance."""

import pytest

from runner.core.expressions.template import compile_text
from runner.core.values import TemplateError

NAMES = {"var": {"list": [1, 2], "map": {"a": 1}, "text": "x"}}


@pytest.mark.parametrize(
    "text",
    [
        "{{ var.text.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ var.list.__len__() }}",
        "{{ var['__class__'].x }}",
        "{{ (1).__class__ }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ var.text | attr('__class__') }}",
        "{{ cycler('a') }}",
        "{{ joiner() }}",
        "{{ lipsum() }}",
        "{{ [1, 2] | random }}",
        "{{ var.map.update({'b': 2}) }}",
        "{{ var.map.clear() }}",
        "{{ var.list.pop() }}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
        "{% from 'a' import b %}",
        "{% for i in range(10 ** 9) %}{% endfor %}",
    ],
)
def test_there_is_no_way_out(text: str) -> None:
    with pytest.raises(TemplateError):
        compile_text(text).render(NAMES)
    assert NAMES == {"var": {"list": [1, 2], "map": {"a": 1}, "text": "x"}}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{{ 1 + }}", 0),
        ("one\ntwo {{ 1 + }}", 1),
        ("one\n{{ var.text }}\n{{ 1 +\n }}", 3),
        ("one\n{% if %}", 1),
        ("one\n\n{% if true %}", 2),
        ("one\n{{ var.text | nofilter }}", 1),
        ("one\n{{ 'open }}", 1),
    ],
)
def test_a_mistake_has_its_line(text: str, line: int) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_text(text, ("a",)).render(NAMES)
    assert (caught.value.path, caught.value.at.line) == (("a",), line)


def test_names_that_a_statement_makes_are_no_references() -> None:
    node = compile_text("{% set a = var.text %}{% for b in var.list %}{{ a }}{{ b }}{% endfor %}")
    assert node.render(NAMES) == "x1x2"
