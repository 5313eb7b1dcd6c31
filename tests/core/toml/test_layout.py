"""The canonical layout changes how a file looks and nothing else."""

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.toml.layout import format_toml
from runner.errors import RunnerError

SPACE = st.sampled_from(["", " ", "   ", "\t"])
GAP = st.sampled_from(["", " ", "\n", "\n  \n", "  # in\n", " #: x = [1]\n\n  # y\n"])
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
SCALAR = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr).filter(lambda t: "e" not in t),
    st.sampled_from(["true", "false", "1979-05-27 07:32:00Z", "1979-05-27", "07:32:00", "0xff"]),
    st.sampled_from(["inf", "-inf", "1e5", "1_000", "'it\"s'", "''", '"""a\n  b  \n"""']),
    st.sampled_from(["'''\nc\\d'''", '"""x""\\"y"""', '""""q" #"""', "'''[1, # 2\n'''"]),
    TEXT.map(json.dumps).filter(lambda text: "\\ud" not in text),
    TEXT.filter(lambda text: "'" not in text).map("'{}'".format),
)


@st.composite
def arrays(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    written = "["
    for value in draw(st.lists(values, max_size=4)):
        written += draw(GAP) + value + draw(GAP) + ","
    if written.endswith(",") and draw(st.booleans()):
        written = written[:-1]
    return written + draw(GAP) + "]"


@st.composite
def inline_tables(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    pairs = [
        f"{draw(SPACE)}k{index}{draw(SPACE)}={draw(SPACE)}{value}{draw(SPACE)}"
        for index, value in enumerate(draw(st.lists(values, max_size=3)))
    ]
    return "{" + ",".join(pairs) + "}"


VALUE = st.recursive(SCALAR, lambda inner: arrays(inner) | inline_tables(inner), max_leaves=8)
NOISE = st.sampled_from(["", "\n", "\n\n\n", "# above\n", "\n  # a\n\n#b  \n"])


@st.composite
def documents(draw: st.DrawFn) -> str:
    written = ""
    for table in range(draw(st.integers(0, 4))):
        if table:
            name = draw(st.sampled_from([f"t{table}", f" t{table} . 'a b'", f'"t{table}"."x"']))
            many = draw(st.booleans())
            written += draw(NOISE) + draw(SPACE)
            written += f"[[{name}]]" if many else f"[{name}]"
            written += draw(st.sampled_from(["\n", "  # header\n"]))
        for key in range(draw(st.integers(0, 4))):
            name = draw(st.sampled_from([f"k{key}", f'"k{key}"', f"'k {key}'", f"k{key} . a"]))
            written += draw(NOISE) + draw(SPACE) + name + draw(SPACE) + "=" + draw(SPACE)
            written += draw(VALUE) + draw(st.sampled_from(["\n", " # beside\n", "\t\n"]))
    return written + draw(st.sampled_from(["", "# end", "\n\n"]))


def comments(text: str) -> list[str]:
    """Comments as the documents above hold them, whichever line they are on."""
    known = ("# in", "#: x = [1]", "# y", "# above", "# a", "#b", "# header", "# beside", "# end")
    lines = [line.rstrip() for line in text.split("\n")]
    return sorted(mark for line in lines for mark in known if line.endswith(mark))


@settings(max_examples=300, deadline=None)
@given(documents())
def test_formatting_keeps_the_values_and_their_order(text: str) -> None:
    """parse(format(x)) == parse(x), keys in the same order."""
    before, after = tomllib.loads(text), tomllib.loads(format_toml(text))
    assert repr(after) == repr(before)


@settings(max_examples=300, deadline=None)
@given(documents())
def test_formatting_twice_changes_nothing(text: str) -> None:
    """format(format(x)) == format(x)."""
    once = format_toml(text)
    assert format_toml(once) == once


@settings(max_examples=200, deadline=None)
@given(documents())
def test_formatting_keeps_every_comment(text: str) -> None:
    assert comments(format_toml(text)) == comments(text)


@settings(max_examples=100, deadline=None)
@given(documents())
def test_line_ends_do_not_matter(text: str) -> None:
    assert format_toml(text.replace("\n", "\r\n")) == format_toml(text)


@settings(max_examples=300, deadline=None)
@given(documents(), st.integers(0, 400), st.sampled_from([*'"#[]{}=,.\n\\ a', '"""', ""]))
def test_any_text_is_formatted_or_refused(text: str, at: int, inserted: str) -> None:
    """A damaged file is refused as a user's mistake; one that is still TOML keeps its values."""
    damaged = text[:at] + inserted + text[at + 1 :]
    try:
        formatted = format_toml(damaged)
    except RunnerError:
        return
    assert repr(tomllib.loads(formatted)) == repr(tomllib.loads(damaged))


def test_the_layout_is_canonical() -> None:
    text = """

# a file
a=1
[ "x" . y ]

k   =   [1,2]   # beside
t = {a=1,  b = { } }
# about z
[[z]]
long = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]
messages = [{role="user",content="hi"},]
empty = [
]


b = 2
"""
    assert (
        format_toml(text)
        == """\
# a file
a = 1

[x.y]
k = [1, 2]  # beside
t = { a = 1, b = {} }

# about z
[[z]]
long = [
  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
]
messages = [
  { role = "user", content = "hi" },
]
empty = []

b = 2
"""
    )


def test_space_in_a_text_of_several_lines_is_left_alone() -> None:
    text = 'a = """\n  two  \n\n\n  spaces  \n"""\n'
    assert format_toml(text) == text


def test_an_empty_file_stays_empty() -> None:
    assert format_toml("") == format_toml("\n\n  \n") == ""


def test_what_is_not_toml_is_refused_with_its_place() -> None:
    with pytest.raises(RunnerError) as caught:
        format_toml("a = 1\nb = = 2\n", "configs/main.toml")
    where = caught.value.problems[0].where
    assert where is not None
    assert str(where) == "configs/main.toml:2"
    assert where.column == 5


def test_endless_nesting_is_refused() -> None:
    with pytest.raises(RunnerError):
        format_toml("a = " + "[" * 1500 + "]" * 1500)
