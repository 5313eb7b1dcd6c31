"""The engine's filters and tests, each charged before it runs."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sized
from functools import wraps
from itertools import groupby
from typing import Any

import jinja2
from jinja2 import filters as engine

from runner.core.budget import Budget, current, size_of
from runner.core.expressions.guards import (
    RefusedError,
    charge_joined,
    charge_replaced,
    charge_words,
    compare,
    contain,
    keyed,
    number,
    padded,
    percent,
    pieces,
    size_written,
)
from runner.core.received import json_of
from runner.core.values import TemplateError, plain, to_text

SHORT = 64
"""Characters of a text that is charged where the filter is written, and not again."""
_PER_ITEM = 20  # steps: an attribute looked up, or a filter called
_DEEPEST_INDENT = 32
_WORD = 64  # bits
_MOST_DIGITS = 1000  # to round a number to
_RUNS = re.compile(r"\S+|[^\S\n]+")
_DASHES = re.compile(r"-{2,}")

Guard = Callable[..., Any]


def guarded(original: Callable[..., Any], guard: Guard) -> Callable[..., Any]:
    """A filter or test whose guard is asked first: it charges what the same arguments cost, and
    gives what stands in place of the first.
    """
    handed = getattr(getattr(original, "jinja_pass_arg", None), "name", None)

    @jinja2.pass_context
    @wraps(original)
    def run_alone(context: Any, value: Any, *given: Any, **named: Any) -> Any:
        return original(guard(context.budget, value, *given, **named), *given, **named)

    @jinja2.pass_context
    @wraps(original)
    def run(context: Any, *given: Any, **named: Any) -> Any:
        value = guard(context.budget, *given, **named)
        match handed:
            case "context":
                return original(context, value, *given[1:], **named)
            case "eval_context":
                return original(context.eval_ctx, value, *given[1:], **named)
            case _:
                return original(context.environment, value, *given[1:], **named)

    return run_alone if handed is None else run


def _short(original: Callable[..., Any], guard: Guard, takes: int = 0) -> Callable[..., Any]:
    """A filter of one text, or a test of a value: where that is short, what it is charged for
    where it is written is enough. `takes` is how many more arguments it then may be given.
    """

    @jinja2.pass_context
    @wraps(original)
    def run(context: Any, value: Any, *given: Any, **named: Any) -> Any:
        if (
            type(value) is not str
            or len(value) > SHORT
            or len(given) > takes
            or named
            or not value.isascii()
        ):
            value = guard(context.budget, value, *given, **named)
        return original(value, *given, **named)

    return run


def iterable(budget: Budget, value: Any, steps: int = 2) -> Any:
    """What is passed through item by item: its length charged now, or each item as it comes."""
    budget.spend(10, 300)  # what goes through it, if nothing else
    if isinstance(value, Sized):
        budget.items(len(value), steps)
        return value
    return budget.counted(value, steps) if isinstance(value, Iterable) else value


def _items(budget: Budget, value: Any) -> list[Any]:
    return list(iterable(budget, value))


# -- guards: (budget, the filter's arguments) -> the value in place of the first


def _copy(budget: Budget, value: Any, *_: Any, **__: Any) -> Any:
    if type(value) is str and value.isascii():
        budget.text(len(value))
    else:
        budget.text(size_written(budget, value), 2)
    return value


def _title(budget: Budget, value: Any) -> Any:
    budget.spend(2 * size_written(budget, value))
    return _copy(budget, value)


def _escape(budget: Budget, value: Any) -> Any:
    budget.spend(30)
    text = value if isinstance(value, str) else ""
    marks = sum(map(text.count, "&<>\"'"))
    budget.text(size_written(budget, value) * (1 if text else 6) + 4 * 4 * marks)
    return value


def _strip_tags(budget: Budget, value: Any) -> Any:
    text = value if isinstance(value, str) else ""
    budget.spend(len(text) * text.count("<!--") >> 10)
    budget.spend(20 * text.count("<") + (len(text) >> 3))
    charge_words(budget, text)
    budget.text(size_written(budget, value), 2)
    return value


def _urlencode(budget: Budget, value: Any) -> Any:
    size = size_written(budget, value)
    budget.text(size, 3)
    budget.spend(size >> 1)
    return value


def _trim(budget: Budget, value: Any, chars: str | None = None) -> Any:
    budget.spend(size_of(value) * len(chars or "") >> 6)
    return _copy(budget, value)


def _truncate(
    budget: Budget, s: Any, _length: Any = 255, _kill: Any = False, end: Any = "...", *_: Any,
    **__: Any,
) -> Any:  # fmt: skip
    budget.text(size_of(s) + size_of(end))
    return s


def _word_count(budget: Budget, value: Any) -> Any:
    size = size_written(budget, value)
    pieces(budget, "", size >> 1) if not isinstance(value, str) else charge_words(budget, value)
    budget.spend(size >> 4)
    return value


def _word_wrap(
    budget: Budget, s: Any, width: Any = 79, _break: Any = True, wrapstring: Any = None,
    *_: Any, **__: Any,
) -> Any:  # fmt: skip
    if isinstance(s, str):
        wide = max(width, 1) if isinstance(width, int) else 1
        charge_words(budget, s)
        charge_words(budget, s)
        runs = [len(run) for run in _RUNS.findall(s)]
        dashes = max(map(len, _DASHES.findall(s)), default=0)
        cuts = len(runs) + len(s) // wide
        budget.spend(20 * cuts + (len(s) * max(runs, default=0) // wide >> 10) + dashes**2)
        budget.text(size_of(s) + (cuts + s.count("\n")) * (80 + size_of(wrapstring or "")))
    return s


def _indent(budget: Budget, s: Any, width: Any = 4, *_: Any, **__: Any) -> Any:
    if isinstance(s, str):
        lines = len(s.splitlines()) + 1 if len(s) < 100 else 2 + _line_ends(s)
        wide = size_of(width) if isinstance(width, str) else max(width, 0)
        pieces(budget, s, lines)
        budget.text(size_of(s) + lines * wide * (1 if s.isascii() else 4))
    return s


def _line_ends(text: str) -> int:
    return sum(map(text.count, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"))


def _replace(budget: Budget, s: Any, old: Any, new: Any, count: Any = None) -> Any:
    budget.spend(20)
    for value in (s, old, new):
        size_written(budget, value)
    times = count if isinstance(count, int) else -1
    charge_replaced(budget, str(s), str(old), str(new), times)
    return s


def _center(budget: Budget, value: Any, width: Any = 80) -> Any:
    size_written(budget, value)
    padded(budget, str(value), width)
    return value


def _format(budget: Budget, value: Any, *given: Any, **named: Any) -> Any:
    size_written(budget, value)
    percent(budget, str(value), named or given)
    return value


def _number(budget: Budget, value: Any, *_: Any, **__: Any) -> Any:
    budget.spend(size_of(value) >> 4)
    return value


def _round(budget: Budget, value: Any, precision: Any = 0, *_: Any, **__: Any) -> Any:
    if isinstance(precision, int) and abs(precision) > _MOST_DIGITS:
        raise RefusedError(f"round takes at most {_MOST_DIGITS} digits")
    return _number(budget, value)


def _each(budget: Budget, value: Any, *_: Any, **__: Any) -> Any:
    return iterable(budget, value, _PER_ITEM)


def _once(budget: Budget, value: Any, *_: Any, **__: Any) -> Any:
    return iterable(budget, value)


def _first(budget: Budget, value: Any) -> Any:
    return value if isinstance(value, Sized) else iterable(budget, value)


def _whole(budget: Budget, value: Any, *_: Any, **__: Any) -> Any:
    """Every part of every item is looked at, and may be copied."""
    held = value if isinstance(value, str | Sized) else _items(budget, value)
    budget.spend(0, budget.weigh(held))
    return iterable(budget, held, _PER_ITEM)


def _reverse(budget: Budget, value: Any) -> Any:
    if isinstance(value, str):
        budget.text(size_of(value))
        return value
    return iterable(budget, value)


def _batch(budget: Budget, value: Any, linecount: Any, fill_with: Any = None) -> Any:
    if isinstance(linecount, int) and fill_with is not None:
        budget.items(max(linecount, 0))
    if isinstance(value, Sized):
        budget.spend(0, 72 * len(value))
    return iterable(budget, value)


def _slice(budget: Budget, value: Any, slices: Any, fill_with: Any = None) -> Any:  # noqa: ARG001
    if isinstance(slices, int):
        budget.spend(4 * max(slices, 0), 72 * max(slices, 0))
    return iterable(budget, value)


def _sum(budget: Budget, value: Any, _: Any = None, start: Any = 0, **__: Any) -> Any:
    held = _whole(budget, value)
    if isinstance(start, list | tuple) and isinstance(held, Sized):
        total = budget.weigh(held) + 8 * len(start)
        budget.spend(len(held) * total >> 8, total)
    return held


def _same(budget: Budget, value: Any, other: Any) -> Any:
    compare(budget, "eq", value, other)
    return value


def _within(budget: Budget, value: Any, held: Any) -> Any:
    keyed(budget, value)
    contain(budget, value, held)
    return value


_TEXT = ("capitalize", "lower", "upper")
_GUARDS: dict[str, Guard] = {
    **dict.fromkeys(_TEXT, _copy),
    **dict.fromkeys(("e", "escape", "forceescape"), _escape),
    **dict.fromkeys(("float", "filesizeformat", "abs"), _number),
    **dict.fromkeys(("map", "reject", "rejectattr", "select", "selectattr"), _each),
    **dict.fromkeys(("max", "min", "unique"), _whole),
    "batch": _batch,
    "center": _center,
    "first": _first,
    "format": _format,
    "indent": _indent,
    "int": _number,
    "list": _once,
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "slice": _slice,
    "title": _title,
    "striptags": _strip_tags,
    "sum": _sum,
    "trim": _trim,
    "truncate": _truncate,
    "urlencode": _urlencode,
    "wordcount": _word_count,
    "wordwrap": _word_wrap,
}
_OF_A_TEXT = ("capitalize", "lower", "title", "trim", "upper")
_FREE = frozenset(("attr", "count", "d", "default", "items", "last", "length", "safe"))
_TEST_GUARDS: dict[str, Guard] = {
    **dict.fromkeys(("lower", "upper"), _copy),
    **dict.fromkeys(("==", "eq", "equalto", "!=", "ne"), _same),
    **dict.fromkeys(
        (">", "gt", "greaterthan", "ge", ">=", "<", "lt", "lessthan", "<=", "le"), _same
    ),
    **dict.fromkeys(("filter", "test"), keyed),
}


# -- filters of our own


def text_in(value: Any) -> str:
    """What a value is in a text; the message of what is missing, if it is."""
    if type(value) is str:
        return value
    if type(value) is int and value.bit_length() > _WORD:
        bits = value.bit_length()
        current().spend(bits * bits >> 14, bits >> 1)
    require(value)
    return to_text(value)


def require(*values: Any) -> None:
    """Raises, with the message of what is missing; an `if` without `else` is missing too."""
    for value in values:
        if isinstance(value, jinja2.Undefined):
            value._fail_with_undefined_error()  # noqa: SLF001  # its text would be empty


def requiring(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of values as a filter: nothing that it is given is missing."""

    @wraps(function)
    def run(*given: Any, **named: Any) -> Any:
        require(*given, *named.values())
        return function(*given, **named)

    return run


