"""The template engine behind holes that are more than a plain path: Jinja2, locked up."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2
import jinja2.meta
import jinja2.sandbox
import orjson
from jinja2 import nodes
from jinja2.filters import make_attrgetter

from runner.core.suggest import closest
from runner.core.values import (
    HALF,
    Names,
    Path,
    Ref,
    TemplateError,
    is_text,
    no_such,
    plain,
    to_text,
)

_FAULTS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    NameError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)
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


class _Missing(jinja2.ChainableUndefined, jinja2.StrictUndefined):
    """What a name that does not exist becomes, and any name below it, so that default() can stand
    for a whole path; used, it says what there is instead of the first that is missing.
    """

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:  # the engine knows better, as of the last of nothing
            return self._undefined_hint[:1].lower() + self._undefined_hint[1:].rstrip(".")
        if self._undefined_obj is jinja2.utils.missing:
            return f'there is no "{self._undefined_name}" here'
        return no_such(self._undefined_obj, self._undefined_name)


_SELF = "_self"
_LONGEST = 100_000_000  # characters or items
_MOST_BITS = 100_000


class _Environment(jinja2.sandbox.ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(("*", "**"))

    def call_binop(
        self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any
    ) -> Any:
        """Refuses what would keep the interpreter busy for ever, where nothing can interrupt it."""
        whole = isinstance(left, int) and isinstance(right, int)
        if operator == "**" and whole and left.bit_length() * right > _MOST_BITS:
            raise TemplateError("this power is too large a number")
        for held, times in ((left, right), (right, left)):
            is_repeated = operator == "*" and isinstance(held, str | list | tuple)
            if is_repeated and isinstance(times, int) and len(held) * times > _LONGEST:
                raise TemplateError(f"this would be longer than {_LONGEST:,}")
        return super().call_binop(context, operator, left, right)

    def _generate(self, source: nodes.Template, *rest: Any, **more: Any) -> str:
        """Of all names, `self` is the engine's own: ours goes by another. What ~ puts together
        is text as in a hole: true, not True.
        """
        _rename_self(source)
        for joined in source.find_all(nodes.Concat):
            joined.nodes = [_as_string(part) for part in joined.nodes]
        return super()._generate(source, *rest, **more)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Items before attributes, so that {{ row.items }} is the row's own column."""
        try:
            return obj[attribute]
        except (TypeError, LookupError, AttributeError):
            return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Items only by their key; a plain index or slice otherwise."""
        try:
            return obj[argument]
        except (TypeError, LookupError, AttributeError):
            return super().getitem(obj, argument)


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
    except _FAULTS as exc:  # what is constant is computed while it is read
        raise TemplateError(_said(exc), path) from exc


def _unreadable(exc: jinja2.TemplateSyntaxError) -> str:
    text = (exc.message or "").rstrip(".")
    unknown = _UNKNOWN.match(text)
    if unknown is None:
        return text
    names = _environment().filters if unknown[1] == "filter" else _environment().tests
    near = closest(unknown[2], names)
    return f'there is no {unknown[1]} "{unknown[2]}"' + (
        f'; did you mean "{near}"?' if near else ""
    )


def _variables(text: str) -> Iterator[str | Piece]:
    inside: list[str] | None = None
    start = 0
    for line, token, value in _environment().lex(text):
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


@lru_cache(maxsize=1)
def _environment() -> _Environment:
    env = _Environment(
        undefined=_Missing,
        autoescape=False,  # prompts are text, not HTML
        keep_trailing_newline=True,
        finalize=_finalize,
        comment_start_string="\x00{#",  # {# is text in a prompt, not a comment
        comment_end_string="#}\x00",
    )
    for random in ("lipsum", "cycler", "joiner"):
        env.globals.pop(random, None)
    for impure in ("random", "xmlattr", "urlize", "pprint"):
        env.filters.pop(impure, None)
    env.filters["string"] = _finalize
    env.filters["join"] = _join
    env.filters["tojson"] = _tojson
    env.filters["fromjson"] = _fromjson
    return env


def _finalize(value: Any) -> str:
    _require(value)
    return to_text(value)


def _as_string(node: nodes.Expr) -> nodes.Expr:
    made = nodes.Filter(node, "string", [], [], None, None, lineno=node.lineno)
    made.set_environment(_environment())
    return made


@jinja2.pass_environment
def _join(
    env: jinja2.Environment, value: Any, d: str = "", attribute: str | int | None = None
) -> str:
    items = value if attribute is None else map(make_attrgetter(env, attribute), value)
    return _finalize(d).join(map(_finalize, items))


def _require(value: Any) -> None:
    """Raises, with the message of what is missing; an `if` without `else` is missing too."""
    if isinstance(value, jinja2.Undefined):
        value._fail_with_undefined_error()  # noqa: SLF001  # its text would be empty


def _tojson(value: Any, indent: int | None = None) -> str:
    return json.dumps(plain(value), ensure_ascii=False, indent=indent)


def _fromjson(text: Any) -> Any:
    if not isinstance(text, str):
        raise TemplateError("fromjson wants text")
    try:
        return orjson.loads(text)
    except ValueError as exc:
        raise TemplateError(f"fromjson: this is not JSON: {exc}") from exc


@lru_cache(maxsize=4096)
def _parse(text: str) -> nodes.Template:
    tree = _environment().parse(text)
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
    _rename_self(tree)
    free = jinja2.meta.find_undeclared_variables(tree)
    return tuple(dict.fromkeys(_walk(tree, free | ({"self"} if _SELF in free else set()))))


def _rename_self(tree: nodes.Template) -> None:
    for name in tree.find_all(nodes.Name):
        if name.name == "self":
            name.name = _SELF


def _walk(node: nodes.Node, free: set[str]) -> Iterator[Ref]:
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        # a.b.items(): the method is no part of the path
        yield from _walk(node.node.node, free)
        for child in node.iter_child_nodes(exclude=("node",)):
            yield from _walk(child, free)
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


def _chain(node: nodes.Node) -> Ref | None:
    match node:
        case nodes.Name():
            return ("self" if node.name == _SELF else node.name,)
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
                    _environment().compile_expression(source.strip(), undefined_to_none=False)
                )
            value = compiled[0](_named(names))
            _require(value)
        except _FAULTS as exc:
            raise TemplateError(_said(exc)) from exc
        if isinstance(value, str) and not is_text(value):
            raise TemplateError(HALF)
        return list(value) if isinstance(value, range) else value

    return fill


def _named(names: Names) -> Names:
    return {**names, _SELF: names["self"]} if "self" in names else names


def _render(text: str, names: Names) -> str:
    try:
        made: str = _compiled(text).render(_named(names))
    except _FAULTS as exc:
        raise TemplateError(_said(exc)) from exc
    if not is_text(made):
        raise TemplateError(HALF)
    return made


@lru_cache(maxsize=1024)
def _compiled(text: str) -> jinja2.Template:
    return _environment().from_string(text)


def _said(exc: Exception) -> str:
    text = str(exc) or type(exc).__name__
    return "the expression is nested too deeply" if isinstance(exc, RecursionError) else text
