"""What must hold between the keys of a check of answers."""

from collections.abc import Iterator, Mapping
from typing import Any

from runner.core.address import Path
from runner.core.canonical import dotted
from runner.core.language.findings import Finding, contains, has_hole
from runner.core.language.json_schemas import named_schema_findings
from runner.core.language.judge_rules import judge_findings
from runner.core.language.patterns import pattern

MATCHERS = (
    *("equals", "contains", "contains_any", "contains_all", "starts_with", "ends_with", "one_of"),
    *("matches", "json", "json_schema", "number", "words", "characters", "lines", "tokens"),
    *("cost", "seconds", "output_tokens", "finish_reason", "refusal", "tool_call", "tool_calls"),
    *("similarity", "condition", "program", "not", "any", "all"),
)
"""The keys that name a matcher."""

_TEXTS = MATCHERS[:7]
_ABOUT_TEXT = frozenset((*MATCHERS[: MATCHERS.index("cost")], "similarity"))
_SCORES = ("similarity", "tool_calls", "program")
_OPTIONS: Mapping[str, frozenset[str]] = {
    "ignore_case": frozenset(_TEXTS),
    "ignore_space": frozenset(_TEXTS),
    "by": frozenset(("similarity",)),
    "at_least": frozenset(("similarity", "program")),
    "on": _ABOUT_TEXT,
}
"""What else an entry may say, and of which matchers."""


def check_findings(table: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong in a check, as its types cannot say it."""
    ways = [name for name in ("expect", "score", "judge") if name in table]
    if not ways:
        detail = "A check needs expect, a list of what holds of each answer, or score, or judge."
        yield Finding((), "Missing key", detail)
    if len(ways) > 1:
        detail = f"{' and '.join(ways)} exclude each other: write a check for each."
        yield Finding((ways[1],), "Conflicting keys", detail)
    if table.get("gate") == "bound" and table.get("at_least", 1) == 1:
        detail = "The lower end of an interval never reaches 1: give an at_least below it."
        yield Finding(("gate",), "Conflicting keys", detail)
    for index, entry in _entries(table.get("expect")):
        yield from _entry(("expect", index), entry)
    judge, score = table.get("judge"), table.get("score")
    if isinstance(judge, dict):
        yield from judge_findings(judge, ("judge",))
    if isinstance(score, dict):
        yield from _score(score)
    is_score = "score" in table or (isinstance(judge, dict) and "scale" in judge)
    if is_score and "at_least" not in table:
        detail = "A score needs at_least, the mean that is good enough: at_least = 0.6."
        yield Finding((), "Missing key", detail)


def compare_findings(table: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong in a comparison, as its types cannot say it."""
    for name in ("gate", "no_worse_than"):
        if name in table and "baseline" not in table:
            detail = f"{name} says how much worse than the baseline is too much: name a baseline."
            yield Finding((name,), "Conflicting keys", detail)


def _score(table: Mapping[str, Any]) -> Iterator[Finding]:
    held = [name for name in table if name in MATCHERS]
    if "at_least" in table:
        detail = "The at_least of a score is that of the mean: write it beside score."
        yield Finding(("score", "at_least"), "Conflicting keys", detail)
        return
    if len(held) == 1 and held[0] not in _SCORES:
        detail = f"{held[0]} is no number: a score is one of {', '.join(_SCORES)}. Write expect."
        yield Finding(("score", held[0]), "Conflicting keys", detail)
        return
    yield from _entry(("score",), table, is_score=True)


def _entry(path: Path, table: Mapping[str, Any], *, is_score: bool = False) -> Iterator[Finding]:
    held = [name for name in table if name in MATCHERS]
    if not held and not table.keys() - _OPTIONS.keys():  # an unknown key is told as such
        some = ", ".join(MATCHERS[:3])
        detail = f"{dotted(path)} needs a matcher: {some}, .. (`runner docs checks` has them all)."
        yield Finding(path, "Missing key", detail)
    if len(held) > 1:
        detail = f"One entry has one matcher, and this has {' and '.join(held)}: write "
        detail += "an entry for each; all of them have to hold."
        yield Finding((*path, held[1]), "Conflicting keys", detail)
    if len(held) != 1:
        return
    (key,) = held
    for name, kinds in _OPTIONS.items():
        if name in table and key not in kinds:
            goes = "whatever looks at a text" if name == "on" else ", ".join(sorted(kinds))
            detail = f"{name} says nothing of {key}; it goes with {goes}."
            yield Finding((*path, name), "Conflicting keys", detail)
    yield from _matcher(path, key, table, is_score=is_score)


def _matcher(
    path: Path, key: str, table: Mapping[str, Any], *, is_score: bool
) -> Iterator[Finding]:
    at, value = (*path, key), table[key]
    match key:
        case "matches" if isinstance(value, str) and not has_hole(value):
            try:
                pattern(value)
            except ValueError as exc:
                yield Finding(at, "Invalid pattern", f"{dotted(at)} is no pattern: {exc}.")
        case "json_schema" if isinstance(value, dict):
            yield from named_schema_findings(at, value)
        case "words" | "characters" | "lines" | "tokens" | "cost" | "seconds" | "output_tokens":
            yield from _bounds(at, value, ())
        case "number":
            yield from _bounds(at, value, ("equals",))
            if isinstance(value, dict) and "within" in value and "equals" not in value:
                detail = f"within says how far from equals, and {dotted(at)} has no equals."
                yield Finding((*at, "within"), "Conflicting keys", detail)
        case "similarity" if "at_least" not in table and not is_score:
            detail = f"{dotted(path)} needs at_least, the similarity that is enough: at_least = 0.8"
            yield Finding(path, "Missing key", f"{detail}.")
        case "program" if contains(value, has_hole):
            detail = f"{dotted(at)} is what you say yes to: write the words themselves."
            yield Finding(at, "Expression not allowed", detail)
        case "not" if isinstance(value, dict):
            yield from _entry(at, value)
        case "any" | "all":
            for index, entry in _entries(value):
                yield from _entry((*at, index), entry)
        case _:
            pass


def _bounds(path: Path, value: Any, others: tuple[str, ...]) -> Iterator[Finding]:
    if not isinstance(value, dict):
        return
    if not any(name in value for name in ("min", "max", *others)):
        names = " or ".join((*others, "min", "max"))
        yield Finding(path, "Missing key", f"{dotted(path)} needs {names}.")
    low, high = value.get("min"), value.get("max")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        detail = f"{dotted(path)}: min is more than max, so nothing is within."
        yield Finding((*path, "min"), "Value out of range", detail)


def _entries(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    held = enumerate(value) if isinstance(value, list) else ()
    return ((index, entry) for index, entry in held if isinstance(entry, dict))
