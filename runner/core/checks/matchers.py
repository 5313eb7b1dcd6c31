"""What may be expected of an answer: a closed choice, read from a table whose values are known."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from runner.core.checks.similarity import WAYS, SimilarityKind
from runner.core.language.check_rules import MATCHERS
from runner.core.language.patterns import pattern
from runner.core.values import TemplateError, kind_of, to_text

TextTest = Literal[
    "equals", "contains", "contains_any", "contains_all", "starts_with", "ends_with", "one_of"
]
Unit = Literal["words", "characters", "lines", "tokens"]
QuantityName = Literal["cost", "seconds", "output_tokens"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """From where to where a number may be."""

    min: float | None = None
    max: float | None = None

    def hold(self, value: float) -> bool:
        """Whether a number is within."""
        low, high = self.min, self.max
        return (low is None or value >= low) and (high is None or value <= high)

    @property
    def words(self) -> str:
        """As a person says it."""
        if self.min is not None and self.max is not None:
            return f"from {self.min:g} to {self.max:g}"
        return f"at least {self.min:g}" if self.min is not None else f"at most {self.max:g}"


@dataclass(frozen=True, slots=True)
class TextMatcher:
    """A text, one of some, or all of them, in a place of the answer's text."""

    how: TextTest
    texts: tuple[str, ...]
    ignore_case: bool = False
    ignore_space: bool = False


@dataclass(frozen=True, slots=True)
class PatternMatcher:
    """A regular expression that is found somewhere."""

    source: str


@dataclass(frozen=True, slots=True)
class JsonMatcher:
    """The text is JSON, or is none."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class SchemaMatcher:
    """The text is JSON that fits a schema; `schema` is its canonical form."""

    schema: bytes


@dataclass(frozen=True, slots=True)
class NumberMatcher:
    """The last number of the text."""

    bounds: Bounds
    equals: float | None = None
    within: float = 0.0


@dataclass(frozen=True, slots=True)
class SizeMatcher:
    """TextTest long the text is."""

    unit: Unit
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class QuantityMatcher:
    """What the answer took."""

    quantity: QuantityName
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class EndMatcher:
    """Why the answer ended."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefusalMatcher:
    """The model refused, or did not."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class CallMatcher:
    """One of the calls is of this tool, with these arguments: at least, or exactly these."""

    name: str
    arguments: Mapping[str, Any] | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class CallsMatcher:
    """The calls are of these tools; `at_least` is the F1 that is enough where order does not
    matter.
    """

    names: tuple[str, ...]
    ordered: bool = False
    at_least: float | None = None


@dataclass(frozen=True, slots=True)
class SimilarityMatcher:
    """TextTest like a text the answer is."""

    reference: str
    by: SimilarityKind
    at_least: float | None = None


@dataclass(frozen=True, slots=True)
class ConditionMatcher:
    """The value that an expression gave: only true will do."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class ProgramMatcher:
    """What a program says of the answer."""

    command: tuple[str, ...]
    at_least: float | None = None


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    inner: "Expectation"


@dataclass(frozen=True, slots=True)
class SomeOf:
    """One of some."""

    inner: tuple["Expectation", ...]


@dataclass(frozen=True, slots=True)
class EveryOf:
    """All of some."""

    inner: tuple["Expectation", ...]


OnText = (
    TextMatcher
    | PatternMatcher
    | JsonMatcher
    | SchemaMatcher
    | NumberMatcher
    | SizeMatcher
    | SimilarityMatcher
)
"""Those that look at a text."""

