"""What is planned and done as JSON objects, their shapes in schemas/events.schema.json."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runner import __version__
from runner.core.expansion.outputs import OutputValue
from runner.core.plan.actions import (
    Absent,
    Action,
    Await,
    Instances,
    Issue,
    Keep,
    Read,
    Remove,
    Reuse,
    Update,
)
from runner.core.plan.diff import ABSENT, Change
from runner.core.plan.estimate import Estimate
from runner.core.plan.verdicts import Verdicts
from runner.core.plan.words import announced, counts, request_changes
from runner.core.secrets.secrets import Secrets
from runner.io.apply.ports import Outcome
from runner.operations.applying.ended import Spent, headline
from runner.operations.planning.plan import Planned

EVENTS_FORMAT = "1.0"


def version() -> dict[str, Any]:
    """The first event: what speaks, and in which format."""
    return {"type": "version", "runner": __version__, "format": EVENTS_FORMAT}


def plan_events(made: Planned, secrets: Secrets) -> Iterator[dict[str, Any]]:
    """version, planned_change for each step, change_summary."""
    plan = made.plan
    yield version()
    for change in planned_changes(made, secrets):
        yield {"type": "planned_change", "change": change}
    yield {
        "type": "change_summary",
        "changes": dict(counts(plan)),
        "unchanged": plan.unchanged,
        "outputs": [changed_value(name, old, new) for name, (old, new) in made.outputs.items()],
        "files": [
            {"path": file.path, "output": file.output, "action": file.action} for file in made.files
        ],
        "estimate": _estimate(made.estimate),
        "verdicts": _verdicts(made.verdicts),
        "message": made.summary,
        **_in_batches(sent.batch or sent.key for sent in made.batches.values()),
    }


def _in_batches(names: Iterable[str]) -> dict[str, Any]:
    """How many requests are under way in which batch, where any are."""
    held = dict(Counter(names))
    return {"batches": held} if held else {}


def _verdicts(verdicts: Verdicts) -> dict[str, Any]:
    return {
        "ask": verdicts.ask,
        "perhaps": verdicts.perhaps,
        "late": verdicts.late,
        "cached": verdicts.cached,
        "kept": verdicts.kept,
        "estimate": _estimate(verdicts.estimate),
    }


def planned_changes(made: Planned, secrets: Secrets) -> Iterator[dict[str, Any]]:
    """What has to happen at each address, and which values differ."""
    plan = made.plan
    for each in announced(plan, secrets):
        change: dict[str, Any] = {
            "address": each.address,
            "action": each.word,
            "symbol": each.symbol,
            "reason": each.reason,
        }
        found: list[Change] = []
        if each.step is not None:
            change |= _about(each.step.action)
            found = request_changes(plan, each.step, secrets)
        change["changes"] = [changed_value(one.name, one.old, one.new) for one in found]
        yield change


def _about(action: Action) -> dict[str, Any]:
    """Which request an action is about, or which answer it awaits."""
    match action:
        case Issue(fingerprint, sample):
            return {"fingerprint": fingerprint, "sample": sample}
        case Reuse(record):
            return {"fingerprint": record.fingerprint, "sample": record.sample}
        case Await(on) | Instances(on):
            return {"awaits": on}
        case Update() | Remove() | Read() | Keep() | Absent():
            return {}


def apply_end(
    outcome: Outcome | None,
    outputs: Mapping[str, OutputValue],
    spent: Spent,
    files: int = 0,
    *,
    destroys: bool = False,
) -> Iterator[dict[str, Any]]:
    """change_summary of what was done, then outputs; so many files of outputs were written."""
    if outcome is not None:
        yield {
            "type": "change_summary",
            "changes": outcome.tally,
            "failed": len(outcome.failed),
            "skipped": len(outcome.skipped),
            "stopped": outcome.stopped,
            "maybe_billed": outcome.maybe_billed,
            "usage": {
                "prompt_tokens": spent.prompt_tokens,
                "completion_tokens": spent.completion_tokens,
            },
            "cost": spent.cost if not spent.unpriced else None,
            "message": headline(outcome, spent, files, destroys=destroys),
            **_in_batches(outcome.under_way.values()),
        }
    yield {
        "type": "outputs",
        "outputs": {
            name: {"sensitive": True} if out.sensitive else {"sensitive": False, "value": out.value}
            for name, out in outputs.items()
            if out.known
        },
    }


def changed_value(name: str, old: Any, new: Any) -> dict[str, Any]:
    """One value that differs; what is absent on a side is left out."""
    change: dict[str, Any] = {"path": name}
    if old is not ABSENT:
        change["old"] = old
    if new is not ABSENT:
        change["new"] = new
    return change


def _estimate(estimate: Estimate) -> dict[str, Any]:
    priced = not estimate.unpriced
    return {
        "requests": estimate.requests,
        "tokens": [estimate.tokens_low, estimate.tokens_high],
        "prompt_tokens": [estimate.prompt_low, estimate.prompt_high],
        "rests_on": dict(estimate.rests_on),
        "cost": [estimate.cost_low, estimate.cost_high] if priced else None,
        "unpriced_models": sorted(estimate.unpriced),
        "price_sources": sorted(estimate.sources),
    }
