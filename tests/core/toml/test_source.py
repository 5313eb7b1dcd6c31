"""TOML in; and the place of every key when something is wrong."""

import pytest
import toml_rs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.core.address import InText
from runner.core.toml.source import (
    ReadToml,
    Source,
    block_name,
    parse,
    read_fast,
    read_plainly,
    source,
)
from runner.errors import Problem, RunnerError

TEXT = '''# a comment
[completion.chat]
model = "gpt-4o"   # Größe
temperature = 0.7
messages = [
  { role = "system", content = "short" },
  { role = "user", content = """
line one
line two
""" },
]

[[completion.list.messages]]
role = "user"
[[completion.list.messages]]
content = \'\'\'raw
second\'\'\'

[ "odd" . 'key' ]
"quoted key" = 1
a.b.c = { d = [1, [2, 3]] }
'''
SOURCE = Source("configs/main.toml", TEXT)


@pytest.mark.parametrize(
    ("path", "line", "column", "width"),
    [
        (("completion", "chat"), 2, 1, 17),
        (("completion", "chat", "model"), 3, 9, 8),
        (("completion", "chat", "temperature"), 4, 15, 3),
        (("completion", "chat", "messages"), 5, 1, 8),
        (("completion", "chat", "messages", 0, "content"), 6, 32, 7),
        (("completion", "chat", "messages", 0, "role"), 6, 12, 8),
        (("completion", "chat", "messages", 1, "role"), 7, 12, 6),
        (("completion", "list", "messages", 0, "role"), 14, 8, 6),
        (("odd", "key"), 19, 1, 17),
        (("odd", "key", "quoted key"), 20, 16, 1),
        (("odd", "key", "a", "b", "c", "d"), 21, 15, 11),
    ],
)
def test_a_value_has_its_line_and_column(
    path: tuple[str | int, ...], line: int, column: int, width: int
) -> None:
    where = SOURCE.where(path)
    assert (where.file, where.line, where.column, where.width) == (
        "configs/main.toml", line, column, width,
    )  # fmt: skip
    assert where.source == TEXT.split("\n")[line - 1]


def test_a_key_has_its_own_column() -> None:
    where = SOURCE.where(("completion", "chat", "temperature"), on="key")
    assert (where.line, where.column, where.width) == (4, 1, 11)


@pytest.mark.parametrize(
    ("path", "line_in_value", "line"),
    [
        (("completion", "chat", "messages", 1, "content"), 0, 8),
        (("completion", "chat", "messages", 1, "content"), 1, 9),
        (("completion", "list", "messages", 1, "content"), 0, 16),
        (("completion", "list", "messages", 1, "content"), 1, 17),
    ],
)
def test_a_line_inside_a_text_of_several_lines_is_that_line(
    path: tuple[str | int, ...], line_in_value: int, line: int
) -> None:
    """The line of the file that holds it, for both kinds of quotes, first newline or none."""
    where = SOURCE.where(path, at=InText(line_in_value))
    assert where.line == line


def test_what_is_not_there_has_the_place_of_what_holds_it() -> None:
    assert SOURCE.where(("completion", "chat", "nothing")).line == 2
    assert SOURCE.where(("completion", "chat", "messages", 7, "role")).line == 5
    assert SOURCE.where(("nowhere",)).line == 1


def test_a_place_says_its_block() -> None:
    assert SOURCE.where(("completion", "chat", "model")).block == "completion.chat"
    assert block_name(("data", "chat_completion", "x", "limit")) == "data.chat_completion.x"
    assert block_name(("locals", "x")) == "locals"
    assert block_name(()) is None


def test_a_file_with_windows_line_ends_has_the_same_places() -> None:
    windows = Source("configs/main.toml", TEXT.replace("\n", "\r\n"))
    for path in (("completion", "chat", "model"), ("odd", "key", "quoted key")):
        one, other = SOURCE.where(path), windows.where(path)
        assert (one.line, one.column, one.source) == (other.line, other.column, other.source)


