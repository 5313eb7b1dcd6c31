"""Names of things: keys, patterns, order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.address import (
    around,
    axes_of,
    data_source,
    in_order,
    inside,
    is_address,
    is_data,
    on_axis,
    selecting,
    selects,
    split_key,
    why_none,
    with_key,
)


@given(st.text() | st.integers(0, 10**6) | st.none())
def test_a_key_survives_its_address(key: str | int | None) -> None:
    """Whatever a row is called, its address gives its key back."""
    address = with_key("module.m.completion.x", key)
    assert split_key(address) == ("module.m.completion.x", key)
    assert is_address(address)


@given(st.text(), st.text())
def test_different_keys_are_different_addresses(one: str, other: str) -> None:
    assert (with_key("completion.x", one) == with_key("completion.x", other)) == (one == other)


def test_an_index_is_not_the_text_of_it() -> None:
    assert with_key("completion.x", 1) != with_key("completion.x", "1")


def test_a_key_may_hold_anything_that_an_address_is_made_of() -> None:
    key = 'a"].completion.y["b'
    outer = with_key("module.m", key)
    address = with_key(f"{outer}.completion.x", key)
    assert split_key(address) == (f"{outer}.completion.x", key)


@pytest.mark.parametrize(
    "text", ["", "completion", "completion.", "completion.a.", "a.b", "completion.a[x]", "data.a",
             "completion.a b", 'completion.a["x', "completion.a[-1]"]
)  # fmt: skip
def test_what_is_no_address_is_told(text: str) -> None:
    assert not is_address(text)


def test_split_of_what_is_no_address_is_an_error() -> None:
    with pytest.raises(ValueError, match="is not an address"):
        split_key("completion.a[x]")


@given(st.text() | st.integers(0, 10**6) | st.none(), st.text() | st.none())
def test_what_is_around_an_address_is_what_it_is_inside_of(
    outer: str | int | None, inner: str | None
) -> None:
    module = with_key("module.m", outer)
    address = with_key(f"{module}.completion.x", inner)
    named = ["module.m", module, "module.mm", f"{module}.completion.x", f"{address[:-1]}", address]
    found = list(around(address))
    assert set(found) == {name for name in named if is_address(name) and inside(name, address)}
    assert found == sorted(found, key=len)


@pytest.mark.parametrize(
    ("pattern", "address", "chosen"),
    [
        ("completion.a", "completion.a", True),
        ("completion.a", "completion.ab", False),
        ("completion.a", 'completion.a["x"]', True),
        ("module.m", "module.m.completion.a", True),
        ("module.m", 'module.m["k"].completion.a', True),
        ('completion.a["x"]', 'completion.a["x"]', True),
        ('completion.a["x"]', 'completion.a["y"]', False),
        ("completion.*", "completion.b[0]", True),
        ('completion.a["x*"]', 'completion.a["xy"]', True),
        ("completion.a[1]", "completion.a[1]", True),
        ("completion.a[1]", "completion.a[10]", False),
        ("*.b", "completion.a", False),
    ],
)
def test_a_target_selects_itself_its_instances_and_what_is_inside(
    pattern: str, address: str, chosen: bool
) -> None:
    assert selects(pattern, address) is chosen


def test_addresses_stand_in_the_order_in_which_people_count() -> None:
    named = [f"completion.s[{i}]" for i in range(12)]
    assert in_order(reversed(named)) == named


AXES = st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True), st.text())


@given(AXES.filter(bool))
def test_the_axes_of_an_instance_survive_its_address(axes: dict[str, str]) -> None:
    key = ",".join(on_axis(axis, axes[axis]) for axis in sorted(axes))
    address = with_key("completion.x", key)
    assert axes_of(split_key(address)[1]) == axes
    for axis, value in axes.items():
        assert selects(f"completion.x[{axis}={json.dumps(value)}]", address)
        assert selects(f"completion.x[{selecting(axis, value)}]", address)
        assert not selects(f"completion.x[{axis}={json.dumps(value + '-')}]", address)


@pytest.mark.parametrize("key", ["", "ada", "a=b,", "a=b,c", "=b", "a b=c", "a=b=c", 3, None])
def test_a_key_that_is_no_combination_has_no_axes(key: str | int | None) -> None:
    assert axes_of(key) == {}


CELL = 'module.m["lang=de"].completion.x["case=a\\\\,b,model=gpt-4o"]'


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("module.m[lang=de]", True),
        ("module.m[lang=en]", False),
        ("module.m[lang=de].completion.x", True),
        ("module.m[lang=de].completion.x[model=gpt-4o]", True),
        ("module.m[lang=en].completion.x[model=gpt-4o]", False),
        ("module.m[lang=de].completion.x[model=gpt-4o-mini]", False),
        ("module.m[lang=de].completion.x[model=gpt-4o,case=a\\,b]", True),
        ('module.m[lang=de].completion.x[case="a,b"]', True),
        ('module.m["lang=de"].completion.x[model=gpt-*]', True),
        ("module.*[lang=de]", True),
        ("module.m[*=de]", False),
        ("module.m.completion.x[model=gpt-4o]", False),
        ("completion.x[model=gpt-4o]", False),
        ("module.m[lang=de].completion.y[model=gpt-4o]", False),
        ("module.m[lang=de].completion.x[model]", False),
        ("module.m[lang=de].completion.x[model=gpt-4o", False),
    ],
)
def test_a_selector_names_the_instances_that_have_its_values(pattern: str, *, chosen: bool) -> None:
    assert selects(pattern, CELL) == chosen


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("completion.x[modle=a]", 'There is no axis "modle": there are case, model.'),
        ("completion.x[model=c]", 'On the axis model there is no "c": a, b.'),
        ("completion.x[model=b,case=1]", "No instance has all of it."),
        ("completion.y[model=a]", "No block of that name has a matrix."),
        ("completion.x", ""),
        (
            'completion.x["model=a"]',
            "Some of its axes are selected without quotes: completion.x[model=a].",
        ),
        ('completion.x["model=c"]', ""),
    ],
)
def test_what_a_selector_asks_too_much_is_told(pattern: str, said: str) -> None:
    known = ['completion.x["case=1,model=a"]', 'completion.x["case=2,model=b"]', "completion.y"]
    assert why_none(pattern, known) == said


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("data.chat_completions.all", "chat_completions.all"),
        ('module.m["x"].data.chat_completion.one', "chat_completion.one"),
        ("module.data.completion.a", None),
        ('completion.x["a.data.chat_completions.b"]', None),
        ("check.data.judge", None),
        ("data.", None),
        ("", None),
    ],
)
def test_a_data_source_is_told_by_what_stands_there(address: str, source: str | None) -> None:
    assert data_source(address) == source
    assert is_data(address) is (source is not None)
