"""What may be expected of an answer: a closed choice, read from a table whose values are known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from runner.core.checks.similarity import WAYS, SimilarityKind
from runner.core.language.check_rules import MATCHERS

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
    """How long the text is."""

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
    """How like a text the answer is."""

    reference: str
    by: SimilarityKind
    at_least: float | None = None


@dataclass(frozen=True, slots=True)
class ConditionMatcher:
    """Whether an expression is true."""

    value: bool
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
    """The matcher of a table whose values are known, and are right: `value_fault` told nothing of
    it. `source` is the table as it was written.
    """
    key = next(name for name in table if name in MATCHERS)
    return Expectation(_matcher(key, table, source), table.get("on"), "on" in table)


def _matcher(key: str, table: Mapping[str, Any], source: Mapping[str, Any]) -> Matcher:
    value = table[key]
    match key:
        case "equals" | "contains" | "starts_with" | "ends_with":
            return TextMatcher(key, (value,), *_ignoring(table))
        case "contains_any" | "contains_all" | "one_of":
            return TextMatcher(key, tuple(value), *_ignoring(table))
        case "matches":
            return PatternMatcher(value)
        case "json":
            return JsonMatcher(value)
        case "json_schema":
            return SchemaMatcher(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
        case "number":
            return NumberMatcher(_bounds(value), value.get("equals"), value.get("within", 0.0))
        case "words" | "characters" | "lines" | "tokens":
            return SizeMatcher(key, _bounds(value))
        case "similarity":
            by = next(way for way in WAYS if way == table.get("by", "indel"))
            return SimilarityMatcher(value, by, table.get("at_least"))
        case _:
            return _of_answer(key, value, source[key], table.get("at_least"))


def _of_answer(key: str, value: Any, source: Any, at_least: float | None) -> Matcher:
    """Those that look at no text, and those that combine others."""
    match key:
        case "cost" | "seconds" | "output_tokens":
            return QuantityMatcher(key, _bounds(value))
        case "finish_reason":
            return EndMatcher(tuple(value) if isinstance(value, list) else (value,))
        case "tool_call":
            return CallMatcher(value["name"], value.get("arguments"), value.get("exact") is True)
        case "tool_calls":
            ordered = value.get("ordered") is True
            return CallsMatcher(tuple(value["names"]), ordered, value.get("at_least"))
        case "refusal":
            return RefusalMatcher(value)
        case "program":
            return ProgramMatcher(tuple(value), at_least)
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


def _bounds(table: Mapping[str, Any]) -> Bounds:
    return Bounds(table.get("min"), table.get("max"))
