"""What is expected of an answer, in words; and what there is, in as_json_text."""

import json
from collections.abc import Callable
from typing import Any

from runner.core.checks.matchers import (
    CallMatcher,
    CallsMatcher,
    ConditionMatcher,
    EndMatcher,
    EveryOf,
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
from runner.core.values import kind_of

_SHOWN = 100
_WHY = 160


def expected_text(matcher: Matcher) -> str:
    """What is expected, in words."""
    match matcher:
        case QuantityMatcher(quantity, bounds):
            return f"{quantity.replace('_', ' ')} {bounds.words}"
        case EndMatcher(reasons):
            return f"finish_reason {' or '.join(reasons)}"
        case RefusalMatcher(wanted):
            return "a refusal" if wanted else "no refusal"
        case CallMatcher(name, arguments, exact):
            given = "" if arguments is None else f" with {as_json_text(arguments)}"
            return f"a call of {name}{given}{' and no more' if exact else ''}"
        case CallsMatcher(names, ordered):
            return f"calls of {', '.join(names)}{' in this order' if ordered else ''}"
        case ConditionMatcher(_, source):
            return f"true of {source}"
        case ProgramMatcher(command, at_least):
            enough = "to pass" if at_least is None else f"to score at least {at_least:g}"
            return f"{' '.join(command)} {enough}"
        case Not(inner):
            return f"not: {expected_text(inner.matcher)}"
        case SomeOf(inner):
            return "any of: " + "; ".join(expected_text(one.matcher) for one in inner)
        case EveryOf(inner):
            return "all of: " + "; ".join(expected_text(one.matcher) for one in inner)
        case _:
            return _of_text(matcher)


def as_json_text(value: Any) -> str:
    """A value as JSON on one line, all of it: what nobody may see is taken out before an end is."""
    return json.dumps(value, ensure_ascii=False, default=kind_of)


def cut_short(text: str, most: int = _SHOWN) -> str:
    """A text without its end, where it is longer than so many characters."""
    return text if len(text) <= most else f"{text[: most - 2]}.."


def shown_why(why: str, hide: Callable[[str], str]) -> str:
    """Why something could not be told, with what was said in its place, on one line: `hide` sees
    all of it, since the half of a secret is one that nobody finds.
    """
    return cut_short(" ".join(hide(why).split()), _WHY)


def _of_text(matcher: OnText) -> str:
    match matcher:
        case TextMatcher(how, texts):
            return f"{how.replace('_', ' ')} {', '.join(map(as_json_text, texts))}"
        case PatternMatcher(source):
            return f"matches {as_json_text(source)}"
        case JsonMatcher(wanted):
            return "JSON" if wanted else "no JSON"
        case SchemaMatcher():
            return "JSON that fits the schema"
        case NumberMatcher(bounds, None):
            return f"a number {bounds.words}"
        case NumberMatcher(_, equals, within):
            return f"a number that is {equals:g}{f' within {within:g}' if within else ''}"
        case SizeMatcher(unit, bounds):
            return f"{unit} {bounds.words}"
        case SimilarityMatcher(reference, by, at_least):
            enough = "" if at_least is None else f" of at least {at_least:g}"
            return f"a similarity ({by}){enough} to {as_json_text(reference)}"
