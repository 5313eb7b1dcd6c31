"""A rendering ends: what it does is charged before it is done, whatever it is."""

import sys
import tracemalloc
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

from runner.core.budget import Budget, OverBudgetError, Rendering
from runner.core.expressions.functions import World, functions
from runner.core.expressions.sandbox import jinja_environment
from runner.core.expressions.template import compile_text, compile_value
from runner.core.expressions.values import PIPED
from runner.core.values import TemplateError, plain
from tests.harness import odd_arguments
from tests.harness.endless import EXPRESSIONS, TEXTS

_STEPS, _BYTES = 200_000, 2_000_000
_NAMES: dict[str, Any] = {
    "var": {"x": "v", "rows": [{"id": n, "name": f"n{n}"} for n in range(1000)]},
    **functions(World(lambda _, __: b"a note", lambda _: None), ""),
}


class Calls:
    """How many functions, written in Python or C, were called."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> "Calls":
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, _frame: FrameType, event: str, _of: object) -> None:
        self.count += event.endswith("call")


def rendered(text: str, steps: int = _STEPS, size: int = _BYTES) -> Any:
    with Rendering(Budget(steps, size)):
        return plain(compile_text(text).render(_NAMES))


@pytest.mark.parametrize("text", [*(f"{{{{ {text} }}}}" for text in EXPRESSIONS), *TEXTS])
def test_a_hostile_template_does_no_more_than_it_is_charged_for(text: str) -> None:
    """Counted: calls against steps, and the most memory at once against bytes. What is refused
    because it is too long to be read is told before there is anything to count.
    """
    try:
        node = compile_text(text)
    except TemplateError:
        return
    budget = Budget(_STEPS, _BYTES)
    tracemalloc.start()
    try:
        with Rendering(budget), Calls() as calls, suppress(TemplateError):
            plain(node.render(_NAMES))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert calls.count < 2 * _STEPS + 100 * len(text)  # which is compiled first
    assert peak < 10 * _BYTES + 1000 * len(text)


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) ~ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
        "{% for x in var.rows %}{% if x in var.rows %}x{% endif %}{% endfor %}",
        "{% for x in var.rows if x.id in [1] * 1000 %}x{% endfor %}",
        "{% set x = [1, 1] %}" + "{% set x = [x, x] %}" * 40 + "{{ x == [x] }}",
        "{{ (var.rows * 100) | selectattr('id', 'equalto', 3) | list | length }}",
        "{{ (var.rows * 100) | map(attribute='id') | sort | list | length }}",
        "{{ [x for x in range(1000) for y in range(1000)] | length }}",
        "{{ [[x for x in range(1000)] | length for y in range(1000)] }}",
        "{{ {x: 1 for x in range(30000)} | length }}",
        "{{ [1 for x in range(9000) if x.y.z is defined] }}",
    ],
)
def test_what_takes_too_many_steps_is_told(text: str) -> None:
    with pytest.raises(TemplateError, match="steps"):
        rendered(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'a'.center(3000000) }}",
        "{{ 'a' * 3000000 }}",
        "{{ '%03000000d' % 1 }}",
        "{{ '{:>3000000}'.format(1) }}",
        "{{ (['a' * 1000] * 3000) | join }}",
        "{{ ('a' * 10000).replace('a', 'b' * 1000) }}",
        "{% for i in range(100) %}{{ 'a' * 100000 }}{% endfor %}",
        "{% set n = namespace(s='a') %}{% for i in [0]*99 %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "{% for x in [1] | slice(30000) %}{{ loop.length }}{% endfor %}",
        "{{ ('a' * 400000) | base64 | base64 | base64 | base64 }}",
        "{{ ('a' * 10000) | regex_replace('a', 'b' * 1000) }}",
        r"{{ ('a' * 10000) | regex_replace('(a+)', '\\1' * 1000) }}",
        "{{ ['a' * 10000 for x in range(1000)] }}",
    ],
)
def test_what_makes_too_many_bytes_is_told(text: str) -> None:
    with pytest.raises(TemplateError, match="bytes"):
        rendered(text)


def test_the_line_of_what_was_too_much_is_told() -> None:
    with pytest.raises(TemplateError) as caught:
        rendered("one\n{% if true %}\n{{ 'a' * 10 ** 10 }}{% endif %}")
    assert caught.value.at.line == 2


def filled(text: str, names: dict[str, Any]) -> Any:
    return compile_text(text).render(names)


def test_loops_over_a_hundred_thousand_rows_and_prompts_of_megabytes_pass() -> None:
    rows = [{"id": n, "name": f"name {n}", "text": "x" * 30} for n in range(100_000)]
    names = {"var": {"rows": rows, "text": "a line of a prompt\n" * 250_000}}
    table = filled(
        "{% for row in var.rows %}{{ loop.index }}. {{ row.id }} "
        "{{ row.name | upper }} "
        "{% if row.id % 2 == 0 %}{{ row.text }}{% else %}{{ row.name ~ 1 }}{% endif %}\n"
        "{% endfor %}",
        names,
    )
    assert table.count("\n") == 100_000
    prompt = compile_text("{{ var.text | trim | replace('line', 'row') | indent }}").render(names)
    assert len(prompt) > 5_000_000
    wanted = filled("{{ var.rows | selectattr('id', 'gt', 99990) | list | tojson }}", names)
    assert len(wanted) > 100
    assert filled("{{ var.rows | tojson | length }}", names) > 5_000_000
    ordered = filled("{{ var.rows | sort(attribute='name') | map(attribute='id') | first }}", names)
    assert ordered == 0


def test_renderings_do_not_pay_for_each_other() -> None:
    text = "{% for i in range(9000) %}{{ i }}{% endfor %}"
    for _ in range(30):
        with Rendering(Budget(300_000, 1_000_000)):
            assert str(compile_text(text).render(_NAMES)).endswith("8999")


def test_all_that_one_value_holds_shares_a_budget() -> None:
    value = compile_value(["{{ 'a' * 400000 }}"] * 10)
    with Rendering(Budget(_STEPS, _BYTES)), pytest.raises(TemplateError, match="bytes"):
        value.render({})


def test_a_value_is_as_large_as_the_tree_it_is_written_as() -> None:
    value: Any = "x"
    for _ in range(60):
        value = [value, value]
    with pytest.raises(OverBudgetError, match="steps"):
        Budget(_STEPS).weigh(value)
    with Rendering(Budget(_STEPS, _BYTES)), pytest.raises(TemplateError, match="this"):
        plain(value)


def test_every_filter_of_the_engine_was_looked_at() -> None:
    """One that a new version brings stays out until it has a guard."""
    named = {name for name in jinja_environment().filters if not name.startswith(" ")}
    assert named - PIPED == {
        *("abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e"),
        *("escape", "filesizeformat", "first", "float", "forceescape", "format", "fromjson"),
        *("groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map"),
        *("max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select"),
        *("selectattr", "slice", "sort", "string", "striptags", "sum", "title", "tojson", "trim"),
        *("truncate", "unique", "upper", "urlencode", "wordcount", "wordwrap"),
    }
    assert set(jinja_environment().globals) == {"dict", "namespace", "range"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ 'abc' | truncate(-1) }}", "expected length"),
        ("{{ 'a'.encode() }}", "encode"),
        ("{{ 'a'.translate({}) }}", "translate"),
        ("{{ 'a'.upper(1) }}", "argument"),
        ("{{ dict.fromkeys([1]) }}", "fromkeys"),
        ("{{ 5 | round(-1000000) }}", "1000 digits"),
        ("{{ [1] | tojson(indent=99) }}", "32"),
        ("{{ [1] | tojson(indent=99) }}", r"tojson\(indent=2\)"),
        ("{% autoescape true %}x{% endautoescape %}", "not part of prompts"),
        ("{% autoescape true %}x{% endautoescape %}", r"write \{\{ value \| e \}\}"),
        ("{{ 'a'.translate({}) }}", r"write \{\{ text \| replace\('a', 'b'\) \}\}"),
        ("{{ 'abc'.translate('abc'.maketrans('a', 'b')) }}", r"maketrans\(\) is no .* replace\("),
        ("{{ 'a'.encode() }}", "nothing for bytes"),
        ("{{ (1).to_bytes(1) }}", "nothing for bytes"),
        ("{{ 1 }}" * 2000, r"json\('data.json'\)"),
    ],
)
def test_what_an_expression_cannot_do_is_told(text: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        rendered(text)


def test_odd_arguments_of_filters_tests_and_methods_give_a_value_or_are_told() -> None:
    """Some of them; whatever an expression raises is its own fault, and never a traceback."""
    for text in odd_arguments.EXPRESSIONS[::97]:
        with suppress(TemplateError):
            rendered(f"{{{{ {text} }}}}")
