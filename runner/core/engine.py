"""The holes that are more than a plain path, read and filled by a template engine."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2
import jinja2.meta
from jinja2 import nodes

from runner.core.sandbox import FAULTS, SELF, environment, rename_self, require
from runner.core.suggest import closest
from runner.core.values import DYNAMIC_ENV, HALF, Names, Path, Ref, TemplateError, is_text

_CR = "\ufdd0"  # no character: in place of carriage returns, which the engine would drop
_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_UNKNOWN = re.compile(r"No (filter|test) named '(\w+)'")
_REFUSED = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)


@dataclass(frozen=True, slots=True)
class Piece:
    """A hole as the engine read it; `line` counts from 0 within the text."""

    source: str
    refs: tuple[Ref, ...]
    fill: Callable[[Names], Any]
    line: int


def split(text: str, path: Path) -> Iterator[str | Piece]:
    """A text as literal parts and holes; one hole for all of a text with statements."""
    kept = _TAG.sub(lambda tag: tag[0].replace(_CR, "\n"), text.replace("\r", _CR))
    try:
        if "{%" in text:
            refs = _text_refs(kept)
            yield Piece(text, refs, lambda names: _render(kept, names).replace(_CR, "\r"), 0)
            return
        for piece in _variables(kept):
            yield piece.replace(_CR, "\r") if isinstance(piece, str) else piece
    except jinja2.TemplateSyntaxError as exc:
        raise TemplateError(f"not an expression: {_unreadable(exc)}", path, exc.lineno - 1) from exc
    except RecursionError as exc:
        raise TemplateError("the expression is nested too deeply", path) from exc
    except FAULTS as exc:  # what is constant is computed while it is read
        raise TemplateError(_said(exc), path) from exc


def _unreadable(exc: jinja2.TemplateSyntaxError) -> str:
    text = (exc.message or "").rstrip(".")
    unknown = _UNKNOWN.match(text)
    if unknown is None:
        return text
    names = environment().filters if unknown[1] == "filter" else environment().tests
    near = closest(unknown[2], names)
    return f'there is no {unknown[1]} "{unknown[2]}"' + (
        f'; did you mean "{near}"?' if near else ""
    )


def _variables(text: str) -> Iterator[str | Piece]:
    inside: list[str] | None = None
    start = 0
    for line, token, value in environment().lex(text):
        if token == "variable_begin":  # noqa: S105  # the lexer's name for {{
            inside, start = [], line
        elif token == "variable_end":  # noqa: S105
            source = "".join(inside or ())
            inside = None
            yield Piece(source.strip(), _refs_at(source, start), _evaluator(source), start - 1)
        elif inside is not None:
            inside.append(value)
        elif value:
            yield value
    if inside is not None:
        raise jinja2.TemplateSyntaxError("a hole is opened with {{ and not closed with }}", start)


def _refs_at(source: str, line: int) -> tuple[Ref, ...]:
    try:
        return _refs(source)
    except jinja2.TemplateSyntaxError as exc:
        exc.lineno += line - 1  # the engine counts from the hole
        raise


@lru_cache(maxsize=4096)
def _parse(text: str) -> nodes.Template:
    tree = environment().parse(text)
    for refused in tree.find_all(_REFUSED):
        name = type(refused).__name__.lower()
        raise jinja2.TemplateSyntaxError(f"{{% {name} %}} is not part of prompts", refused.lineno)
    for held in tree.find_all(nodes.Const):
        if isinstance(held.value, str) and not is_text(held.value):
            raise jinja2.TemplateSyntaxError(HALF, held.lineno)
    return tree


@lru_cache(maxsize=4096)
def _refs(source: str) -> tuple[Ref, ...]:
    return _text_refs("{{" + source + "}}")


def _text_refs(text: str) -> tuple[Ref, ...]:
    tree = _parse(text)
    rename_self(tree)
    free = jinja2.meta.find_undeclared_variables(tree)
    return tuple(dict.fromkeys(_walk(tree, free | ({"self"} if SELF in free else set()))))


def _walk(node: nodes.Node, free: set[str]) -> Iterator[Ref]:
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        # a.b.items(): the method is no part of the path
        yield from _walk(node.node.node, free)
        for child in node.iter_child_nodes(exclude=("node",)):
            yield from _walk(child, free)
        return
    variable = _variable(node)
    if variable is not None and "env" in free:
        yield ("env", variable)
        return
    ref = _chain(node)
    if ref is not None:
        if ref[0] in free:
            yield ref
        for index in _indices(node):
            yield from _walk(index, free)
        return
    for child in node.iter_child_nodes():
        yield from _walk(child, free)


def _variable(node: nodes.Node) -> str | None:
    """The environment variable that a call reads: `env('NAME')` and nothing else."""
    match node:
        case nodes.Call(
            node=nodes.Name(name="env"),
            args=[nodes.Const(value=str(name))],
            kwargs=[],
            dyn_args=None,
            dyn_kwargs=None,
        ):
            return name
    return None


def _chain(node: nodes.Node) -> Ref | None:
    match node:
        case nodes.Name():
            return ("self" if node.name == SELF else node.name,)
        case nodes.Getattr():
            base = _chain(node.node)
            return None if base is None else base if base[-1] is None else (*base, node.attr)
        case nodes.Getitem():
            base = _chain(node.node)
            if base is None or base[-1] is None:
                return base
            if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str | int):
                return (*base, node.arg.value)
            inner = _chain(node.arg)
            return (*base, inner if inner and None not in inner else None)
    return None


def _indices(node: nodes.Node) -> Iterator[nodes.Node]:
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getitem):
            yield node.arg
        node = node.node


@lru_cache(maxsize=4096)
def _evaluator(source: str) -> Callable[[Names], Any]:
    compiled: list[Any] = []  # compiling costs a millisecond: only when first filled

    def fill(names: Names) -> Any:
        try:
            if not compiled:
                compiled.append(
                    environment().compile_expression(source.strip(), undefined_to_none=False)
                )
            value = compiled[0](_named(names, source, _refs))
            require(value)
        except FAULTS as exc:
            raise TemplateError(_said(exc)) from exc
        if isinstance(value, str) and not is_text(value):
            raise TemplateError(HALF)
        return list(value) if isinstance(value, range) else value

    return fill


def _named(names: Names, source: str, refs: Callable[[str], tuple[Ref, ...]]) -> Names:
    """The names as an expression sees them, which reads no variable but those that it spells."""
    if "self" in names:
        names = {**names, SELF: names["self"]}
    if "env" not in source or "env" not in names:
        return names
    spelt = {ref[1] for ref in refs(source) if ref[0] == "env" and len(ref) > 1}
    return {**names, "env": lambda name: _spelt(names["env"], name, spelt)}


def _spelt(env: Callable[[str], str], name: Any, spelt: set[Any]) -> str:
    if not isinstance(name, str) or name not in spelt:
        raise TemplateError(DYNAMIC_ENV)
    return env(name)


def _render(text: str, names: Names) -> str:
    try:
        made: str = _compiled(text).render(_named(names, text, _text_refs))
    except FAULTS as exc:
        raise TemplateError(_said(exc)) from exc
    if not is_text(made):
        raise TemplateError(HALF)
    return made


@lru_cache(maxsize=1024)
def _compiled(text: str) -> jinja2.Template:
    return environment().from_string(text)


def _said(exc: Exception) -> str:
    text = str(exc) or type(exc).__name__
    return "the expression is nested too deeply" if isinstance(exc, RecursionError) else text
