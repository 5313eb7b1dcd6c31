"""Jinja2, locked up: no way out of it, no randomness, and nothing that is not charged."""

import json
import types
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jinja2
import jinja2.sandbox
from jinja2 import nodes
from jinja2.runtime import Context, LoopContext
from jinja2.utils import Namespace
from markupsafe import Markup

from runner.core.budget import Budget, current, size_of
from runner.core.expressions import filters, guards
from runner.core.expressions.charging import COUNTED, ITERATED, Generator
from runner.core.expressions.comprehensions import ROWS, TABLE, ValuesParser
from runner.core.expressions.filters import text_in
from runner.core.expressions.guards import RefusedError
from runner.core.expressions.values import OF_VALUES, PIPED
from runner.core.values import kind_of, no_such, to_text

SELF = "_self"
_LOOP_METHODS = ("changed", "cycle")
_LOOP_NAMES = frozenset(
    (
        *("depth", "depth0", "first", "index", "index0", "last", "length"),
        *("nextitem", "previtem", "revindex", "revindex0"),
    )
)
_SLOW = 40  # steps: something is no item, and looked for among the attributes


@lru_cache(maxsize=1)
def jinja_environment() -> "Sandbox":
    """The engine; one for the whole process. What a rendering has used is held by its context."""
    env = Sandbox(
        undefined=_Missing,
        autoescape=False,  # prompts are text, not HTML
        keep_trailing_newline=True,
        finalize=text_in,
        comment_start_string="\x00{#",  # {# is text in a prompt, not a comment
        comment_end_string="#}\x00",
        optimized=False,  # nothing is computed before there is a budget
    )
    env.globals = {"dict": _table, "namespace": _namespace, "range": env.globals["range"]}
    known: Any = env.filters
    env.filters = {
        **filters.filters(known),
        **{name: filters.requiring(OF_VALUES[name]) for name in PIPED},
        TABLE: _made_table,
        ROWS: _rows,
        COUNTED: filters.guarded(iter, lambda budget, value: budget.counted(value)),
        ITERATED: filters.guarded(_itself, _iterated),
    }
    tests: Any = env.tests
    env.tests = filters.tests(tests)
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


class _Namespace(Namespace):
    """What `{% set ns.name = .. %}` writes to; its text says nothing of what it holds."""

    def __repr__(self) -> str:
        return "<Namespace>"


class Charged(Context):
    """The names of one rendering, and what it may still use."""

    budget: Budget

    def derived(self, locals: dict[str, Any] | None = None) -> "Charged":  # noqa: A002
        """The same rendering with more names."""
        made = super().derived(locals)
        assert isinstance(made, Charged)  # noqa: S101  # the environment's class of contexts
        made.budget = self.budget
        return made

    def concat(self, parts: Any) -> str:
        """Texts as one, charged."""
        return guards.charge_joined(self.budget, "", parts)


class Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """Charges what hangs on values, before it is done."""

    code_generator_class = Generator
    context_class = Charged
    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return ValuesParser(self, source, name, filename).parse()

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator, charged."""
        guards.binary(_budget(context), operator, left, right)
        return super().call_binop(context, operator, left, right)

    def compare(self, context: Context, left: Any, *rest: tuple[str, Callable[[], Any]]) -> Any:
        """A comparison, charged; what follows one that does not hold is not looked at."""
        holds: Any = True
        for operator, other in rest:
            right = guards.compare(_budget(context), operator, left, other())
            holds = _COMPARISONS[operator](left, right)
            if not holds:
                return holds
            left = right
        return holds

    def cut(self, context: Context, value: Any, *bounds: Any) -> Any:
        """A slice, charged."""
        return guards.cut(_budget(context), value, slice(*bounds))

    def keyed(self, context: Context, key: Any) -> Any:
        """A key of a table that is written out, charged."""
        if key is None:
            _key(key)
        return guards.keyed(_budget(context), key)

    def call(self, context: Context, called: Any, *given: Any, **named: Any) -> Any:
        """A call, charged; methods are those that are known to be harmless."""
        budget = _budget(context)
        budget.spend(len(given) + len(named))
        owner = getattr(called, "__self__", None)
        if isinstance(called, _Format):
            return called.text(self, budget, given, _own_names(named))
        if isinstance(called, LoopContext) and given:
            given = (_iterated(budget, given[0]), *given[1:])
        elif isinstance(owner, LoopContext):
            _loop_method(budget, called.__name__, given)
        elif owner is not None and not isinstance(owner, types.ModuleType):
            return self._method(context, called, owner, given, named)
        elif isinstance(called, _UNBOUND):
            raise guards.refused_call(called.__name__)
        elif isinstance(called, types.FunctionType) and not hasattr(called, "jinja_pass_arg"):
            filters.require(*given, *named.values())  # our own, which know nothing of the engine
        return super().call(context, called, *given, **named)

    def _method(
        self, context: Context, called: Any, owner: Any, given: tuple[Any, ...], named: Any
    ) -> Any:
        budget, name = _budget(context), called.__name__
        if isinstance(owner, str) and name == "join" and len(given) == 1:
            return guards.charge_joined(budget, owner, list(filters.iterable(budget, given[0])))
        guards.method(budget, owner, name, given, _own_names(named))
        return super().call(context, called, *given, **named)

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
        if type(obj) is LoopContext and attribute in _LOOP_NAMES:
            return getattr(obj, attribute)
        try:
            return obj[attribute]
        except (TypeError, LookupError, AttributeError):
            current().spend(_SLOW)
            return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Items only by their key; a plain index or slice otherwise."""
        if type(argument) is tuple:
            guards.keyed(current(), argument)
        try:
            return obj[argument]
        except (TypeError, LookupError, AttributeError):
            current().spend(_SLOW)
            return super().getitem(obj, argument)

    def wrap_str_format(self, value: Any) -> Any:
        """str.format and str.format_map, to be filled with what they are called with."""
        owner = getattr(value, "__self__", None)
        is_method = isinstance(value, types.MethodType | types.BuiltinMethodType)
        if is_method and isinstance(owner, str) and value.__name__ in ("format", "format_map"):
            return _Format(owner, is_map=value.__name__ == "format_map")
        return None