Matcher = (
    OnText
    | QuantityMatcher
    | EndMatcher
    | RefusalMatcher
    | CallMatcher
    | CallsMatcher
    | ConditionMatcher
    | ProgramMatcher
    | Not
    | SomeOf
    | EveryOf
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """A matcher, and what it looks at where that is not the answer's text."""

    matcher: Matcher
    on: Any = None
    has_on: bool = False


def expectation(table: Mapping[str, Any], source: Mapping[str, Any]) -> Expectation:
    """The matcher of a table whose values are known; TemplateError, with the path in the table,
    where one is of no use. `source` is the table as it was written.
    """
    key = next(name for name in table if name in MATCHERS)
    try:
        matcher = _matcher(key, table, source)
    except TemplateError as exc:
        if not exc.path:
            raise TemplateError(f"{key}: {exc.message}", (key,), exc.at) from exc
        raise
    return Expectation(matcher, table.get("on"), "on" in table)


def _matcher(key: str, table: Mapping[str, Any], source: Mapping[str, Any]) -> Matcher:
    value = table[key]
    match key:
        case "equals" | "contains" | "starts_with" | "ends_with":
            return TextMatcher(key, (_text(value),), *_ignoring(table))
        case "contains_any" | "contains_all" | "one_of":
            return TextMatcher(key, _texts(value), *_ignoring(table))
        case "matches":
            return _pattern(_text(value))
        case "json":
            return JsonMatcher(_of(value, bool, "true or false"))
        case "json_schema":
            return SchemaMatcher(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
        case "number":
            held = _of(value, Mapping, "a table")
            within = _number(held, "within") or 0.0
            return NumberMatcher(_bounds(held), _number(held, "equals"), within)
        case "words" | "characters" | "lines" | "tokens":
            return SizeMatcher(key, _bounds(_of(value, Mapping, "a table")))
        case "similarity":
            return _similarity(table)
        case _:
            return _of_answer(key, value, source[key], _number(table, "at_least"))


def _of_answer(key: str, value: Any, source: Any, at_least: float | None) -> Matcher:
    """Those that look at no text, and those that combine others."""
    match key:
        case "cost" | "seconds" | "output_tokens":
            return QuantityMatcher(key, _bounds(_of(value, Mapping, "a table")))
        case "finish_reason":
            return EndMatcher(_texts(value if isinstance(value, list) else [value]))
        case "tool_call":
            return _call(_of(value, Mapping, "a table"))
        case "tool_calls":
            return _calls(_of(value, Mapping, "a table"))
        case "refusal":
            return RefusalMatcher(_of(value, bool, "true or false"))
        case "program":
            return ProgramMatcher(_texts(value), at_least)
        case "condition":
            return ConditionMatcher(value, str(source))
        case "not":
            return Not(expectation(value, source))
        case "any" | "all":
            pairs = zip(value, source, strict=True)
            inner = tuple(expectation(each, written) for each, written in pairs)
            return SomeOf(inner) if key == "any" else EveryOf(inner)
        case _:
            raise AssertionError(key)


def _ignoring(table: Mapping[str, Any]) -> tuple[bool, bool]:
    return table.get("ignore_case") is True, table.get("ignore_space") is True


def _pattern(source: str) -> PatternMatcher:
    try:
        pattern(source)
    except ValueError as exc:
        raise TemplateError(str(exc)) from exc
    return PatternMatcher(source)


def _similarity(table: Mapping[str, Any]) -> SimilarityMatcher:
    by = next((way for way in WAYS if way == table.get("by", "indel")), None)
    if by is None:
        raise TemplateError(f"by is one of {', '.join(WAYS)}", ("by",))
    return SimilarityMatcher(_text(table["similarity"]), by, _number(table, "at_least"))


def _call(table: Mapping[str, Any]) -> CallMatcher:
    arguments = table.get("arguments")
    if arguments is not None:
        arguments = _of(arguments, Mapping, "a table")
    return CallMatcher(_text(table["name"]), arguments, table.get("exact") is True)


def _calls(table: Mapping[str, Any]) -> CallsMatcher:
    ordered = table.get("ordered") is True
    return CallsMatcher(_texts(table["names"]), ordered, _number(table, "at_least"))


def _bounds(table: Mapping[str, Any]) -> Bounds:
    return Bounds(_number(table, "min"), _number(table, "max"))


def _number(table: Mapping[str, Any], key: str) -> float | None:
    value = table.get(key)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    try:
        return float(value) if isinstance(value, str) else _of(value, float, "a number")
    except ValueError:
        raise TemplateError(f"{key} wants a number, and this is {json.dumps(value)}") from None


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise TemplateError(f"this wants a list of texts, and is a {kind_of(value)}")
    return tuple(map(_text, value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_text(value)


def _of(value: Any, kind: Any, what: str) -> Any:
    if not isinstance(value, kind):
        raise TemplateError(f"this wants {what}, and is a {kind_of(value)}")
    return value
