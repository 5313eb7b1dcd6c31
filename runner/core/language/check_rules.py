"""What must hold between the keys of a check of answers."""

from collections.abc import Iterator, Mapping
from typing import Any

from runner.core.address import Path
from runner.core.canonical import dotted
from runner.core.language.findings import Finding, IsHole, contains, has_hole
from runner.core.language.json_schemas import named_schema_findings
from runner.core.language.judge_rules import judge_findings
from runner.core.patterns import pattern

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
    yield from _listed(("expect",), table.get("expect"), has_hole)
    judge, score = table.get("judge"), table.get("score")
    if isinstance(judge, dict):
        yield from judge_findings(judge, ("judge",))
    else:
        yield from _structure(("judge",), judge, has_hole)
    if isinstance(score, dict):
        yield from _score(score)
    else:
        yield from _structure(("score",), score, has_hole)
    is_score = "score" in table or (isinstance(judge, dict) and "scale" in judge)
    if is_score and "at_least" not in table:
        detail = "A score needs at_least, the mean that is good enough: at_least = 0.6."
        yield Finding((), "Missing key", detail)


def entry_findings(
    path: Path, table: Mapping[str, Any], hole: IsHole, *, is_score: bool = False
) -> Iterator[Finding]:
    """What is wrong in an entry that stands at a path, as its types cannot say it; what is a hole
    is known later.
    """
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
    if key == "similarity" and "at_least" not in table and not is_score:
        detail = f"{dotted(path)} needs at_least, the similarity that is enough: at_least = 0.8"
        yield Finding(path, "Missing key", f"{detail}.")
    yield from _matcher((*path, key), table[key], hole)


def compare_findings(table: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong in a comparison, as its types cannot say it."""
    for name in ("gate", "no_worse_than"):
        if name in table and "baseline" not in table:
            detail = f"{name} says how much worse than the baseline is too much: name a baseline."
            yield Finding((name,), "Conflicting keys", detail)
        elif name in table and not table.get("checks"):
            detail = f"{name} says how much worse by checks is too much: name some in checks."
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
    yield from entry_findings(("score",), table, has_hole, is_score=True)


def _matcher(at: Path, value: Any, hole: IsHole) -> Iterator[Finding]:
    match at[-1]:
        case "matches" if isinstance(value, str) and not hole(value):
            try:
                pattern(value)
            except ValueError as exc:
                yield Finding(at, "Invalid pattern", f"{dotted(at)} is no pattern: {exc}.")
        case "json_schema" if isinstance(value, dict):
            yield from named_schema_findings(at, value, hole)
        case "words" | "characters" | "lines" | "tokens" | "cost" | "seconds" | "output_tokens":
            yield from _bounds(at, value, ())
        case "number":
            yield from _bounds(at, value, ("equals",))
            if isinstance(value, dict) and "within" in value and "equals" not in value:
                detail = f"within says how far from equals, and {dotted(at)} has no equals."
                yield Finding((*at, "within"), "Conflicting keys", detail)
        case "program" if contains(value, hole):
            detail = f"{dotted(at)} is what you say yes to: write the words themselves."
            yield Finding(at, "Expression not allowed", detail)
        case "not" if isinstance(value, dict):
            yield from entry_findings(at, value, hole)
        case "not":
            yield from _structure(at, value, hole)
        case "any" | "all":
            yield from _listed(at, value, hole)
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


def _listed(path: Path, value: Any, hole: IsHole) -> Iterator[Finding]:
    """What is wrong in the entries of a list."""
    yield from _structure(path, value, hole)
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, dict):
            yield from entry_findings((*path, index), entry, hole)
        else:
            yield from _structure((*path, index), entry, hole)


def _structure(path: Path, value: Any, hole: IsHole) -> Iterator[Finding]:
    """What is asked of an answer is written out: an expression that gave nothing would ask nothing
    of it.
    """
    if hole(value):
        detail = (
            f"{dotted(path)} is what is asked of an answer: write it out. Expressions give the "
            'values in it, as in { contains = "{{ each.value }}" }.'
        )
        yield Finding(path, "Expression not allowed", detail)
