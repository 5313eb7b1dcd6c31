"""Holes: found, filled, and the same by both ways of filling them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.expressions import jinja, template
from runner.core.expressions.template import (
    Constant,
    Expression,
    TextNode,
    compile_text,
    compile_value,
    holes,
)
from runner.core.values import NotKnown, TemplateError, plain

NAMES: dict[str, Any] = {
    "var": {
        "topic": "the sea",
        "n": 3,
        "f": 0.5,
        "big": 10**20,
        "yes": True,
        "no": False,
        "nothing": None,
        "empty": "",
        "list": ["a", 1, {"x": "y"}],
        "map": {"a": 1, "b c": "text", "items": "mine", "list": "inner"},
        "text": "{{ var.topic }}",
        "key": "a",
        "index": 1,
    },
    "local": {"x": {"y": {"z": "deep"}}},
    "each": {"key": "a", "value": {"city": "Rome"}},
    "count": {"index": 0},
}
PATHS = (
    "var.topic", "var.n", "var.f", "var.big", "var.yes", "var.no", "var.empty", "var.text",
    "var.list[0]", "var.list[1]", "var.list[2].x", "var.map.a", 'var.map["b c"]', "var.map['a']",
    "var.map.items", "var.map[var.key]", "var.list[var.index]", "var.map[each.key]", "local.x.y.z",
    "each.key", "each.value.city", "count.index", "var.list", "var.map", "var.nothing",
    "var.topik", "var.list[9]", "var.map.zzz", "var.topic.x", "nowhere", "var.nothing.x",
    "var.map[var.zzz]", "local.x",
)  # fmt: skip
pieces = st.sampled_from(PATHS).map(lambda path: ("hole", path)) | st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("{}%#\r\n\t \"'"), max_size=6
).filter(lambda text: not any(mark in text for mark in ("{{", "{%"))).map(
    lambda text: ("text", text)
)


def written(parts: list[tuple[str, str]], space: str) -> str:
    return "".join(f"{{{{{space}{t}{space}}}}}" if kind == "hole" else t for kind, t in parts)


def by_engine(text: str) -> template.Node:
    """The text as the template engine alone compiles it."""
    found: list[str | template.Hole] = [
        piece
        if isinstance(piece, str)
        else template.Hole(piece.source, piece.refs, piece.fill, (), piece.at)
        for piece in jinja.split(text, ())
    ]
    if len(found) == 1 and isinstance(found[0], template.Hole):
        return Expression(found[0])
    return TextNode(tuple(found))


def outcome(node: template.Node) -> tuple[str, Any]:
    try:
        value = plain(node.render(NAMES))
    except TemplateError as exc:
        return "error", exc.at.line
    return type(value).__name__, value


@settings(max_examples=400)
@given(st.lists(pieces, max_size=5), st.sampled_from(("", " ", "\n  ")))
def test_both_ways_of_filling_give_the_same(parts: list[tuple[str, str]], space: str) -> None:
    """Plain paths are filled without the engine: same text, same values, same references, same
    places of mistakes.
    """
    text = written(parts, space)
    if text.count("{{") != sum(kind == "hole" for kind, _ in parts) or "{%" in text:
        return  # the random text made a hole of its own
    if "{{{" in text:
        return  # the engine takes the first two braces, and fails
    if not any(kind == "hole" for kind, _ in parts):
        assert compile_text(text) == Constant(text)
        return
    fast, slow = compile_text(text), by_engine(text)
    assert outcome(fast) == outcome(slow)
    assert [set(hole.refs) for hole in holes(fast)] == [set(hole.refs) for hole in holes(slow)]
    assert [hole.at.line for hole in holes(fast)] == [hole.at.line for hole in holes(slow)]


@given(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\ufdd0")
        | st.sampled_from("\r\n"),
        max_size=20,
    )
)
def test_text_around_an_expression_stays_as_it_is(text: str) -> None:
    """The engine adds and drops nothing: no newline, no carriage return, no comment."""
    if "{{" in text or "{%" in text or text.endswith("{"):
        return
    assert compile_text(f"{text}{{{{ 1 + 1 }}}}{text}.").render({}) == f"{text}2{text}."
    assert compile_text(text + "{% if true %}x{% endif %}").render({}) == f"{text}x"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ 1 + 1 }}", 2),
        ("{{ [1, 2] }}", [1, 2]),
        ("{{ {'a': 1} }}", {"a": 1}),
        ("{{ true }}", True),
        ("{{ none }}", None),
        ("{{ var.nothing }}", None),
        ("{{ var.f }}", 0.5),
        (" {{ var.n }}", " 3"),
        ("{{ var.yes }}{{ var.no }}", "truefalse"),
        ("{{ var.map | tojson }}", '{"a": 1, "b c": "text", "items": "mine", "list": "inner"}'),
        ("{{ '[1, 2]' | fromjson }}", [1, 2]),
        ("{{ range(3) }}", [0, 1, 2]),
        ("{{ var.topic | upper }}!", "THE SEA!"),
        ("{{ var.map.items }}", "mine"),
        ("{% for x in var.list[:2] %}{{ x }},{% endfor %}", "a,1,"),
        ("{% raw %}{{ var.topic }}{% endraw %}", "{{ var.topic }}"),
        ("{# no comment #}{{ var.n }}", "{# no comment #}3"),
        ("{{ var.text }}!", "{{ var.topic }}!"),
        ("{{ var.topic[4:] }}", "sea"),
        ("{{ var.list | length }}", 3),
        ("{{ 'a' if var.yes else 'b' }}", "a"),
        ("no holes, }} and { {", "no holes, }} and { {"),
    ],
)
def test_an_expression_yields(text: str, value: Any) -> None:
    """Exactly one hole gives the value itself; anything around it makes text."""
    assert plain(compile_text(text).render(NAMES)) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ var.topik }}", 'var has no "topik". Did you mean "topic"?'),
        ("{{ var.topik | upper }}", 'Did you mean "topic"?'),
        ("{{ var.list[9] }}", "var.list has 3 items, so there is no [9]"),
        ("{{ [] | last }}", "no last item, sequence was empty"),
        ("x {{ var.list }}", "a list cannot be put into text"),
        ("x {{ var.nothing }}", "a null cannot be put into text"),
        ("x {{ var.map }}", "a map cannot be put into text"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 1 + }}", "not an expression"),
        ("{{ var.topic", "not an expression"),
        ("{% if %}", "not an expression"),
        ("{% if true %}", "not an expression"),
        ("{% include 'x' %}", "include"),
        ("{{ 'x' | fromjson }}", "this is not JSON"),
        ("{{ var.topic.__class__ }}", "__class__"),
        ("{{ lipsum() }}", "lipsum"),
        ("{{ 'x' if false }}", "no else"),
        ("x {{ 'x' if false }}", "no else"),
        ("{% if true %}{{ 'x' if false }}{% endif %}", "no else"),
        ("{{ var.list | random }}", "random"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "nested too deeply"),
    ],
)
def test_what_cannot_be_filled_says_why(text: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        plain(compile_text(text).render(NAMES))
    assert said in caught.value.message


def test_an_expression_cannot_change_a_value() -> None:
    """A list that many see stays as it is."""
    with pytest.raises(TemplateError):
        compile_text("{{ var.list.append(1) }}").render(NAMES)
    assert len(NAMES["var"]["list"]) == 3


@pytest.mark.parametrize(
    ("text", "refs"),
    [
        ("{{ completion.a.content }}", {("completion", "a", "content")}),
        ("{{ completion.a['content'] | upper }}", {("completion", "a", "content")}),
        ("{{ completion.a[0].content }}", {("completion", "a", 0, "content")}),
        ("{{ completion.a[each.key].content }}", {("completion", "a", ("each", "key"), "content"),
                                                  ("each", "key")}),
        ("{{ completion.a[each.key] | length }}", {("completion", "a", ("each", "key")),
                                                   ("each", "key")}),
        ("{{ completion.a[count.index + 1].content }}", {("completion", "a", None),
                                                         ("count", "index")}),
        ("{{ completion.a.items() | list }}", {("completion", "a")}),
        ("{% for x in completion.a %}{{ x.content }}{% endfor %}", {("completion", "a")}),
        ("{% set y = var.a %}{{ y.b }}", {("var", "a")}),
        ("{{ csv(var.path, key='id') }}", {("csv",), ("var", "path")}),
        ("{{ var.a.b if local.c else data.t.n.id }}",
         {("var", "a", "b"), ("local", "c"), ("data", "t", "n", "id")}),
        ("{{ 'var.a' }}", set()),
    ],
)  # fmt: skip
def test_a_hole_names_what_it_refers_to(text: str, refs: set[Any]) -> None:
    assert {ref for hole in holes(compile_text(text)) for ref in hole.refs} == refs


def test_a_default_stands_for_a_path_that_breaks_off_anywhere_and_nothing_else_does() -> None:
    for path in ("none", "none.deeper", "none[0].deeper['still']"):
        assert compile_text(f"{{{{ a.{path} | default('x') }}}}").render({"a": {}}) == "x"
        for used in (f"a.{path}", f"a.{path} | upper", f"a.{path} ~ 'x'", f"a.{path} or 1"):
            with pytest.raises(TemplateError, match='has no "none"'):
                compile_text(f"{{{{ {used} }}}}").render({"a": {}})


@pytest.mark.parametrize(
    "written", ["a ~ '|' ~ b", "[a, b] | join('|')", "[{'x': a}, {'x': b}] | join('|', 'x')",
                "a | string ~ '|' ~ b | string"],
)  # fmt: skip
def test_a_value_becomes_text_in_one_way_wherever_it_does(written: str) -> None:
    for a, b in ((True, False), (1, 1.5), ("é", "")):
        plain = compile_text("{{ a }}|{{ b }}").render({"a": a, "b": b})
        assert compile_text(f"{{{{ {written} }}}}").render({"a": a, "b": b}) == plain
    unfit: object
    for unfit in (None, [1], {}):
        with pytest.raises(TemplateError, match="cannot be put into text"):
            compile_text(f"{{{{ {written} }}}}").render({"a": unfit, "b": "x"})


@pytest.mark.parametrize(
    "written", ["[1, a.cty]", "{'x': [a.cty.more]}", "dict(x=a.cty)", "[a.cty] | tojson"]
)
def test_a_missing_name_inside_a_value_is_told_by_its_name(written: str) -> None:
    with pytest.raises(TemplateError) as caught:
        plain(compile_value(f"{{{{ {written} }}}}").render({"a": {"city": 1}}))
    assert caught.value.message == 'this map has no "cty". Did you mean "city"?'


def test_a_hole_knows_its_path_and_line() -> None:
    node = compile_value({"messages": [{"content": "one\ntwo {{ var.zzz }}"}]})
    with pytest.raises(TemplateError) as caught:
        node.render(NAMES)
    assert (caught.value.path, caught.value.at.line) == (("messages", 0, "content"), 1)
    node = compile_value({"a": ["one\n\n{{ 1 / 0 }}"]})
    with pytest.raises(TemplateError) as caught:
        node.render(NAMES)
    assert (caught.value.path, caught.value.at.line) == (("a", 0), 2)


def test_a_value_without_holes_is_shared_and_not_copied() -> None:
    value = {"a": [1, {"b": "text"}]}
    assert compile_value(value).render({}) is value


def test_a_mask_hides_the_holes_it_is_asked_to_hide() -> None:
    node = compile_value({"a": "{{ var.topic }}", "b": "x {{ var.topic }} {{ var.n }}"})
    shown = node.render(NAMES, lambda hole: ("var", "topic") in hole.refs)
    assert shown == {"a": "(sensitive)", "b": "x (sensitive) 3"}


def test_an_answer_that_has_not_come_is_no_mistake() -> None:
    class Waiting(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            raise NotKnown(f"completion.{name}")

    for text in ("{{ completion.a.content }}", "x {{ completion.a.content | upper }}",
                 "{% if completion.a %}{% endif %}"):  # fmt: skip
        with pytest.raises(NotKnown):
            compile_text(text).render({"completion": Waiting()})
