"""What is written as TOML is read as the same values."""

import tomllib
from typing import Any

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.toml.layout import format_toml
from runner.core.toml.write import Entry, Remark, Section, write_key, write_toml, write_value

TEXT = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    [
        'a\nb"',
        "it's\nso",
        'c:\\d\n"""e"""',
        "'''\n\\'''",
        "x" * 120,
        "\r\nb",
        "\n\n",
        " \n \n",
        "\t\x7f\x00\nz",
    ]
)
SCALARS = TEXT | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXT, inner, max_size=4)
        | st.lists(st.dictionaries(TEXT, inner, max_size=3), max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_what_is_written_reads_as_the_same_values(table: dict[str, Any]) -> None:
    entries = tuple(Entry(key, value, ("# above",), "# beside") for key, value in table.items())
    text = write_toml([Section(("completion", "a b"), entries)])
    assert tomllib.loads(text) == {"completion": {"a b": table}}


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_what_is_written_is_in_canonical_layout_but_for_its_lists(table: dict[str, Any]) -> None:
    """Formatting keeps the values; of short tables it keeps every character."""
    text = write_toml([Section(("a",), tuple(Entry(key, value) for key, value in table.items()))])
    assert repr(tomllib.loads(format_toml(text))) == repr(tomllib.loads(text))


@settings(max_examples=100, deadline=None)
@given(SCALARS)
def test_a_scalar_and_a_key_are_spelt_as_tomli_w_spells_them(value: Any) -> None:
    assert f"{write_key(str(value))} = {write_value(value)}\n" == tomli_w.dumps({str(value): value})


def test_the_parts_of_a_section_stand_in_order() -> None:
    nested = [{"role": "user", "content": "a\nb"}, {"role": "user", "content": "c"}]
    sections = [
        Section(
            ("completion", "x"),
            (
                Entry("messages", nested, ("# said",)),
                Remark(("# why",)),
                Entry("n", 1, (), "# one"),
            ),
            ("# top", ""),
            ("# foot",),
        ),
        Section((), above=("# alone",)),
        Section(("moved",), (Entry("from", "a"),), many=True),
    ]
    assert (
        write_toml(sections)
        == '''\
# top

[completion.x]
# why
n = 1  # one

# said
[[completion.x.messages]]
role = "user"
content = """
a
b"""

[[completion.x.messages]]
role = "user"
content = "c"
# foot

# alone

[[moved]]
from = "a"
'''
    )
