"""Jinja2, locked up: no way out of it, no randomness, and nothing that takes for ever."""

import json
from functools import lru_cache
from typing import Any

import jinja2
import jinja2.sandbox
from jinja2 import nodes
from jinja2.filters import make_attrgetter

from runner.core.received import json_of
from runner.core.values import TemplateError, no_such, plain, to_text

FAULTS = (
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
SELF = "_self"
_LONGEST = 100_000_000  # characters or items
_MOST_BITS = 100_000


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """The engine; one for the whole process."""
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
        rename_self(source)
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


def rename_self(tree: nodes.Template) -> None:
    """`self`, which is the engine's own, becomes SELF."""
    for name in tree.find_all(nodes.Name):
        if name.name == "self":
            name.name = SELF


def _as_string(node: nodes.Expr) -> nodes.Expr:
    made = nodes.Filter(node, "string", [], [], None, None, lineno=node.lineno)
    made.set_environment(environment())
    return made


def _finalize(value: Any) -> str:
    require(value)
    return to_text(value)


@jinja2.pass_environment
def _join(
    env: jinja2.Environment, value: Any, d: str = "", attribute: str | int | None = None
) -> str:
    items = value if attribute is None else map(make_attrgetter(env, attribute), value)
    return _finalize(d).join(map(_finalize, items))


def require(value: Any) -> None:
    """Raises, with the message of what is missing; an `if` without `else` is missing too."""
    if isinstance(value, jinja2.Undefined):
        value._fail_with_undefined_error()  # noqa: SLF001  # its text would be empty


def _tojson(value: Any, indent: int | None = None) -> str:
    return json.dumps(plain(value), ensure_ascii=False, indent=indent)


def _fromjson(text: Any) -> Any:
    if not isinstance(text, str):
        raise TemplateError("fromjson wants text")
    try:
        return json_of(text)
    except ValueError as exc:
        raise TemplateError(f"fromjson: this is not JSON: {exc}") from exc