def fault(text: str, read: ReadToml = read_fast) -> Problem:
    with pytest.raises(RunnerError) as caught:
        parse(Source("f.toml", text), read)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("text", "summary", "line"),
    [
        ("a = 1\nb = = 2\n", "Invalid TOML", 2),
        ("a = 1\n\na = 2\n", "Duplicate key", 3),
        ("[a]\nx = 1\n[b]\n[a]\n", "Duplicate key", 4),
        ('a = "open\n', "Invalid TOML", 1),
        ("a = 2024-13-45\n", "Invalid TOML", 1),
        ("a = {\n b = 1,\n}\n", "Invalid TOML", 1),
        ("x\n", "Invalid TOML", 1),
    ],
)
def test_text_that_is_not_toml_is_told_with_its_line(text: str, summary: str, line: int) -> None:
    problem = fault(text)
    assert problem.summary == summary
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == ("f.toml", line)
    assert problem.where.source == text.split("\n")[line - 1]


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("model = gpt-4o", 9, "text in quotes"),
        ("a = 1 b = 2", 7, "only a comment may follow"),
        ("a = 2024-13-45", 9, "the calendar has"),
        ('a = "C:\\Users"', 8, "Write \\\\ for one \\"),
        ('a = "\\q"', 6, "stand for no character"),
        ('a = "open', 1, "no closing quote"),
        ('a = "open\nb = 1', 10, "no closing quote"),
        ('x = 1\n  b = """open\n\nc = 1\n\n', 3, "no closing quote"),
        ("a = 1\nb = [1, 2\n\n", 1, "ends with ]"),
        ("a = 'x\0'", 7, "U+0000"),
        ("a = { b = 1, }", 14, "no comma after its last pair"),
        ("[a", 1, "ends with ]"),
        ("ab c = 1", 4, "stands in quotes"),
        ("= 1", 1, "none of them"),
        ("a = " + "1" * 4301, 5, "4,300 digits"),
        ("\ufeffa = 1", 1, "none of them"),
        ("a = '\ud800'", 6, "surrogates"),
    ],
)
@pytest.mark.parametrize("read", [read_fast, read_plainly])
def test_what_is_no_toml_is_told_in_our_words(
    text: str, column: int, said: str, read: ReadToml
) -> None:
    problem = fault(text, read)
    assert problem.summary == "Invalid TOML"
    assert said in problem.detail
    assert problem.where is not None
    assert problem.where.column == column


@pytest.mark.parametrize(
    ("text", "column", "width", "said"),
    [
        ('a = 1\n\na = """\n\n"""\n', 1, 1, "is there already: f.toml:1."),
        ("[a]\nx = 1\n[b]\n [a]  # c", 2, 3, "is there already: f.toml:1."),
        ("[[a]]\n[a.b]\n[[a]]\n[a.b]\n[a.b]\n", 1, 5, "is there already: f.toml:4."),
        ("a = { b = 1 }\n\n[a.c]\n", 1, 5, "complete where it was written: f.toml:1."),
        ("[t]\na.b = 1\na.b.c = 2", 5, 1, "complete where it was written: f.toml:2."),
        ("a = [\n  { bc = 1, bc = 2 },\n]", 13, 2, "is there already."),
        ("a = [\n  { b.c = 1, b = { c = 2 } },\n]", 14, 1, "is there already."),
    ],
)
def test_what_is_written_twice_is_told_with_the_first_place(
    text: str, column: int, width: int, said: str
) -> None:
    problem = fault(text)
    assert problem.summary == "Duplicate key"
    assert problem.detail.endswith(said)
    assert problem.where is not None
    assert (problem.where.column, problem.where.width) == (column, width)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[completion.x]\nm = [\n  { a = 1,\n    b = 2 },\n]\n", "write [[completion.x.m]], one"),
        ("[completion.x]\nm = [\n  {\n    a = 1,\n  },\n]\n", "write [[completion.x.m]], one"),
        ("[completion.x]\nf = {\n  a = 1\n}\n", "write [completion.x.f] at the end"),
        ("[[a]]\n[a.b]\n'c d' = {\n}\n", "write [a.b.c d] at the end"),
        ('a = "Say "hello" to me"', "ends it. Write"),
        ('a = [{ b = "Say "hello" to me" }]', "ends it. Write"),
        ("a = 'Don't'", "Put the text in double quotes"),
        ('a = "{{ csv("a.csv") }}"', "In an expression write single quotes"),
        ('a = { b = "1" c = "2" }', "commas between its pairs"),
        ('a = "1" "2"', "ends it. Write"),
    ],
)
@pytest.mark.parametrize("read", [read_fast, read_plainly])
def test_what_people_write_instead_of_toml_is_known_for_what_it_is(
    text: str, said: str, read: ReadToml
) -> None:
    problem = fault(text, read)
    assert problem.summary == "Invalid TOML"
    assert said in problem.detail


def test_an_unfinished_merge_is_told_at_its_first_mark() -> None:
    both = "<<<<<<< HEAD\nb = 1\n=======\nb = 2\n>>>>>>> branch\n"
    problem = fault(f"a = 1\n{both}")
    assert problem.summary == "Unfinished merge"
    assert problem.where is not None
    assert (problem.where.line, problem.where.column, problem.where.width) == (2, 1, 12)
    assert fault('a = """\n<<<<<<< not one\n"""\nb').summary == "Invalid TOML"


