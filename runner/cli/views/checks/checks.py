"""What checks of answers came to: for people, and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from runner.cli.streams import harmless
from runner.cli.views.checks.check_changes import change_lines, changes_json, regressed_text
from runner.cli.views.checks.check_words import SHOWN, figures, met, told_lines
from runner.cli.views.checks.comparisons import comparison_json, comparison_lines
from runner.cli.views.style import Style
from runner.core.address import first_few
from runner.core.checks.changes import CheckChanges, Checked
from runner.core.checks.outcomes import CheckedAnswer, CheckOutcome
from runner.core.checks.verdicts import DoesNot, Holds, Unscored, outcome_of


def checks_text(checked: Checked, style: Style) -> str:
    """A line for each check, and what does not hold below it."""
    lines: list[str] = []
    wide = max((len(each.address) for each in checked.checks), default=0)
    for each in checked.checks:
        head = f"{each.address:<{wide}}  {figures(each)}"
        lines.append(f"{head}   {_met(each, style)}")
        lines += [f"  {line}" for line in _details(each, checked.since, style)]
    for comparison in checked.comparisons:
        lines += comparison_lines(comparison, style)
    if checked.outdated:
        lines.append(outdated_text(checked.outdated))
    if checked.since is not None:
        lines.append(regressed_text(checked.since))
    return harmless("\n".join(lines) + "\n")


def outdated_text(addresses: Sequence[str]) -> str:
    """That answers are older than what is asked for now."""
    are = "1 answer is" if len(addresses) == 1 else f"{len(addresses)} answers are"
    said = f"{are} to another request than now; `runner apply` asks again"
    return f"{said}: {first_few(addresses, SHOWN)}"


def checks_json(checked: Checked, status: int) -> dict[str, Any]:
    """All of it; the same bytes for the same configuration and state."""
    return {
        "format": "1.0",
        "status": status,
        "cause": cause(checked) if status else None,
        "checks": [check_json(each) for each in checked.checks],
        "comparisons": [comparison_json(each) for each in checked.comparisons],
        "outdated": list(checked.outdated),
        "fail_on": checked.fail_on,
        "against": None if checked.since is None else changes_json(checked.since),
    }


def cause(checked: Checked) -> str:
    """Why the exit status is 3."""
    said = "regressed" if checked.fail_on == "regression" else "not met"
    return f"{said}: {', '.join(checked.failing)}"


def check_event(each: CheckOutcome) -> dict[str, Any]:
    """One check as an event of an apply, without each answer: `runner check --json` has them."""
    told = check_json(each)
    for name in ("answers", "missing", "where", "tags", "description"):
        del told[name]
    return {"type": "check", **told, "missing": len(each.missing), "message": _message(each)}


def _message(each: CheckOutcome) -> str:
    return f"{each.address}: {figures(each)}; {met(each)}"


def check_json(each: CheckOutcome) -> dict[str, Any]:
    """One check, with what was found about each answer."""
    table, where = each.check.block.table, each.check.block.where()
    interval = each.interval if each.scored else None
    return {
        "address": each.address,
        "description": table.get("description"),
        "severity": table.get("severity", "error"),
        "tags": list(table.get("tags", ())),
        "met": each.met,
        "settled": each.settled,
        "at_least": each.at_least,
        "value": None if interval is None else round(interval.value, 6),
        "interval": None if interval is None else [round(interval.low, 6), round(interval.high, 6)],
        "holds": len(each.scored) - len(each.failed),
        "scored": len(each.scored),
        "unscored": len(each.unscored),
        "missing": list(each.missing),
        "answers": [_answer_json(one) for one in each.answers],
        "where": {"file": where.file, "line": where.line},
    }


def _answer_json(one: CheckedAnswer) -> dict[str, Any]:
    told: dict[str, Any] = {"address": one.address, "outcome": outcome_of(one.verdict)}
    match one.verdict:
        case Holds(score):
            told |= {} if score is None else {"score": round(score, 6)}
        case DoesNot(faults):
            told["faults"] = [{"expected": f.expected, "got": f.got} for f in faults]
        case Unscored(why):
            told["why"] = why
    return told


def _met(each: CheckOutcome, style: Style) -> str:
    colour = {"met": "green", "unscored": "yellow"}.get(each.met, "red" if each.fails else "yellow")
    word, colon, rest = met(each).partition(":")
    return f"{style(word, colour)}{colon}{rest}"


def _details(each: CheckOutcome, since: CheckChanges | None, style: Style) -> Iterator[str]:
    if since is None:
        yield from told_lines("does not hold", each.failed)
    else:
        yield from change_lines(since.of(each), since.name, style)
    yield from told_lines("unscored", each.unscored)
    if each.missing:
        more = f" and {len(each.missing) - SHOWN} more" if len(each.missing) > SHOWN else ""
        yield f"no answer yet: {', '.join(each.missing[:SHOWN])}{more}"
    if not each.answers and not each.missing:
        yield "no answer is meant: does `of` choose any?"
