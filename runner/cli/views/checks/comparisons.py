"""What comparisons of answers show: for people, and as JSON."""

import math
from collections.abc import Iterator
from typing import Any

from runner.cli.views.style import Style
from runner.core.checks.comparison import Against, Comparison, Difference
from runner.core.plan.estimate import dollars
from runner.errors import counted


def comparison_lines(each: Comparison, style: Style) -> Iterator[str]:
    """A paragraph for each pair of values."""
    if not each.against:
        few = f"fewer than two values of {_by(each)} have answers"
        yield f"{each.address}  nothing to compare: {few}"
    for one in each.against:
        pairs = counted(one.pairs, "pair")
        alone = f", {one.alone} without a counterpart" if one.alone else ""
        yield f"{each.address}  {one.variant} against {one.baseline}, {pairs}{alone}"
        for found in one.differences:
            if found.kind != "amount":
                colour = {"better": "green", "worse": "red"}.get(found.shown, "bold")
                untold = one.pairs - found.pairs if found.pairs else 0
                said = f"; {counted(untold, 'pair')} could not be told" if untold else ""
                yield f"  {found.measure}: {levels(found)}{said}"
                yield f"    {style(conclusion(found), colour)} ({grounds(found)}){_power(found)}"
        if amounts := ", ".join(_amounts(one)):
            yield f"  {amounts}"
    if each.missing and each.met == "met":
        yield f"  {counted(each.missing, 'answer')} missing"
    if each.fails or each.met == "not met":
        yield f"  {style(gate_words(each), 'red' if each.fails else 'yellow')}"


def levels(found: Difference) -> str:
    """Both sides, and how far apart they are."""
    ends = found.interval
    if not found.pairs:
        return "no pair of which both could be told"
    if found.kind == "share":
        between = f"{_points(ends.low)} to {_points(ends.high)}"
        return (
            f"{100 * found.first:.0f} % against {100 * found.second:.0f} %, difference "
            f"{_points(ends.value)} points ({between})"
        )
    between = "unknown" if math.isinf(ends.high) else f"{ends.low:+.2f} to {ends.high:+.2f}"
    sides = f"mean {found.first:.2f} against {found.second:.2f}"
    return f"{sides}, difference {ends.value:+.2f} ({between})"


def gate_words(each: Comparison) -> str:
    """Why a comparison is not met."""
    table = each.block.table
    margin = float(table.get("no_worse_than", 0.0))
    least = f" by more than {100 * margin:g} points" if margin else ""
    if each.missing:
        return f"not met: {counted(each.missing, 'answer')} missing"
    if table.get("gate") == "shown_no_worse":
        points = math.ceil(-100 * min((one.least for one in each.against), default=-1.0))
        return (
            f"not met: not shown to be no worse{least}, only to be no worse by more than {points}"
        )
    return f"not met: shown to be worse{least}, or no pair to show anything"


def comparison_json(each: Comparison) -> dict[str, Any]:
    """One comparison; null where nothing says how far an interval goes."""
    where = each.block.where()
    return {
        "address": each.address,
        "description": each.block.table.get("description"),
        "severity": each.block.table.get("severity", "error"),
        "tags": list(each.block.table.get("tags", ())),
        "by": _by(each),
        "met": each.met,
        "missing": each.missing,
        "against": [_against_json(one) for one in each.against],
        "where": {"file": where.file, "line": where.line},
    }


def comparison_event(each: Comparison) -> dict[str, Any]:
    """One comparison as an event of an apply."""
    told = comparison_json(each)
    for name in ("description", "tags", "where"):
        del told[name]
    return {"type": "comparison", **told}


def _against_json(one: Against) -> dict[str, Any]:
    return {
        "variant": one.variant,
        "baseline": one.baseline,
        "pairs": one.pairs,
        "alone": one.alone,
        "differences": [difference_json(found) for found in one.differences],
    }


def difference_json(found: Difference) -> dict[str, Any]:
    """One measure of two sides."""
    ends = found.interval
    finite = not math.isinf(ends.high)
    return {
        "measure": found.measure,
        "shown": found.shown,
        "pairs": found.pairs,
        "cases": found.cases,
        "variant": round(found.first, 9),
        "baseline": round(found.second, 9),
        "difference": round(ends.value, 9),
        "interval": [round(ends.low, 9), round(ends.high, 9)] if finite else None,
        "test": "mcnemar" if found.exact else "sign_flips",
        "p": float(f"{found.p:.4g}"),
        "p_adjusted": float(f"{found.adjusted:.4g}"),
        "visible": None if found.visible is None else round(found.visible, 9),
    }


def _by(each: Comparison) -> str:
    return str(each.block.table["by"])


def conclusion(found: Difference) -> str:
    """What may be said of it."""
    return (
        f"{found.shown} shown" if found.shown == "no difference" else f"shown to be {found.shown}"
    )


def grounds(found: Difference) -> str:
    """By which test, and how much."""
    test = "exact McNemar" if found.exact else "sign flips"
    said = f"{test} p = {_p(found.p)}"
    if found.adjusted != found.p:
        said += f", {_p(found.adjusted)} beside the other comparisons"
    return said + (f"; {found.lost} worse, {found.gained} better" if found.exact else "")


def _power(found: Difference) -> str:
    """What would have been seen, where nothing was."""
    if found.shown != "no difference":
        return ""
    many = counted(found.cases, "pair" if found.exact else "case")
    if found.visible is None:
        none = found.exact and not (found.gained or found.lost)
        return ". No pair disagrees" if none else f". {many} show no difference, however large"
    size = f"{100 * found.visible:.0f} points" if found.kind == "share" else f"{found.visible:.2f}"
    often = "disagree this often" if found.exact else "vary as these do"
    return f". {many} that {often} show {size} or more"


def _amounts(one: Against) -> Iterator[str]:
    for found in one.differences:
        if found.kind == "amount" and found.pairs and (found.first or found.second):
            name = found.measure.replace("_", " ")
            change = (found.first - found.second) / found.second if found.second else 0.0
            said = f"{name} {round(100 * change) or 0:+d} %"
            shown = "" if found.shown != "no difference" else ", no difference shown"
            sides = f"{_amount(found, found.first)} against {_amount(found, found.second)}"
            yield f"{said} ({sides} an answer{shown})"


def _amount(found: Difference, value: float) -> str:
    if found.measure == "cost":
        return dollars(value)
    said = f"{value:.3g}" if value < 1000 else f"{value:,.0f}"  # what tells two sides apart
    return f"{said} s" if found.measure == "seconds" else said


def _points(share: float) -> str:
    return f"{round(100 * share) or 0:+d}"


def _p(value: float) -> str:
    return f"{value:.2f}" if value >= 0.095 else f"{value:.3f}" if value >= 0.001 else "< 0.001"