TOKENS = [
    *(
        "a",
        "b",
        "a.b",
        "'a'",
        '"\\u0061"',
        " = ",
        "=",
        ", ",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "\n",
        " ",
    ),
    *("1", "-0", "+1", "1_0", "0x1F", "0o7", "0b1", "1.50", "1e5", "1e999", "inf", "-nan", "true"),
    *("2024-01-02", "2024-01-02T03:04:05Z", "2024-01-02 03:04:05.1234567-07:30", "03:04:05"),
    *("0000-01-01", "2024-02-30", "23:59:60", "2024-01-02T03:04:60Z", "9" * 30, "0x" + "f" * 20),
    *("'x'", '"\\n\\t\\"\\\\"', '"""\nz\n"""', "'''w\r\n'''", '"""a\\\n  b"""', '"\\uD800"'),
    *(
        "\r",
        "\r\n",
        "\0",
        "\x7f",
        "\ufeff",
        "é",
        "\\",
        '"',
        "'",
        "# c",
        "#\0\n",
        ".",
        ",",
        "_",
        "\t",
    ),
    *("x = [[1], [2,],\n# c\n]\n", "d = [{a = 1}, {b = 2}]\n", "[" * 70 + "]" * 70),
]
STATEMENTS = st.builds(
    "{} = {}\n".format,
    st.sampled_from(["a", "b", "a.b", "b.c", '"a"', "a.b.c"]),
    st.sampled_from(["1", "'x'", "[1]", "{a = 1}", "{a.b = 1}", "[{a = 1}]", '"""\ny"""']),
) | st.sampled_from(["[a]\n", "[b]\n", "[a.b]\n", "[[a]]\n", "[[b]]\n", "[[a.b]]\n", "[a.b.c]\n"])
TEXTS = st.lists(st.sampled_from(TOKENS) | STATEMENTS, max_size=12).map("".join) | st.lists(
    STATEMENTS, max_size=7
).map("".join)


@settings(max_examples=600, deadline=None)
@given(TEXTS)
@example("\ufeffa = 1")
@example("a = " + "1" * 5000)
@example("a = " + "[" * 1200 + "]" * 1200)
@example("a = " + "{ a = " * 400 + "1" + " }" * 400)
def test_values_and_errors_are_the_same_whichever_parser_is_there(text: str) -> None:
    """What one refuses the other judges, so that all hangs on what toml-rs accepts."""

    def outcome(read: ReadToml) -> object:
        try:
            return repr(parse(Source("f.toml", text), read))
        except RunnerError as exc:
            return exc.problems

    assert outcome(read_fast) == outcome(read_plainly)


def test_the_fast_parser_reads_what_is_right() -> None:
    """Or the test before this one would compare a parser with itself."""
    assert toml_rs.loads(TEXT, toml_version="1.0.0") == read_plainly(TEXT) == read_fast(TEXT)


@settings(max_examples=300, deadline=None)
@given(st.lists(STATEMENTS, max_size=7).map("".join))
def test_every_key_and_value_has_a_place(text: str) -> None:
    try:
        table = read_plainly(text)
    except ValueError:
        return
    held = Source("f.toml", text)
    todo: list[tuple[tuple[str | int, ...], object]] = [((), table)]
    while todo:
        path, value = todo.pop()
        pairs = value.items() if isinstance(value, dict) else ()
        items = enumerate(value) if isinstance(value, list) else ()
        todo += [((*path, part), inner) for part, inner in (*pairs, *items)]
        if path and isinstance(path[-1], str):
            where = held.where(path, on="key")
            assert path[-1] in str(where.source)
            assert where.column is not None


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 20_000, "[" + "a." * 6_000 + "a]\n" + "x=[" * 9000]
)
def test_nesting_that_would_break_the_parser_is_an_error(text: str) -> None:
    assert fault(text).summary in {"Nesting too deep", "Invalid TOML"}


def test_bytes_that_are_not_utf_8_are_told_with_their_line() -> None:
    with pytest.raises(RunnerError) as caught:
        source("f.toml", b"a = 1\nb = '\xff'\n")
    (problem,) = caught.value.problems
    assert problem.summary == "Not UTF-8"
    assert str(problem.where) == "f.toml:2"


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert parse(source("f.toml", b"\xef\xbb\xbfa = 1")) == {"a": 1}
