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


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (
            "var.text + 1",
            "+ takes two numbers, two strings or two lists, not a string and a number",
        ),
        (
            "1 + var.text",
            "+ takes two numbers, two strings or two lists, not a number and a string",
        ),
        ("[1, var.text] | sum", "+ takes two numbers, two strings or two lists, not a number and"),
        ("var.map + var.map", "+ takes two numbers, two strings or two lists, not a map and a map"),
        ("var.list - var.list", "- takes two numbers, not a list and a list"),
        ("var.text * var.text", "* takes two numbers, or a string or a list and how often, not"),
        ("-none", "- takes a number, not null"),
        ("var.list > none", "> compares numbers with numbers and strings with strings, not a list"),
        ("[1, var.text] | sort", "< compares numbers with numbers and strings with strings, not a"),
        ("1 in 5", "in looks into a string, a list or a map, not into a number"),
        ("1 in var.text", "in looks for a string in a string, not for a number"),
        ("var.text()", "a string is no function"),
        ("5 | length", "a string, list or map has a length, not a number"),
        ("5 | join", "a list is wanted here, not a number"),
        ("range(var.text)", "a whole number is wanted here, not a string"),
        ("var.text | round", "a number is wanted here, not a string"),
        ("'%d' % var.text", "a number is wanted here, not a string"),
        ("var.text.replace(1, 2)", "a string is wanted here, not a number"),
        ("{var.map: 1}", "a key is text, not a map"),
        ("{none: 1}", "a key is text, not null"),
        ("{var.map.get('b'): 1}", "a key is text, not null"),
        ("'{x}'.format(1)", "there is no 'x'"),
        ("var.text[9]", 'var.text is a string; it has no "9"'),
        ("'abc'[9]", 'a string has no "9"'),
    ],
)
def test_what_goes_wrong_is_said_in_words_of_the_language(expression: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_text("{{ " + expression + " }}").render(NAMES)
    assert caught.value.message.startswith(said)
    assert not {"'str'", "'int'", '"int"', "NoneType", "'dict'"} & set(caught.value.message.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ var.a[*].b.c }}", "var.a[*].b.c is written {{ [x.b.c for x in var.a] }} here"),
        (
            "{{ data.x.y['k'][*] | join }}",
            "data.x.y['k'][*] is written {{ [x for x in data.x.y['k']]",
        ),
        ("{% if var.a.*.b %}{% endif %}", "var.a.*.b is written {{ [x.b for x in var.a] }} here"),
    ],
)
def test_a_splat_is_told_as_the_loop_that_it_is(text: str, said: str) -> None:
    with pytest.raises(TemplateError, match="not an expression") as caught:
        compile_text(text)
    assert said in caught.value.message
