"""What a check came to, in the words that each form of it has."""

from collections.abc import Iterator, Sequence

from runner.cli.streams import on_one_line
from runner.core.checks.outcomes import CheckedAnswer, CheckOutcome
from runner.core.checks.statistics.intervals import Interval
from runner.core.checks.verdicts import DoesNot, Holds, Unscored

SHOWN = 5
"""Answers of one kind that are shown to people."""


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


def told_lines(word: str, found: Sequence[CheckedAnswer]) -> Iterator[str]:
    """The first answers of one kind, each with why."""
    wide = max((len(one.address) for one in found[:SHOWN]), default=0)
    for one in found[:SHOWN]:
        yield f"{word}: {one.address:<{wide}}  {faults_of(one)}".rstrip()
    if len(found) > SHOWN:
        yield f"{word}: {len(found) - SHOWN} more (--json has them all)"


def _percents(interval: Interval) -> str:
    """From and to, with as many digits as tell one from the other."""
    low, high = 100 * interval.low, 100 * interval.high
    digits = 0 if round(low) != round(high) else 1
    return f"{low:.{digits}f} to {high:.{digits}f}"
