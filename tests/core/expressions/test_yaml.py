"""YAML as JSON has values."""

from typing import Any

import pytest

from runner.core.budget import Budget, Rendering
from runner.core.expressions.yaml import LONGEST_YAML, yaml_of
from runner.core.values import TemplateError

_BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1\nb: [x, 2.5, true, ~]\n", {"a": 1, "b": ["x", 2.5, True, None]}),
        ("n: [0o17, 0x1F, 1e3, -4, 010]", {"n": [15, 31, 1000.0, -4, 10]}),
        ("n: [1_000, 1_0.5, 0b101, -0o7]", {"n": ["1_000", "1_0.5", "0b101", "-0o7"]}),
        ("op: =", {"op": "="}),
        ("a: yes\nb: no\nc: on", {"a": "yes", "b": "no", "c": "on"}),
        ("d: 2024-01-01\nt: 2024-01-01T00:00Z", {"d": "2024-01-01", "t": "2024-01-01T00:00Z"}),
        ("x: |\n  two\n  lines\ny: >\n  one\n  line\n", {"x": "two\nlines\n", "y": "one line\n"}),
        ("- &x {a: 1}\n- *x", [{"a": 1}, {"a": 1}]),
        ("a: &b {x: 1, y: 2}\nb: {<<: *b, x: 3}", {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}}),
        ("1: one\ntrue: yes", {"1": "one", "true": "yes"}),
        ("'a b': \"\\u00e9\"", {"a b": "é"}),
        ("# only a comment\n", None),
    ],
)  # fmt: skip
def test_a_document_is_what_json_would_hold(text: str, value: Any) -> None:
    assert yaml_of(text, "f.yaml") == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: c: d", "f.yaml:2: this is not YAML: mapping values are not allowed here"),
        ("a: 1\nb: 2\na: 3", 'f.yaml:3: the key "a" stands twice'),
        ("a:\n  - &x [*x]", "f.yaml:2: what this anchor names holds itself"),
        ("a: *b", "undefined alias"),
        ("--- 1\n--- 2", "single document"),
        ("a: !!binary aGk=", '"!!binary" is nothing that JSON can say'),
        ("a: !!python/object:os.system x", '"!!python/object:os.system" is nothing'),
        ("!x y", '"!x" is nothing that JSON can say'),
        ("a: .nan", ".nan is no number that JSON can say"),
        ("? [a, b]\n: c", "a key is text"),
        ("[" * 200, "f.yaml"),
        ("\n".join(" " * n + "a:" for n in range(140)), "nested deeper than 128 levels"),
        ("[" * 5000, "nested too deeply"),
        ("a" * (LONGEST_YAML + 1), "YAML is read up to 1,000,000 characters"),
        (_BOMB, "more than"),
        ("a: \x00", "f.yaml"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, said: str) -> None:
    with Rendering(Budget(1_000_000, 10_000_000)), pytest.raises(TemplateError) as caught:
        yaml_of(text, "f.yaml")
    assert said in caught.value.message
