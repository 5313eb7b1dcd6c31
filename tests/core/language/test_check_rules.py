"""The keys of a check agree with each other, and with what is told of them."""

import re
import tomllib

import pytest

from runner.core.language.check import check
from runner.core.language.check_blocks import Expect
from runner.core.language.check_rules import MATCHERS
from tests.harness.documents import DOCS

OPTIONS = {"on", "ignore_case", "ignore_space", "by", "at_least"}


def told(entry: str, more: str = "") -> list[str]:
    table = tomllib.loads(f"of = 'completion.a'\nexpect = [{entry}]\n{more}")
    return [found.detail for found in check("check", table)]


def test_an_entry_has_a_matcher_and_what_it_takes() -> None:
    assert set(Expect.__annotations__) == {*MATCHERS, *OPTIONS}
    assert len(MATCHERS) + len(OPTIONS) == len(Expect.__annotations__)


def test_every_matcher_and_option_is_told() -> None:
    page = (DOCS / "checks.md").read_text()
    named = set(re.findall(r"`(\w+)`", page))
    assert {*MATCHERS, *OPTIONS} <= named | {"on"}
    assert "on = " in page


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{}", "needs a matcher"),
        ("{ contains = 'a', equals = 'b' }", "contains and equals: write an entry for each"),
        ("{ json = true, ignore_case = true }", "ignore_case says nothing of json"),
        ("{ cost = { max = 1 }, on = 'x' }", "on says nothing of cost"),
        ("{ contains = 'a', at_least = 0.5 }", "at_least says nothing of contains"),
        ("{ similarity = 'a' }", "needs at_least"),
        ("{ words = {} }", "needs min or max"),
        ("{ words = { min = 3, max = 2 } }", "nothing is within"),
        ("{ number = { within = 1, min = 2 } }", "has no equals"),
        ("{ not = {} }", "expect[0].not needs a matcher"),
        (
            "{ any = [{ json = true }, { matches = '(' }] }",
            "expect[0].any[1].matches is no pattern",
        ),
        ("{ json_schema = { type = 'strin' } }", "is not a JSON Schema"),
        ("{ all = [] }", "at least 1"),
        ("{ finish_reason = 1 }", "a text or a list of texts"),
        ("{ tool_call = { arguments = {} } }", "needs name"),
        ("{ contains_any = ['a', ''] }", "at least 1 character"),
        ("{ contains_all = [''] }", "at least 1 character"),
        ("{ json_schema = { fiel = 's.json' } }", 'every JSON fits. Did you mean "file"?'),
        ("{ json_schema = { file = 3 } }", "file is the path of a schema, and alone"),
        ("{ json_schema = { file = 's.json', type = 'object' } }", "and alone"),
        ("{ not = { json_schema = { file = ['s.json'] } } }", "and alone"),
        ("'{{ {} }}'", "expect[0] is what is asked of an answer: write it out"),
        ("{ not = '{{ {} }}' }", "expect[0].not is what is asked"),
        ("{ any = '{{ [] }}' }", "expect[0].any is what is asked"),
        ("{ all = ['{{ {} }}'] }", "expect[0].all[0] is what is asked"),
    ],
)
def test_what_does_not_go_together_is_told(entry: str, said: str) -> None:
    found = told(entry)
    assert len(found) == 1, found
    assert said in found[0]


@pytest.mark.parametrize("way", ["expect", "score", "judge"])
@pytest.mark.parametrize("value", ["{{ {} }}", "{{ [{'contains': 'never'}] }}", "{% if x %}"])
def test_an_expression_gives_values_and_no_check(way: str, value: str) -> None:
    table = {"of": "completion.a", way: value, **({"at_least": 0.5} if way == "score" else {})}
    (found,) = check("check", table)
    assert (found.path, found.summary) == ((way,), "Expression not allowed")


@pytest.mark.parametrize(
    "entry",
    [
        "{ contains = '{{ each.value }}', on = '{{ self.json.a }}', ignore_case = true }",
        "{ similarity = '{{ each.value }}', by = 'rouge-l', at_least = 0.5 }",
        "{ number = { equals = '{{ each.value }}', within = 1 } }",
        "{ json_schema = { file = 'schema.json' } }",
        "{ not = { any = [{ refusal = true }, { finish_reason = ['length', 'stop'] }] } }",
    ],
)
def test_what_goes_together_is_right(entry: str) -> None:
    assert told(entry) == []
