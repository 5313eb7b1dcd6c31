"""The holes that are more than a plain path, read and filled by a template engine."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import TracebackType
from typing import Any

import jinja2
import jinja2.meta
from jinja2 import nodes
from msgspec import Struct

from runner.core.address import BEGINNING, InText, Path
from runner.core.budget import shared
from runner.core.expressions.faults import in_plain_words
from runner.core.expressions.filters import require
from runner.core.expressions.foreign import without_splat
from runner.core.expressions.guards import charge_joined
from runner.core.expressions.sandbox import SELF, Charged, jinja_environment, rename_self
from runner.core.expressions.tags import on_line, tags, within
from runner.core.suggest import closest
from runner.core.values import DYNAMIC_ENV, HALF, Names, NotKnown, Ref, TemplateError, is_text
from runner.errors import RunnerError

_CR = "\ufdd0"  # no character: in place of carriage returns, which the engine would drop
_UNKNOWN = re.compile(r"No (filter|test) named '(\w+)'")
_UNCLOSED = re.compile(r"innermost block that needs to be closed is '(\w+)'")
_STRANGE = re.compile(r"Encountered unknown tag '(\w+)'")
_WANTED = re.compile(r"expected token '(.+)', got '(.+)'", re.DOTALL)
_REFUSED = {
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from",
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.ScopedEvalContextModifier: "autoescape",
}
_MOST_CODE = 100_000
_A_HOLE = 50


class Piece(Struct, frozen=True):
    """A hole as the engine read it, and where; a text with statements is one as a whole."""

    source: str
    refs: tuple[Ref, ...]
    fill: Callable[[Names], Any]
    at: InText


def split(text: str, path: Path) -> Iterator[str | Piece]:
    """A text as literal parts and holes; one hole for all of a text with statements."""
    _bounded(text, path)
    kept = _without_returns(text) if "\r" in text else text
    try:
        if "{%" in text:
            refs = _text_refs(kept)
            yield Piece(text, refs, _renderer(kept, refs), BEGINNING)
            return
        for piece in _variables(kept, path):
            yield piece.replace(_CR, "\r") if isinstance(piece, str) else piece
    except jinja2.TemplateSyntaxError as exc:
        raise TemplateError(
            f"not an expression: {_unreadable(exc, text)}", path, on_line(text, exc.lineno - 1)
        ) from exc
    except RecursionError as exc:
        raise TemplateError("the expression is nested too deeply", path) from exc


def _bounded(text: str, path: Path) -> None:
    """TemplateError where a text has more code in it than is read in a second."""
    length = 0
    for start, end in tags(text):
        length += end - start + _A_HOLE
        if length > _MOST_CODE:
            said = (
                f"a text holds at most {_MOST_CODE:,} characters of code, each hole counted as "
                f"{_A_HOLE} more; read data from a file, with json('data.json'), csv(..) or "
                "file(..)"
            )
            raise TemplateError(said, path, within(text, (start, end)))


def _span(text: str, source: str, ended: int) -> tuple[int, int] | None:
    """Where a hole stands whose source this is, behind the one before it."""
    start = text.find("{{", ended)
    end = text.find("}}", start + len(source))
    return (start, end + 2) if 0 <= start < end else None


def _without_returns(text: str) -> str:
    """The text as the engine takes it: it would drop carriage returns."""
    kept = list(text.replace("\r", _CR))
    for start, end in tags(text):
        kept[start:end] = ["\n" if mark == _CR else mark for mark in kept[start:end]]
    return "".join(kept)


def _unreadable(exc: jinja2.TemplateSyntaxError, source: str) -> str:
    text = (exc.message or "").rstrip(".")
    splat = without_splat(source)
    if splat is not None:
        return splat
    unknown = _UNKNOWN.match(text)
    if unknown is None:
        return _in_words(text)
    names = jinja_environment().filters if unknown[1] == "filter" else jinja_environment().tests
    near = closest(unknown[2], names)
    return f'there is no {unknown[1]} "{unknown[2]}"' + (
        f'; did you mean "{near}"?' if near else ""
    )


_AS_TEXT = (
    "If the braces are text, put them between {% raw %} and {% endraw %}, or write template = "
    "false in the completion"
)


def _in_words(text: str) -> str:
    """What the engine says of a mistake, without its own jargon, and the way out."""
    open_block = _UNCLOSED.search(text)
    if open_block is not None:
        name = open_block[1]
        return f"{{% {name} %}} is not closed: write {{% end{name} %}} where it ends"
    if text.startswith("unexpected char '?'"):
        return "`c ? x : y` is written {{ x if c else y }} here"
    strange = _STRANGE.match(text)
    if strange is not None:
        return f"there is no statement {{% {strange[1]} %}}. {_AS_TEXT}"
    wanted = _WANTED.fullmatch(text)
    if wanted is not None and wanted[1] == "end of print statement":
        return f"'{wanted[2]}' cannot follow here. {_AS_TEXT}"
    return text if text.startswith(("{%", "{{", HALF)) else f"{text}. {_AS_TEXT}"


def _variables(text: str, path: Path) -> Iterator[str | Piece]:
    inside: list[str] | None = None
    start = ended = 0
    for line, token, value in jinja_environment().lex(text):
        if token == "variable_begin":  # noqa: S105  # the lexer's name for {{
            inside, start = [], line
        elif token == "variable_end":  # noqa: S105
            source = "".join(inside or ())
            inside = None
            at = InText(start - 1, _span(text, source, ended))
            ended = at.span[1] if at.span else ended
            yield Piece(source.strip(), _refs_at(source, path, at), _evaluator(source), at)
        elif inside is not None:
            inside.append(value)
        elif value:
            yield value
    if inside is not None:
        raise jinja2.TemplateSyntaxError("a hole is opened with {{ and not closed with }}", start)


def _refs_at(source: str, path: Path, at: InText) -> tuple[Ref, ...]:
    try:
        return _refs(source)
    except jinja2.TemplateSyntaxError as exc:
        line = at.line + exc.lineno - 1  # the engine counts from the hole
        said = f"not an expression: {_unreadable(exc, source)}"
        raise TemplateError(said, path, InText(line, at.span)) from exc


@lru_cache(maxsize=4096)
def _parse(text: str) -> nodes.Template:
    tree = jinja_environment().parse(text)
    for refused in tree.find_all(tuple(_REFUSED)):
        said = f"{{% {_REFUSED[type(refused)]} %}} is not part of prompts"
        if isinstance(refused, nodes.ScopedEvalContextModifier):
            said += "; write {{ value | e }} where HTML is to be escaped"
        raise jinja2.TemplateSyntaxError(said, refused.lineno)
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
    free = _free_names(tree)
    return tuple(dict.fromkeys(_walk(tree, free | ({"self"} if SELF in free else set()))))


def _free_names(tree: nodes.Template) -> set[str]:
    """The names that a text is given, not those that it makes."""
    found = jinja2.meta.TrackingCodeGenerator(jinja_environment())
    found.optimizer = None  # a list that is made item by item is none that can be computed here
    found.visit(tree)
    return found.undeclared_identifiers


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
        case _:
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
        case _:
            return None


def _indices(node: nodes.Node) -> Iterator[nodes.Node]:
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getitem):
            yield node.arg
        node = node.node


@lru_cache(maxsize=4096)
def _evaluator(source: str) -> Callable[[Names], Any]:
    compiled: list[jinja2.Template] = []  # compiling costs a millisecond: only when first filled

    def fill(names: Names) -> Any:
        named = _named(names, source, lambda: _refs(source))
        return _run(compiled, source, lambda: _compiled_expression(source), named, _value)

    return fill


def _renderer(text: str, refs: tuple[Ref, ...]) -> Callable[[Names], str]:
    compiled: list[jinja2.Template] = []

    def fill(names: Names) -> str:
        named = _named(names, text, lambda: refs)
        made: str = _run(compiled, text, lambda: _compiled(text), named, _text)
        return made.replace(_CR, "\r")

    return fill


def _named(names: Names, source: str, refs: Callable[[], tuple[Ref, ...]]) -> Names:
    """The names as an expression sees them, which reads no variable but those that it spells."""
    if "self" in names:
        names = {**names, SELF: names["self"]}
    if "env" not in source or "env" not in names:
        return names
    spelt = {ref[1] for ref in refs() if ref[0] == "env" and len(ref) > 1}
    return {**names, "env": lambda name: _spelt(names["env"], name, spelt)}


def _spelt(env: Callable[[str], str], name: Any, spelt: set[Any]) -> str:
    if not isinstance(name, str) or name not in spelt:
        raise TemplateError(DYNAMIC_ENV)
    return env(name)


def _run(
    compiled: list[jinja2.Template],
    source: str,
    compile_it: Callable[[], jinja2.Template],
    names: Names,
    result: Callable[[jinja2.Template, Charged], Any],
) -> Any:
    """What a template gives with these names, within the budget that is in force.

    Whatever goes wrong in it is the template's fault and told as such, except where a name stands
    for something that fails, or is not known, by itself.
    """
    try:
        if not compiled:
            compiled.append(compile_it())
        with shared() as budget:
            context = compiled[0].new_context(dict(names))
            assert isinstance(context, Charged)  # noqa: S101  # the environment's own
            context.budget = budget
            return result(compiled[0], context)
    except (RunnerError, NotKnown):
        raise
    except Exception as exc:
        line = on_line(source, _line_of(exc, compiled)) if result is _text else BEGINNING
        raise TemplateError(in_plain_words(exc), at=line) from exc


def _value(template: jinja2.Template, context: Charged) -> Any:
    for _ in template.root_render_func(context):
        """Runs the one statement in it."""
    value = context.vars["result"]
    require(value)
    if isinstance(value, str):
        if not is_text(value):
            raise TemplateError(HALF)
        return value
    context.budget.weigh(value)
    return list(value) if isinstance(value, range) else value


def _text(template: jinja2.Template, context: Charged) -> str:
    made = charge_joined(context.budget, "", list(template.root_render_func(context)))
    if not is_text(made):
        raise TemplateError(HALF)
    return made


@lru_cache(maxsize=1024)
def _compiled(text: str) -> jinja2.Template:
    return jinja_environment().from_string(_parse(text))


def _compiled_expression(source: str) -> jinja2.Template:
    """The expression as a template of one statement, which keeps its value as it is."""
    (output,) = _parse("{{" + source + "}}").body
    (value,) = output.iter_child_nodes()
    keep = nodes.Assign(nodes.Name("result", "store"), value, lineno=value.lineno)
    return jinja_environment().from_string(nodes.Template([keep], lineno=1))


def _line_of(exc: BaseException, compiled: list[jinja2.Template]) -> int:
    """The line of the template, from 0, at which something was raised."""
    step: TracebackType | None = exc.__traceback__
    while step is not None and compiled:
        if step.tb_frame.f_code is compiled[0].root_render_func.__code__:
            return max(compiled[0].get_corresponding_lineno(step.tb_lineno) - 1, 0)
        step = step.tb_next
    return 0