_UNBOUND = (type(str.upper), type(str.__len__), types.BuiltinFunctionType, type)
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "gt": lambda left, right: left > right,
    "gteq": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lteq": lambda left, right: left <= right,
    "in": lambda left, right: left in right,
    "notin": lambda left, right: left not in right,
}


class _Format:
    """A text whose `format` or `format_map` is named."""

    def __init__(self, source: str, *, is_map: bool) -> None:
        self._source, self._is_map = source, is_map

    def text(
        self, env: Sandbox, budget: Budget, given: tuple[Any, ...], named: Mapping[str, Any]
    ) -> str:
        """The text, filled; each field is charged before it is written."""
        if self._is_map:
            if named or len(given) != 1:
                raise TypeError("format_map() takes one table")
            (named,) = given
        values = () if self._is_map else given
        budget.text(size_of(self._source), 2)
        made = _Formatter(env, budget, self._source).vformat(self._source, values, named)
        return type(self._source)(made)


class _Formatter(jinja2.sandbox.SandboxedFormatter):
    def __init__(self, env: Sandbox, budget: Budget, source: str) -> None:
        super().__init__(env)
        self._budget = budget
        self._escape = source.escape if isinstance(source, Markup) else None

    def convert_field(self, value: Any, conversion: Any) -> Any:
        if conversion is not None:
            self._budget.text(guards.size_written(self._budget, value), 4)
        return super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> Any:
        guards.field_text(self._budget, value, format_spec)
        made = super().format_field(value, format_spec)
        if self._escape is None or hasattr(value, "__html__"):
            return made
        return str(self._escape(made))


def _budget(context: Context) -> Budget:
    assert isinstance(context, Charged)  # noqa: S101  # the environment's class of contexts
    return context.budget


def _own_names(named: Mapping[str, Any]) -> dict[str, Any]:
    """What a template names, without what the engine hands to itself."""
    return {key: value for key, value in named.items() if key not in ("_loop_vars", "_block_vars")}


def _itself(value: Any) -> Any:
    return value


def _iterated(budget: Budget, value: Any) -> Any:
    """What a loop goes through; where only going through it shows how long it is, item by item."""
    if value is None or isinstance(value, int | float):
        raise RefusedError(f"a loop goes through a list, a map or a text, not {kind_of(value)}")
    return budget.counted(value) if hasattr(value, "__next__") else value


def _loop_method(budget: Budget, name: str, given: tuple[Any, ...]) -> None:
    if name not in _LOOP_METHODS:
        raise RefusedError(f"loop has no {name}() for an expression")
    budget.weigh(given)
    budget.weigh(given)


@jinja2.pass_context
def _table(context: Context, *given: Any, **named: Any) -> dict[Any, Any]:
    """`dict(..)`, its items charged."""
    pairs = [filters.iterable(_budget(context), each, 4) for each in given]
    return dict(*pairs, **named)


@jinja2.pass_context
def _made_table(context: Context, pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """A table made item by item, in which no key may come twice; each is text."""
    budget = _budget(context)
    budget.items(len(pairs), 4)
    made: dict[str, Any] = {}
    for key, value in pairs:
        name = _key(guards.keyed(budget, key))
        if name in made:
            said = json.dumps(name, ensure_ascii=False)
            raise RefusedError(f"the key {said} comes twice: make keys that differ, or use groupby")
        made[name] = value
    return made


def _key(key: Any) -> str:
    if key is None or not isinstance(key, str | int | float):
        raise RefusedError(f"a key is text, not {kind_of(key)}")
    return to_text(key)


def _rows(value: Any) -> Any:
    """What gives several names at once, item by item; a map would give the letters of its keys."""
    if isinstance(value, Mapping):
        raise RefusedError("a map gives its keys alone: write `for k, v in map.items()`")
    return value


@jinja2.pass_context
def _namespace(context: Context, *given: Any, **named: Any) -> _Namespace:
    """`namespace(..)`, its items charged."""
    return _Namespace(_table(context, *given, **named))


def rename_self(tree: nodes.Template) -> None:
    """`self`, which is the engine's own, becomes SELF."""
    for name in tree.find_all(nodes.Name):
        if name.name == "self":
            name.name = SELF


def _as_string(node: nodes.Expr) -> nodes.Expr:
    if isinstance(node, nodes.Filter) and node.name == "string":
        return node
    made = nodes.Filter(node, "string", [], [], None, None, lineno=node.lineno)
    made.set_environment(jinja_environment())
    return made
