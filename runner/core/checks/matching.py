"""Whether an answer is as it was expected."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import orjson

from runner.core.api.answer import Answer, output_value
from runner.core.checks.json_texts import fault_against, fault_of_json
from runner.core.checks.matchers import (
    CallMatcher,
    CallsMatcher,
    ConditionMatcher,
    EndMatcher,
    EveryOf,
    Expectation,
    JsonMatcher,
    Matcher,
    Not,
    NumberMatcher,
    OnText,
    PatternMatcher,
    ProgramMatcher,
    QuantityMatcher,
    RefusalMatcher,
    SchemaMatcher,
    SimilarityMatcher,
    SizeMatcher,
    SomeOf,
    TextMatcher,
)
from runner.core.checks.similarity import set_f1, similarity
from runner.core.checks.telling import as_json_text, expected_text
from runner.core.checks.tool_calls import Call, call_verdict, calls_of
from runner.core.checks.verdicts import (
    CheckVerdict,
    DoesNot,
    Holds,
    Mismatch,
    Unscored,
    every,
    opposite,
    some,
)
from runner.core.patterns import pattern
from runner.core.plan.tokens import text_tokens
from runner.core.state.records import Record
from runner.core.values import text_among

_NUMBER = re.compile(
    r"(?:(?<![\w)])[-+\u2212])?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?:\.\d+)?(?<=\d)(?:[eE][-+]?\d+)?"
)


@dataclass(frozen=True)
class Measures:
    """What only others know of a record: its cost in USD, and the tokens of its answer."""

    cost: Callable[[Record], float | None]
    output_tokens: Callable[[Record], int | None]


@dataclass(frozen=True)
class ExaminedAnswer:
    """A recorded answer that is looked at."""

    address: str
    record: Record
    answer: Answer
    measures: Measures
    programs: Mapping[tuple[str, ...], CheckVerdict] = field(default_factory=dict)

    @cached_property
    def text(self) -> str | None:
        """The text of the answer; None if it has none, but tool calls or a refusal."""
        content = self.answer["content"]
        return text_among(content) if isinstance(content, list) else content

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The tools that the model calls, with their arguments as it wrote them."""
        return calls_of(self.answer)


def verdict_on(expected: Expectation, answered: ExaminedAnswer) -> CheckVerdict:
    """What an answer is, against what was expected of it."""
    match expected.matcher:
        case Not(inner):
            fault = Mismatch(f"not: {expected_text(inner.matcher)}", _seen(expected, answered))
            return opposite(verdict_on(inner, answered), fault)
        case SomeOf(inner):
            return some([verdict_on(one, answered) for one in inner])
        case EveryOf(inner):
            return every([verdict_on(one, answered) for one in inner])
        case ProgramMatcher() as matcher:
            return _program(matcher, answered)
        case QuantityMatcher() as matcher:
            return _quantity(matcher, answered)
        case EndMatcher(reasons):
            ended = answered.answer["finish_reason"]
            return _verdict(ended in reasons, expected.matcher, json.dumps(ended))
        case RefusalMatcher(wanted):
            refused = bool(answered.answer["refusal"])
            return _verdict(refused is wanted, expected.matcher, _seen(expected, answered))
        case CallMatcher() as matcher:
            return call_verdict(matcher, answered.calls, answered.record)
        case CallsMatcher() as matcher:
            return _calls(matcher, answered)
        case ConditionMatcher(value):
            return _verdict(value, expected.matcher, as_json_text(value))
        case matcher:
            text = _looked_at(expected, answered)
            if text is None:
                nothing = "a null" if expected.has_on else _seen(expected, answered)
                fault = Mismatch(expected_text(matcher), f"no text, but {nothing}")
                return DoesNot((fault,), either_way=True)
            return _of_text(matcher, text)


def score_of(expected: Expectation, answered: ExaminedAnswer) -> float | Unscored:
    """The number from 0 to 1 that an answer is worth; no text at all is worth 0."""
    match expected.matcher:
        case SimilarityMatcher(reference, by):
            text = _looked_at(expected, answered)
            return 0.0 if text is None else similarity(text, reference, by)
        case CallsMatcher() as matcher:
            return _calls_score(matcher, answered)
        case ProgramMatcher(command):
            return _as_score(answered.programs[command])
        case _:
            return _as_score(verdict_on(expected, answered))


def _as_score(verdict: CheckVerdict) -> float | Unscored:
    match verdict:
        case Holds(score):
            return 1.0 if score is None else score
        case DoesNot():
            return 0.0
        case Unscored():
            return verdict


def _of_text(matcher: OnText, text: str) -> CheckVerdict:
    match matcher:
        case TextMatcher():
            return _verdict(_has(matcher, text), matcher, as_json_text(text))
        case PatternMatcher(source):
            return _verdict(pattern(source).search(text) is not None, matcher, as_json_text(text))
        case JsonMatcher(wanted):
            return _verdict((fault_of_json(text) is None) is wanted, matcher, as_json_text(text))
        case SchemaMatcher(schema):
            broken = fault_against(schema, text)
            return (
                Holds() if broken is None else DoesNot((Mismatch(expected_text(matcher), broken),))
            )
        case NumberMatcher():
            number = _last_number(text)
            fits = number is not None and _is_number(matcher, number)
            got = as_json_text(text) if number is None else f"{number:g}"
            return _verdict(fits, matcher, got)
        case SizeMatcher("tokens"):
            return _tokens(matcher, text)
        case SizeMatcher(unit, bounds):
            size = _size(unit, text)
            return _verdict(bounds.hold(size), matcher, f"{size:,}")
        case SimilarityMatcher(reference, by):
            return _alike(matcher, similarity(text, reference, by))