@jinja2.pass_context
def _join(context: Any, value: Any, d: Any = "", attribute: Any = None) -> str:
    items = iterable(context.budget, value, 4)
    if attribute is not None:
        items = map(engine.make_attrgetter(context.environment, attribute), items)
    return charge_joined(context.budget, text_in(d), [text_in(item) for item in items])


@jinja2.pass_context
def _sort(
    context: Any, value: Any, reverse: Any = False, case_sensitive: Any = False,
    attribute: Any = None,
) -> list[Any]:  # fmt: skip
    """The engine's own sort; each key is made once, and charged for all its comparisons."""
    key = engine.make_multi_attrgetter(
        context.environment, attribute, None if case_sensitive else engine.ignore_case
    )
    return _sorted(context.budget, value, key, reverse=reverse)


def _sorted(
    budget: Budget, value: Any, key: Callable[[Any], Any], *, reverse: Any = False
) -> list[Any]:
    items = list(iterable(budget, value, 20))
    keys = []
    for item in items:
        made = key(item)
        budget.spend(0, budget.weigh(made))
        keys.append(made)
    size = sum(1 + (budget.weigh(made) >> 6) for made in keys)
    budget.spend(size * len(items).bit_length())
    order = sorted(range(len(items)), key=keys.__getitem__, reverse=reverse)
    return [items[index] for index in order]


