"""What checks of answers came to: for people, and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from runner.cli.streams import harmless, on_one_line
from runner.cli.views.comparisons import comparison_json, comparison_lines
from runner.cli.views.style import Style
from runner.core.address import first_few
from runner.core.checks.outcomes import CheckedAnswer, CheckOutcome
from runner.core.checks.statistics.intervals import Interval
from runner.core.checks.verdicts import DoesNot, Holds, Unscored, outcome_of
from runner.operations.checking import Checked

_SHOWN = 5  # answers of one kind


def checks_text(checked: Checked, style: Style) -> str:
    """A line for each check, and what does not hold below it."""
    lines: list[str] = []
    wide = max((len(each.check.address) for each in checked.checks), default=0)
    for each in checked.checks:
        head = f"{each.check.address:<{wide}}  {figures(each)}"
        lines.append(f"{head}   {_met(each, style)}")
        lines += [f"  {line}" for line in _details(each)]
    for comparison in checked.comparisons:
        lines += comparison_lines(comparison, style)
    if checked.outdated:
        lines.append(outdated_text(checked.outdated))
    return harmless("\n".join(lines) + "\n")


def outdated_text(addresses: Sequence[str]) -> str:
    """That answers are older than what is asked for now."""
    are = "1 answer is" if len(addresses) == 1 else f"{len(addresses)} answers are"
    said = f"{are} to another request than now; `runner apply` asks again"
    return f"{said}: {first_few(addresses, _SHOWN)}"


def figures(each: CheckOutcome) -> str:
    """How many hold, or the mean, with its interval."""
    scored, interval = len(each.scored), each.interval
    if not scored:
        said = "nothing to go by" if each.answers or each.missing else "no answers"
    elif each.is_score:
        ends = f"{interval.low:.2f} to {interval.high:.2f}"
        said = f"mean {interval.value:.2f} of {scored} (95 % interval {ends})"
    else:
        held = scored - len(each.failed)
        share, ends = f"{100 * interval.value:.0f}", _percents(interval)
        said = f"{held} of {scored} hold ({share} %, 95 % interval {ends} %)"
    for number, word in ((len(each.unscored), "unscored"), (len(each.missing), "missing")):
        said += f", {number} {word}" if number else ""
    return said


def met(each: CheckOutcome) -> str:
    """Whether it is met, and whether the numbers settle that."""
    least = f"{each.at_least:.2f}" if each.is_score else f"{100 * each.at_least:g} %"
    wanted = f"at least {least}" if each.is_score or each.at_least < 1 else "all"
    bound = " by its lower bound" if each.check.block.table.get("gate") == "bound" else ""
    said = f"{each.met}: {wanted}{bound}" if each.met != "unscored" else "unscored"
    if each.met == "not met" and not each.fails:
        said += " (a warning)"
    return said if each.settled or not each.scored else f"{said}, but not settled"


def faults_of(one: CheckedAnswer) -> str:
    """Why an answer does not hold, or could not be told, on one line."""
    match one.verdict:
        case DoesNot(faults):
            said = "; ".join(f"{fault.expected}: got {fault.got}" for fault in faults)
        case Unscored(why):
            said = why
        case Holds():
            said = ""
    return on_one_line(said)


def checks_json(checked: Checked, status: int) -> dict[str, Any]:
    """All of it; the same bytes for the same configuration and state."""
    return {
        "format": "1.0",
        "status": status,
        "cause": cause(checked) if status else None,
        "checks": [check_json(each) for each in checked.checks],
        "comparisons": [comparison_json(each) for each in checked.comparisons],
        "outdated": list(checked.outdated),
    }


def cause(checked: Checked) -> str:
    """Why the exit status is 3."""
    return f"not met: {', '.join(f'{block.kind}.{block.name}' for block in checked.failing)}"


def check_event(each: CheckOutcome) -> dict[str, Any]:
    """One check as an event of an apply, without each answer: `runner check --json` has them."""
    told = check_json(each)
    for name in ("answers", "missing", "where", "tags", "description"):
        del told[name]
    return {"type": "check", **told, "missing": len(each.missing), "message": _message(each)}


def _message(each: CheckOutcome) -> str:
    return f"{each.check.address}: {figures(each)}; {met(each)}"


def check_json(each: CheckOutcome) -> dict[str, Any]:
    """One check, with what was found about each answer."""
    table, where = each.check.block.table, each.check.block.where()
    interval = each.interval if each.scored else None
    return {
        "address": each.check.address,
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


def _percents(interval: Interval) -> str:
    """From and to, with as many digits as tell one from the other."""
    low, high = 100 * interval.low, 100 * interval.high
    digits = 0 if round(low) != round(high) else 1
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _met(each: CheckOutcome, style: Style) -> str:
    colour = {"met": "green", "unscored": "yellow"}.get(each.met, "red" if each.fails else "yellow")
    word, colon, rest = met(each).partition(":")
    return f"{style(word, colour)}{colon}{rest}"


def _details(each: CheckOutcome) -> Iterator[str]:
    for word, found in (("does not hold", each.failed), ("unscored", each.unscored)):
        wide = max((len(one.address) for one in found[:_SHOWN]), default=0)
        for one in found[:_SHOWN]:
            yield f"{word}: {one.address:<{wide}}  {faults_of(one)}"
        if len(found) > _SHOWN:
            yield f"{word}: {len(found) - _SHOWN} more (--json has them all)"
    if each.missing:
        more = f" and {len(each.missing) - _SHOWN} more" if len(each.missing) > _SHOWN else ""
        yield f"no answer yet: {', '.join(each.missing[:_SHOWN])}{more}"
    if not each.answers and not each.missing:
        yield "no answer is meant: does `of` choose any?"
