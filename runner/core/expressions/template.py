"""Values with holes: find what a hole refers to, and fill it.

A text whose holes are all plain paths (`{{ var.topic }}`), or read what a literal names
(`{{ file('a.txt') }}`), is filled without a template engine; everything else is Jinja2,
sandboxed, with no loader, no clock and no randomness. Both give the same text: a test compares
them.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct

from runner.core.address import InText, Path
from runner.core.budget import OverBudgetError, current, size_of
from runner.core.values import (
    MASK,
    TRANSCRIPT,
    Names,
    Ref,
    TemplateError,
    kind_of,
    named_transcripts,
    no_such,
    to_text,
    written,
)

Masked = Callable[["Hole"], bool]

_PATH = (
    r"""[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[(?:\d+|"[^"\\\]]*"|'[^'\\\]]*'"""
    r"""|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\])*"""
)
_QUOTED = r"""("[^"\\{}\x00-\x1f]*"|'[^'\\{}\x00-\x1f]*')"""
_CALL = (
    rf"(?:(file|json|toml|env)\(\s*{_QUOTED}|(csv|jsonl)\(\s*{_QUOTED}"
    rf"(?:\s*,\s*key\s*=\s*{_QUOTED})?)\s*\)"
)
_PLAIN = re.compile(rf"\{{\{{\s*(?:({_PATH})|({_CALL}))\s*\}}\}}")
_ONE_PATH = re.compile(_PATH)
_STEP = re.compile(
    r"""\.?([A-Za-z_]\w*)|\[(?:(\d+)|"([^"]*)"|'([^']*)'|([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*))\]"""
)
_SHORT = 1000  # characters: a text that is not worth a charge of its own
_LITERALS = {"true", "false", "none", "True", "False", "None"}
_WORDS = {"not", "and", "or", "in", "is", "if", "else"}


class Hole(Struct, frozen=True):
    """One `{{ }}` (or a whole text with statements): its source, what it names, how to fill it."""

    source: str
    refs: tuple[Ref, ...]
    fill: Callable[[Names], Any]
    path: Path
    at: InText

    def value(self, names: Names) -> Any:
        """What the hole yields; TemplateError with the hole's place."""
        try:
            return self.fill(names)
        except TemplateError as exc:
            message = self._of_instances(names) or exc.message
            raise TemplateError(message, self.path, self._place(exc.at)) from exc

    def plain_path(self) -> Ref | None:
        """The path that the hole is, if it is nothing but one."""
        source = self.source.strip()
        return _parse_plain(source) if _ONE_PATH.fullmatch(source) else None

    def _of_instances(self, names: Names) -> str | None:
        """What the engine cannot say: that a block with instances is asked as if it had none."""
        for ref in self.refs:
            try:
                follow(names, ref)
            except TemplateError as exc:
                if exc.message.startswith(f"{written(ref[:-1])} has instances"):
                    return exc.message
            except Exception:  # noqa: BLE001, S112  # no answer yet, or another fault: told elsewhere
                continue
        return None

    def _place(self, at: InText) -> InText:
        """Of a fault in it: the hole, or what is meant of a text that is one hole as a whole."""
        return at if self.at.span is None else self.at


class Constant(Struct, frozen=True):
    """A value without holes."""

    value: Any

    def render(self, names: Names, masked: Masked | None = None) -> Any:  # noqa: ARG002
        """The value itself."""
        return self.value


class Expression(Struct, frozen=True):
    """A string that is exactly one hole: it yields the value itself."""

    hole: Hole

    def render(self, names: Names, masked: Masked | None = None) -> Any:
        """The hole's value, or the mask."""
        if masked is not None and masked(self.hole):
            return MASK
        return self.hole.value(names)