@jinja2.pass_context
def _groupby(
    context: Any, value: Any, attribute: Any, default: Any = None, case_sensitive: Any = False
) -> list[Any]:
    """The engine's own groups, of items that are sorted here."""
    env = context.environment
    after = None if case_sensitive else engine.ignore_case
    key = engine.make_attrgetter(env, attribute, after, default)
    first = engine.make_attrgetter(env, attribute, None, default)
    groups = []
    for _, items in groupby(_sorted(context.budget, value, key), key):
        held = list(items)
        context.budget.items(len(held), 16)
        groups.append(engine._GroupTuple(first(held[0]), held))  # noqa: SLF001
    return groups


@jinja2.pass_context
def _dictsort(
    context: Any, value: Any, case_sensitive: Any = False, by: Any = "key", reverse: Any = False
) -> list[Any]:
    if by not in ("key", "value"):
        raise jinja2.exceptions.FilterArgumentError('You can only sort by either "key" or "value"')
    at = 0 if by == "key" else 1

    def key(pair: tuple[Any, Any]) -> Any:
        return pair[at] if case_sensitive else engine.ignore_case(pair[at])

    return _sorted(context.budget, value.items(), key, reverse=reverse)


@jinja2.pass_context
def _tojson(context: Any, value: Any, indent: Any = None) -> str:
    budget: Budget = context.budget
    held = plain(value)
    if indent is None:
        budget.text(budget.weigh(held), 3)
        return json.dumps(held, ensure_ascii=False)
    if (isinstance(indent, int) and indent > _DEEPEST_INDENT) or isinstance(indent, str):
        said = f"tojson indents by a number up to {_DEEPEST_INDENT}, as in tojson(indent=2)"
        raise TemplateError(said)
    encoder = json.JSONEncoder(ensure_ascii=False, indent=indent)
    parts = []
    for part in encoder.iterencode(held):
        budget.spend(4, size_of(part))
        parts.append(part)
    return charge_joined(budget, "", parts)


