"""What must hold between the keys of a judge."""

from collections.abc import Iterator, Mapping
from typing import Any

from runner.core.address import Path
from runner.core.language.findings import Finding, contains, has_hole

_ITS_OWN = {
    "messages": "The messages of a judge are made of its rubric and the answer; prompt = "
    "\"{{ template('judge.md', rubric=rubric, answer=answer) }}\" says them in other words.",
    "n": "A judge gives one verdict with each request; samples = 3 asks for three.",
    **dict.fromkeys(
        ("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"),
        "A judge answers with a verdict, and calls no tool.",
    ),
    **dict.fromkeys(
        ("modalities", "audio", "stop"), "A verdict is JSON, which this would make something else."
    ),
}
_STATIC = ("samples", "scale")


def judge_findings(table: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    """What is wrong in a judge, which stands at a path of its block, as its types cannot say it."""
    ways = [name for name in ("rubric", "rubrics") if name in table]
    if not ways:
        detail = 'A judge needs rubric, what a good answer is: rubric = "The answer is polite."'
        yield Finding(path, "Missing key", detail)
    if len(ways) > 1:
        detail = "rubric and rubrics exclude each other: give the one a name, among the others."
        yield Finding((*path, "rubrics"), "Conflicting keys", detail)
    if has_hole(table.get("rubrics")):
        detail = "The names of rubrics are needed before any expression is evaluated: write a table"
        yield Finding((*path, "rubrics"), "Expression not allowed", f"{detail}, its values may.")
    for name in _STATIC:
        if contains(table.get(name), has_hole):
            detail = f"{name} is needed before any expression is evaluated: write the value itself."
            yield Finding((*path, name), "Expression not allowed", detail)
    yield from _its_own(table, path)


def usual_findings(settings: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong in the judge of [runner], as its types cannot say it."""
    judge = settings.get("judge")
    if isinstance(judge, dict):
        yield from _its_own(judge, ("judge",))


def _its_own(table: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    """What a judge says itself, or may not say."""
    for name, detail in _ITS_OWN.items():
        if name in table:
            yield Finding((*path, name), "Conflicting keys", detail)