class TextNode(Struct, frozen=True):
    """Text with holes in it."""

    parts: tuple[str | Hole, ...]

    def render(self, names: Names, masked: Masked | None = None) -> str:
        """The text, every hole filled; null, lists and tables cannot be put into text."""
        return _joined(
            [
                part
                if isinstance(part, str)
                else MASK
                if masked is not None and masked(part)
                else _as_text(part, names)
                for part in self.parts
            ]
        )


class TableNode(Struct, frozen=True):
    """A table some of whose values have holes."""

    items: tuple[tuple[str, "Node"], ...]

    def render(self, names: Names, masked: Masked | None = None) -> dict[str, Any]:
        """The table, filled."""
        return {key: node.render(names, masked) for key, node in self.items}


class ItemsNode(Struct, frozen=True):
    """A list some of whose items have holes."""

    items: tuple["Node", ...]

    def render(self, names: Names, masked: Masked | None = None) -> list[Any]:
        """The list, filled."""
        return [node.render(names, masked) for node in self.items]


Node = Constant | Expression | TextNode | TableNode | ItemsNode


def _raise(exc: TemplateError) -> None:
    raise exc


def compile_value(
    value: Any, path: Path = (), tell: Callable[[TemplateError], None] = _raise
) -> Node:
    """A TOML value as something that can be filled. `path` is where it stands in its block;
    `tell` is given the fault of each text that is no expression, which stays out.
    """
    if isinstance(value, str):
        try:
            return compile_text(value, path)
        except TemplateError as exc:
            tell(exc)
            return Constant(None)
    if isinstance(value, dict):
        nodes = [(key, compile_value(inner, (*path, key), tell)) for key, inner in value.items()]
        if all(isinstance(node, Constant) for _, node in nodes):
            return Constant(value)
        return TableNode(tuple(nodes))
    if isinstance(value, list):
        items = [compile_value(inner, (*path, index), tell) for index, inner in enumerate(value)]
        if all(isinstance(node, Constant) for node in items):
            return Constant(value)
        return ItemsNode(tuple(items))
    return Constant(value)


def compile_text(text: str, path: Path = ()) -> Node:
    """A string as a Constant, a TextNode, or (exactly one hole) an Expression."""
    if "{{" not in text and "{%" not in text:
        return Constant(text)
    parts = _plain_parts(text, path)
    if parts is None:
        parts = list(_engine_parts(text, path))
    if len(parts) == 1 and isinstance(parts[0], Hole) and "{%" not in text:
        return Expression(parts[0])
    if all(isinstance(part, str) for part in parts):
        return Constant("".join(part for part in parts if isinstance(part, str)))
    return TextNode(tuple(parts))


def holes(node: Node) -> list[Hole]:
    """Every hole in a value, in the order of the text."""
    found: list[Hole] = []
    _gather(node, found, found)
    return found


def holes_in_text(node: Node) -> list[Hole]:
    """Every hole whose value becomes a part of a text."""
    found: list[Hole] = []
    _gather(node, found, [])
    return found


def _gather(node: Node, in_text: list[Hole], whole: list[Hole]) -> None:
    match node:
        case Constant():  # what most values are
            return
        case TextNode(parts):
            in_text += [part for part in parts if isinstance(part, Hole)]
        case Expression(hole):
            whole.append(hole)
        case TableNode(items):
            for _, inner in items:
                _gather(inner, in_text, whole)
        case ItemsNode(items):
            for inner in items:
                _gather(inner, in_text, whole)


def follow(names: Names, path: Ref) -> Any:
    """The value at a plain path."""
    value: Any = names
    for position, part in enumerate(path):
        step = follow(names, part) if isinstance(part, tuple) else part
        try:
            value = value[step]
        except (LookupError, TypeError):
            raise TemplateError(no_such(value, step, written(path[:position]))) from None
    return value


def _joined(parts: list[str]) -> str:
    """The parts as one text, charged to the rendering that is under way."""
    if sum(map(len, parts)) > _SHORT:
        try:
            current().text(sum(map(size_of, parts)))
        except OverBudgetError as exc:
            raise TemplateError(str(exc)) from exc
    return "".join(parts)


