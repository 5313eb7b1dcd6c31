"""What changed for checks since another state: for people, and as JSON."""

from collections.abc import Iterator
from typing import Any

from runner.cli.views.checks.check_words import figures, told_lines
from runner.cli.views.checks.comparisons import conclusion, difference_json, grounds
from runner.cli.views.style import Style
from runner.core.checks.changes import CheckChange, CheckChanges, ComparisonChange


def change_lines(changed: CheckChange, name: str, style: Style) -> Iterator[str]:
    """What a check came to then, what the numbers show, and which answers do otherwise now."""
    yield f"{name}: {sides(changed, style)}"
    yield from told_lines("held, does not hold", changed.newly_failing)
    yield from told_lines("does not hold", changed.still_failing)
    yield from told_lines("holds now", changed.newly_holding)


def sides(changed: CheckChange, style: Style) -> str:
    """What a check came to then, and whether the numbers show a difference."""
    found = changed.difference
    if not found.pairs:
        return f"{figures(changed.before)}; no answer that both have could be told"
    colour = {"better": "green", "worse": "red"}.get(found.shown, "bold")
    return f"{figures(changed.before)}; {style(conclusion(found), colour)} ({grounds(found)})"


def regressed_text(changes: CheckChanges) -> str:
    """Which checks regressed, in a sentence."""
    if changes.regressed:
        return f"Regressed against {changes.name}: {', '.join(changes.regressed)}"
    return f"No check regressed against {changes.name}."


def changes_json(changes: CheckChanges) -> dict[str, Any]:
    """All of it, by the addresses of checks."""
    return {
        "revision": changes.name,
        "regressed": list(changes.regressed),
        "checks": [_check_json(each) for each in changes.checks],
        "comparisons": [_comparison_json(each) for each in changes.comparisons],
    }


def _check_json(changed: CheckChange) -> dict[str, Any]:
    before = changed.before
    return {
        "address": changed.after.address,
        "regressed": changed.regressed,
        "met": before.met,
        "value": round(before.interval.value, 6) if before.scored else None,
        "holds": len(before.scored) - len(before.failed),
        "scored": len(before.scored),
        "unscored": len(before.unscored),
        "missing": list(before.missing),
        "newly_failing": [one.address for one in changed.newly_failing],
        "newly_holding": [one.address for one in changed.newly_holding],
        "still_failing": [one.address for one in changed.still_failing],
        "difference": difference_json(changed.difference),
    }


def _comparison_json(changed: ComparisonChange) -> dict[str, Any]:
    return {
        "address": changed.after.address,
        "regressed": changed.regressed,
        "met": changed.before.met,
    }