def _verdict(holds: bool, matcher: Matcher, got: str) -> CheckVerdict:
    return Holds() if holds else DoesNot((Mismatch(expected_text(matcher), got),))


def _program(matcher: ProgramMatcher, answered: ExaminedAnswer) -> CheckVerdict:
    """A score without a threshold is no verdict."""
    match answered.programs[matcher.command]:
        case Holds(float() as score) if matcher.at_least is None:
            return Unscored(f"{matcher.command[0]} gave a score of {score:g}, and no at_least")
        case Holds(float() as score):
            return _verdict(score >= (matcher.at_least or 0.0), matcher, f"{score:g}")
        case verdict:
            return verdict


def _alike(matcher: SimilarityMatcher, score: float) -> CheckVerdict:
    return _verdict(score >= (matcher.at_least or 0.0), matcher, f"{score:.2f}")


def _calls(matcher: CallsMatcher, answered: ExaminedAnswer) -> CheckVerdict:
    enough = 1.0 if matcher.at_least is None else matcher.at_least
    names = ", ".join(name for name, _ in answered.calls) or "no call"
    return _verdict(_calls_score(matcher, answered) >= enough, matcher, names)


def _calls_score(matcher: CallsMatcher, answered: ExaminedAnswer) -> float:
    called = tuple(name for name, _ in answered.calls)
    if matcher.ordered:
        return float(called == matcher.names)
    return set_f1(Counter(called), Counter(matcher.names))


def _looked_at(expected: Expectation, answered: ExaminedAnswer) -> str | None:
    """What a matcher looks at, as a text: numbers, tables and lists as JSON writes them."""
    if not expected.has_on:
        return answered.text
    if expected.on is None or isinstance(expected.on, str):
        return expected.on
    return orjson.dumps(expected.on).decode()


def _seen(expected: Expectation, answered: ExaminedAnswer) -> str:
    """What there is, in as_json_text."""
    return as_json_text(expected.on if expected.has_on else output_value(answered.answer))


def _has(matcher: TextMatcher, text: str) -> bool:
    texts = [_plain(one, matcher) for one in matcher.texts]
    held = _plain(text, matcher)
    match matcher.how:
        case "equals":
            return held == texts[0]
        case "one_of":
            return held.strip() in texts
        case "contains" | "contains_all":
            return all(one in held for one in texts)
        case "contains_any":
            return any(one in held for one in texts)
        case "starts_with":
            return held.startswith(texts[0])
        case "ends_with":
            return held.endswith(texts[0])


def _plain(text: str, matcher: TextMatcher) -> str:
    text = " ".join(text.split()) if matcher.ignore_space else text
    return text.casefold() if matcher.ignore_case else text


def _last_number(text: str) -> float | None:
    found = None
    for match in _NUMBER.finditer(text):
        found = match[0] or found
    return None if found is None else float(found.replace(",", "").replace("\u2212", "-"))


def _is_number(matcher: NumberMatcher, number: float) -> bool:
    near = matcher.equals is None or abs(number - matcher.equals) <= matcher.within
    return near and matcher.bounds.hold(number)


def _size(unit: str, text: str) -> int:
    match unit:
        case "words":
            return len(text.split())
        case "characters":
            return len(text)
        case _:
            return len(text.splitlines())


def _tokens(matcher: SizeMatcher, text: str) -> CheckVerdict:
    """By the range that a text has in any vocabulary: none is at hand to count exactly."""
    low, high = (math.floor(end) for end in text_tokens(text, "any"))
    ends = matcher.bounds.hold(low), matcher.bounds.hold(high)
    got = f"{low:,} to {high:,}"
    most, least = matcher.bounds.max, matcher.bounds.min
    if all(ends):
        return Holds()
    if (most is not None and low > most) or (least is not None and high < least):
        return _verdict(False, matcher, got)
    return Unscored(f"{got} tokens, and no vocabulary is at hand that says which")


def _quantity(matcher: QuantityMatcher, answered: ExaminedAnswer) -> CheckVerdict:
    record, measures = answered.record, answered.measures
    match matcher.quantity:
        case "cost":
            value = measures.cost(record)
            shown, unknown = f"${value or 0:g}", "nobody knows its price"
        case "seconds":
            value = record.duration_ms / 1000
            shown, unknown = f"{value:g}", ""
        case "output_tokens":
            value = measures.output_tokens(record)
            shown, unknown = f"{value or 0:,}", "the server did not say how many tokens it took"
    if value is None:
        return Unscored(unknown)
    return _verdict(matcher.bounds.hold(value), matcher, shown)