def _as_text(hole: Hole, names: Names) -> str:
    value = hole.value(names)
    if type(value) is str:
        return value
    try:
        return to_text(value)
    except TemplateError as exc:
        message = f"{hole.source.strip()} is {kind_of(value)}: {exc.message}"
        raise TemplateError(message, hole.path, hole.at) from exc


def _plain_parts(text: str, path: Path) -> list[str | Hole] | None:
    """The text's parts if all its holes are plain paths, else None."""
    parts: list[str | Hole] = []
    at = line = counted = 0
    for match in _PLAIN.finditer(text):
        between = text[at : match.start()]
        if "{{" in between or "{%" in between:
            return None
        line += text.count("\n", counted, match.start())
        counted = match.start()
        hole = _plain_hole(match, path, InText(line, match.span()))
        if hole is None:
            return None
        if between:
            parts.append(between)
        parts.append(hole)
        at = match.end()
    rest = text[at:]
    if "{{" in rest or "{%" in rest:
        return None
    if rest:
        parts.append(rest)
    return parts


def _plain_hole(match: re.Match[str], path: Path, at: InText) -> Hole | None:
    if match[1] is None:
        name, given = match[3] or match[5], match[4] or match[6]
        called: Ref = (name, given[1:-1]) if name == "env" else (name,)
        return Hole(match[2], (called,), _caller(name, given, match[7]), path, at)
    ref = _parse_plain(match[1])
    if ref is None:
        return None
    return Hole(match[1], (ref, *_inner(ref)), _quoting(_follower(ref), (ref,)), path, at)


@lru_cache(maxsize=4096)
def _parse_plain(source: str) -> Ref | None:
    if source in _LITERALS or source in _WORDS:
        return None
    ref: list[Any] = []
    for name, index, double, single, inner in _STEP.findall(source):
        if name:
            ref.append(name)
        elif index:
            ref.append(int(index))
        elif inner:
            ref.append(tuple(inner.split(".")))
        else:
            ref.append(double or single)
    return tuple(ref)


def _inner(ref: Ref) -> Iterator[Ref]:
    return (part for part in ref if isinstance(part, tuple))


@lru_cache(maxsize=4096)
def _follower(ref: Ref) -> Callable[[Names], Any]:
    if any(isinstance(part, tuple) for part in ref):
        return lambda names: follow(names, ref)

    def step_by_step(names: Names) -> Any:
        value: Any = names
        try:
            for part in ref:
                value = value[part]
        except (LookupError, TypeError):
            return follow(names, ref)  # which says what is not there
        return value

    return step_by_step


def _caller(name: str, given: str, key: str | None) -> Callable[[Names], Any]:
    """Reads what a literal names, which takes no engine: `csv('data/people.csv', key='name')`."""
    literal = given[1:-1]
    if key is None:
        return lambda names: follow(names, (name,))(literal)
    column = key[1:-1]
    return lambda names: follow(names, (name,))(literal, key=column)


def _engine_parts(text: str, path: Path) -> Iterator[str | Hole]:
    from runner.core.expressions import jinja  # noqa: PLC0415  # most configurations never need Jinja2

    for piece in jinja.split(text, path):
        if isinstance(piece, str):
            yield piece
        else:
            yield Hole(piece.source, piece.refs, _quoting(piece.fill, piece.refs), path, piece.at)


def _quoting(fill: Callable[[Names], Any], refs: Iterable[Ref]) -> Callable[[Names], Any]:
    """The same, with it known meanwhile which transcripts the hole names."""
    named = frozenset(ref for ref in refs if TRANSCRIPT in ref)
    if not named:
        return fill

    def filled(names: Names) -> Any:
        before = named_transcripts.set(named)
        try:
            return fill(names)
        finally:
            named_transcripts.reset(before)

    return filled
