"""Whether models still answer as they did: for people, and as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from runner.cli.streams import harmless
from runner.cli.views.style import Style
from runner.core.address import blocks_of
from runner.core.drift.findings import ModelDrift, WhyUntested
from runner.core.drift.movement import Movement
from runner.core.drift.paired import PairedCheck
from runner.core.drift.served import AskedOf, ServedBy, model_asked
from runner.core.plan.estimate import dollars
from runner.errors import counted
from runner.operations.drift.ask import AskedAgain
from runner.operations.drift.findings import DriftFound
from runner.operations.drift.plan import PlannedDrift, WhyPassedOver

_SHOWN = 3  # models that say they answered
_PASSED_OVER: dict[WhyPassedOver, str] = {
    "not up to date": "not up to date (`runner plan` says why)",
    "stored": "of a kind that its server would store",
    "nothing to compare": "that may have been chosen, and that no check looks at",
}
_UNTESTED: dict[WhyUntested, str] = {
    "postcondition": "kept because a postcondition holds",
    "asked again": "to requests that were answered otherwise before",
    "no answer": "without all new answers",
    "not its schema": "with a new one that does not fit its schema",
}


def drift_plan_text(planned: PlannedDrift, style: Style) -> str:
    """What would be sent, and what it costs."""
    total, some = len(planned.askable), len(planned.sampled)
    begin = f"{style('Drift:', 'bold')} {some:,} of {counted(total, 'completion')} asked"
    lines = [f"{begin} {_times(planned.repeat)} again, chosen by the seed {planned.seed}", ""]
    of, chosen = _strata(planned, planned.askable), _strata(planned, planned.sampled)
    rows = [(key[0], f"{chosen[key]} of {of[key]}", _name(key[1])) for key in sorted(of)]
    wide, middle = (max((len(row[at]) for row in rows), default=0) for at in (0, 1))
    lines += [f"  {block:<{wide}}  {many:>{middle}}  {model}" for block, many, model in rows]
    lines += ["", *_passed_over(planned)]
    held = f", {len(planned.held)} at hand from an earlier run" if planned.held else ""
    sent = counted(len(planned.plan.steps), "request")
    lines.append(f"{sent} to send{held}. Estimated: {planned.estimate.text()}.")
    return harmless("\n".join(lines) + "\n")


def drift_text(planned: PlannedDrift, asked: AskedAgain, found: DriftFound, style: Style) -> str:
    """A paragraph for each model."""
    wide = max((len(_name(one.asked)) for one in found.models), default=0)
    lines: list[str] = []
    for one in found.models:
        said = [*_of_model(one, planned, style)]
        lines += [
            f"{_name(one.asked) if not at else '':<{wide}}  {line}" for at, line in enumerate(said)
        ]
    if planned.sampled:
        lines += ["", *_ends(planned, asked, found)]
    else:
        lines += ["", *_passed_over(planned), *_why_none(planned)]
    return harmless("\n".join(lines) + "\n")


def _why_none(planned: PlannedDrift) -> Iterator[str]:
    if not planned.records:
        yield "There is no answer yet: `runner apply` gets them."
    elif planned.askable:
        yield f"Nothing was asked, and of the seed {planned.seed} nothing is at hand."
    else:
        yield "No answer can be asked for again."


def _of_model(one: ModelDrift, planned: PlannedDrift, style: Style) -> Iterator[str]:
    """What is known of one, in as many lines."""
    if not one.sampled:
        yield f"{counted(one.answers, 'answer')}, none asked again"
        yield f"served: {_served(one.served, since=True)}"
        return
    cost = f", {dollars(one.cost)}" if one.cost else ""
    yield (
        f"{one.sampled:,} of {counted(one.total, 'completion')} asked "
        f"{_times(planned.repeat)} again{cost}"
    )
    yield f"served: {_admitted(one, style)}"
    if one.movement is not None:
        yield from _moved(one.movement, one, style)
    if one.untested:
        yield f"not compared by words: {_counts(one.untested, _UNTESTED)}"
    if one.checks:
        yield f"checks: {', '.join(_check(check, style) for check in one.checks)}"


def _admitted(one: ModelDrift, style: Style) -> str:
    """Which model says it answers now, and which one did."""
    before = {(each.model, each.fingerprint) for each in one.served}
    now = {(each.model, each.fingerprint) for each in one.now}
    if not one.now or now == before:
        return _served(one.served, since=True)
    said = _served(one.now)
    if not now <= before:
        said = style(said, "yellow")
    return f"{said} (was {_served(one.served, since=True)})"


def _served(found: Sequence[ServedBy], *, since: bool = False) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(_by(one, since=since) for one in found[:_SHOWN]) + more


def _by(one: ServedBy, *, since: bool) -> str:
    name = one.model or "a model that it does not name"
    mark = f" {one.fingerprint}" if one.fingerprint else ""
    if not since:
        return f"{name}{mark}"
    return f"{name}{mark} for {counted(one.answers, 'answer')} since {one.first[:10]}"


def _moved(found: Movement, one: ModelDrift, style: Style) -> Iterator[str]:
    same = f"{found.identical} of {found.requests} identical"
    if found.visible is None:
        yield f"{same}: nothing has moved"
        return
    said = (
        f"{same}; words moved {_percent(found.recorded)} against {_percent(found.new)} between "
        "the new ones"
    )
    if not found.could_show:
        yield said
        yield f"so few show nothing, however far they moved: {counted(found.requests, 'answer')}"
    elif one.has_moved:
        moved = style("the model has moved", "red")
        yield f"{said} ({_p(found.p, one.adjusted)}): {moved}"
    else:
        yield f"{said} ({_p(found.p, one.adjusted)}): not shown"
        least = max(1, round(100 * found.visible))
        yield f"{found.requests} answers that vary as these do show {least} points or more"


def _check(check: PairedCheck, style: Style) -> str:
    name = check.check.partition(".")[2]
    if check.is_score:
        said = f"{name} {check.before:.2f} -> {check.after:.2f}"
    else:
        said = f"{name} {check.before:.0f} -> {check.after:.0f} of {check.pairs}"
    if check.tested < check.pairs:
        said += f", {check.pairs - check.tested} of them not tested"
    if not check.could_show:
        return said
    if check.is_shown:
        return f"{said} ({_p(check.p, check.adjusted)}: {style('shown', 'red')})"
    return f"{said} ({_p(check.p, check.adjusted)}: not shown)"


def _ends(planned: PlannedDrift, asked: AskedAgain, found: DriftFound) -> Iterator[str]:
    yield from _passed_over(planned)
    if found.judged:
        yield f"Not compared, since a judge would have to be asked: {', '.join(found.judged)}."
    wanted = len(planned.sampled) * planned.repeat
    missing = wanted - len(asked.answers)
    if missing:
        yield (
            f"{counted(missing, 'new answer')} of {wanted} did not come; "
            f"`runner drift --seed {planned.seed}` asks for no other."
        )
    yield f"{'Drift is shown' if found.is_shown else 'No drift is shown'} (seed {planned.seed})."


def _passed_over(planned: PlannedDrift) -> Iterator[str]:
    if planned.passed_over:
        yield f"Left out: {_counts(planned.passed_over, _PASSED_OVER)}."


def _counts(found: Any, words: Any) -> str:
    return ", ".join(f"{found[why]:,} {words[why]}" for why in words if found.get(why))


def _strata(planned: PlannedDrift, addresses: Any) -> Counter[tuple[str, AskedOf]]:
    return Counter(
        (_block(address), model_asked(planned.askable[address].record)) for address in addresses
    )


def _block(address: str) -> str:
    return ".".join(f"{kind}.{name}" for kind, name in blocks_of(address))


def _name(asked: AskedOf) -> str:
    """The model, and whose it is where that is not said by itself."""
    if not asked.model:
        return asked.provider
    return asked.model if asked.provider == "openai" else f"{asked.provider} {asked.model}"


def _times(number: int) -> str:
    return "twice" if number == 2 else f"{number} times"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _p(value: float, adjusted: float) -> str:
    said, counts_for = _digits(value), _digits(adjusted)
    return f"p {said}" if said == counts_for else f"p {said}, {counts_for} beside the other tests"


def _digits(value: float) -> str:
    if value < 0.001:
        return "< 0.001"
    return f"= {value:.2f}" if value >= 0.095 else f"= {value:.3f}"


def drift_json(
    planned: PlannedDrift, asked: AskedAgain, found: DriftFound, status: int
) -> dict[str, Any]:
    """All of it, as `runner/schemas/drift.schema.json` says."""
    return {
        "format": "1.0",
        "status": status,
        "shown": found.is_shown,
        "seed": planned.seed,
        "repeat": planned.repeat,
        "sampled": list(planned.sampled),
        "sent": len(asked.sent),
        "at_hand": len(planned.held),
        "cost": round(asked.spent.cost, 9) if asked.spent.priced else None,
        "left_out": {why: planned.passed_over.get(why, 0) for why in _PASSED_OVER},
        "judged": list(found.judged),
        "models": [_model_json(one) for one in found.models],
    }


def _model_json(one: ModelDrift) -> dict[str, Any]:
    return {
        "provider": one.asked.provider,
        "model": one.asked.model or None,
        "answers": one.answers,
        "served": [_served_json(each) for each in one.served],
        "total": one.total,
        "sampled": one.sampled,
        "now": [_served_json(each) for each in one.now],
        "moved": _movement_json(one),
        "untested": {why: one.untested.get(why, 0) for why in _UNTESTED},
        "checks": [_check_json(each) for each in one.checks],
    }


def _served_json(one: ServedBy) -> dict[str, Any]:
    return {
        "model": one.model or None,
        "system_fingerprint": one.fingerprint,
        "answers": one.answers,
        "first": one.first,
        "last": one.last,
    }


def _movement_json(one: ModelDrift) -> dict[str, Any] | None:
    found = one.movement
    if found is None:
        return None
    return {
        "shown": one.has_moved,
        "requests": found.requests,
        "identical": found.identical,
        "recorded": round(found.recorded, 9),
        "new": round(found.new, 9),
        "p": float(f"{found.p:.4g}"),
        "p_adjusted": float(f"{one.adjusted:.4g}"),
        "visible": None if found.visible is None else round(found.visible, 9),
    }


def _check_json(check: PairedCheck) -> dict[str, Any]:
    return {
        "address": check.check,
        "kind": "mean" if check.is_score else "share",
        "shown": check.is_shown,
        "pairs": check.pairs,
        "tested": check.tested,
        "differ": check.differ,
        "before": round(check.before, 9),
        "after": round(check.after, 9),
        "p": float(f"{check.p:.4g}"),
        "p_adjusted": float(f"{check.adjusted:.4g}"),
    }
