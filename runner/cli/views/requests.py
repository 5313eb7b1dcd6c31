"""One request as a conversation."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from msgspec import Struct

from runner.cli.streams import on_one_line
from runner.cli.views.page import Page, flow, width_of
from runner.core.plan.conversation import (
    Spoken,
    Turn,
    named_tools,
    size_text,
    text_or_json,
    turns_of,
)
from runner.core.plan.diff import ABSENT
from runner.core.plan.words import Asked
from runner.core.request.presets import OPENAI_PRESET

_ADDRESS, _INDENT = 33, 6  # columns of symbol and address, and of what stands below
BESIDE_OTHERS = 60  # characters of a value that stands beside others
_NAMED = 5  # tools
_PLAIN = re.compile(r"[^\s\",{}\[\]()]+")
TOOL_KEYS = ("tools", "functions")
_WORDS = frozenset(("true", "false", "null"))


class Row(Struct, frozen=True):
    """A label, and the lines of what stands beside it; `depth` is how far it is indented."""

    label: str
    lines: list[str]
    depth: int = 0


def head(page: Page, symbol: str, shown: str, address: str, said: list[str]) -> Iterator[str]:
    """An address with what is said of it on the same line, as far as there is room. `shown` is
    the symbol in its colour.
    """
    left = f"{' ' * (3 - len(symbol))}{shown} {address}"
    wide = 4 + width_of(address)
    beside = ", ".join(said)
    column = max(_ADDRESS, wide + 2)
    if not said:
        yield left
    elif column + width_of(beside) <= page.width:
        yield f"{left}{' ' * (column - wide)}{beside}"
    else:
        yield left
        room = page.width - _INDENT
        yield from (f"{' ' * _INDENT}{line}" for line in flow(said, room))


def parameters(made: Asked) -> list[str]:
    """The parameters of a request that are short: the model first, and who is asked for it unless
    that is who everybody takes for granted. A project's own default is not: it is what a project
    chose, and a reader of its plan has to see.
    """
    provider, model = made.provider, made.new.get("model")
    first = provider if model is None else on_one_line(text_or_json(model))
    if model is not None and provider != OPENAI_PRESET.name:
        first = f"{first} ({provider})"
    short_ones = (f"{on_one_line(name)} {value}" for name, value in _short_ones(made.new))
    absent = (f"{name} null (not sent)" for name in made.absent)
    return [first, *short_ones, *absent, *header_names(made)]


def header_names(made: Asked) -> list[str]:
    """The headers that go out with a request, beside its parameters."""
    return [f"headers {on_one_line(', '.join(made.headers))}"] if made.headers else []


def new_request(page: Page, address: str, body: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a request that was not there before, but for its short parameters."""
    short_ones = {name for name, _ in _short_ones(body)}
    for name, value in body.items():
        if name not in short_ones and name not in ("model", "messages", *TOOL_KEYS):
            yield from _long(page, name, value, address)
    rows = [
        row for key in TOOL_KEYS if key in body for row in _tools(page, key, body[key], address)
    ]
    if "messages" in body:
        rows += [row for turn in turns_of(body["messages"]) for row in _turn(page, turn, address)]
    yield from _table(rows, page)


def _short_ones(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in body.items():
        if name in ("model", "messages", *TOOL_KEYS):
            continue
        text = brief(value)
        if len(text) <= BESIDE_OTHERS:
            yield name, text


def brief(value: Any) -> str:
    """A value on one line, whole; a plain word without quotes."""
    if value is ABSENT:
        return "(absent)"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _WORDS:
        try:
            float(value)
        except ValueError:
            return on_one_line(value)
    return on_one_line(orjson.dumps(value).decode())


def _long(page: Page, name: str, value: Any, address: str) -> Iterator[str]:
    """A value that has lines of its own."""
    label = f"      {on_one_line(name)}:"
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    same = page.earlier(text, address)
    if same is not None:
        yield f"{label} {page.grey(f'(same as {same})')}"
    elif isinstance(value, str):
        yield label
        yield from (f"          {line}" for line in page.text(value, 10))
    elif page.full:
        yield label
        yield from (f"          {line}" for line in _pretty(value))
    else:
        size = page.grey(f"({size_text(len(text))})")
        yield f"{label} {page.cut(on_one_line(text), len(label) + 12)} {size}"


def _pretty(value: Any) -> list[str]:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().split("\n")


def _tools(page: Page, key: str, tools: Any, address: str) -> Iterator[Row]:
    text = orjson.dumps(tools).decode()
    named = named_tools(tools)
    if named is None:
        said = page.cut(on_one_line(text), _INDENT + len(key) + 2)
    else:
        said = f"{len(named)} ({names_of(list(named))}), {size_text(len(text))}"
    same = page.earlier(text, address)
    if same is not None:
        yield Row(key, [f"{said} {page.grey(f'(same as {same})')}"])
    elif page.full:
        yield Row(key, [said, *_pretty(tools)])
    else:
        page.is_cut = True
        yield Row(key, [said])


def names_of(names: list[str]) -> str:
    """The first few of a list of names."""
    shown = ", ".join(map(on_one_line, names[:_NAMED]))
    return f"{shown}, .." if len(names) > _NAMED else shown


def _turn(page: Page, turn: Turn, address: str) -> Iterator[Row]:
    label, depth = on_one_line(turn.role) or '""', 0
    column = _INDENT + max(len(label), len("assistant")) + 2
    parts = turn.parts or (Spoken("", "null"),)
    if parts[0].label:
        yield Row(label, [""])
        label, depth = "", 1
    for part in parts:
        if part.label:
            label, depth = on_one_line(part.label), 1
        yield Row(label, _part(page, part, address, column), depth)
        label, depth = "", 1


def _part(page: Page, part: Spoken, address: str, column: int) -> list[str]:
    same = page.earlier(part.text, address)
    if same is not None:
        return [page.grey(f"(same as {same})")]
    return page.text(part.text, column)


def _table(rows: Iterable[Row], page: Page) -> Iterator[str]:
    """Rows with their labels in one column."""
    held = list(rows)
    wide = max((len(row.label) + 2 * row.depth for row in held), default=0)
    for row in held:
        label = f"{' ' * (_INDENT + 2 * row.depth)}{page.style(row.label, 'cyan')}"
        gap = " " * (wide - len(row.label) - 2 * row.depth + 2)
        yield f"{label}{gap}{row.lines[0]}".rstrip(" ")
        yield from (f"{' ' * (_INDENT + wide + 2)}{line}".rstrip(" ") for line in row.lines[1:])
