"""TOML in; and the place of every key when something is wrong."""

import pytest

from runner.core.toml import Source, block_name, parse, source
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
    where = SOURCE.where(path, line_in_value=line_in_value)
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


def fault(text: str) -> Problem:
    with pytest.raises(RunnerError) as caught:
        parse(Source("f.toml", text))
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