@jinja2.pass_context
def _fromjson(context: Any, text: Any) -> Any:
    if not isinstance(text, str):
        raise TemplateError("fromjson wants text")
    context.budget.text(size_of(text))
    values = sum(map(text.count, ",[{"))
    context.budget.spend(2 * values, 80 * values)
    try:
        return json_of(text)
    except ValueError as exc:
        raise TemplateError(f"fromjson: this is not JSON: {exc}") from exc


@jinja2.pass_context
def _int(context: Any, value: Any, default: Any = 0, base: Any = 10) -> Any:
    if type(value) is str and len(value) <= SHORT:
        return engine.do_int(value, default, base)
    _number(context.budget, value)
    return number(engine.do_int(value, default, base))


_OWN: dict[str, Callable[..., Any]] = {
    "dictsort": _dictsort,
    "fromjson": _fromjson,
    "groupby": _groupby,
    "int": _int,
    "join": _join,
    "sort": _sort,
    "string": text_in,
    "tojson": _tojson,
}


def filters(known: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The engine's filters as expressions have them; one that nobody has looked at stays out."""
    free = {name: known[name] for name in _FREE}
    held = {name: guarded(known[name], guard) for name, guard in _GUARDS.items()}
    short = {name: _short(known[name], _GUARDS[name]) for name in _OF_A_TEXT}
    return {**free, **held, **short, **_OWN}


def tests(known: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """The engine's tests, those that look into a value charged."""
    held = {name: _short(known[name], guard, 1) for name, guard in _TEST_GUARDS.items()}
    return {**known, **held, "in": guarded(known["in"], _within)}
