"""The outputs that a plan changes, or takes away."""

from collections.abc import Mapping
from typing import Any

from runner.core.address import split_key
from runner.core.expansion.outputs import (
    OutputValue,
    declared_outputs,
    outputs,
    shown_outputs,
)
from runner.core.plan.actions import Remove
from runner.core.plan.diff import ABSENT
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.targets import Choice
from runner.errors import Problem, RunnerError
from runner.operations.outputs import outputs_json
from runner.operations.outputs.evaluate import recorded_session
from runner.operations.reading.loaded import Loaded


def outputs_after(plan: PlannedSteps) -> dict[str, OutputValue]:
    """The declared outputs as the plan leaves them; RunnerError for what is wrong in them."""
    problems: list[Problem] = []
    found = declared_outputs(plan.walk.session, problems)
    if problems:
        raise RunnerError(*problems)
    return found


def output_changes(
    project: Loaded, plan: PlannedSteps, wanted: Choice, found: Mapping[str, OutputValue]
) -> dict[str, tuple[Any, Any]]:
    """Of the declared outputs that change, what they are and will be; `found` is what
    `outputs_after` gives.
    """
    written = _written(project)
    if written is None and plan.empty and not plan.known.reads:
        return {}  # what they would be compared with is what they are
    held = _held(project, written)
    return {**_changed(held, found), **_gone(project, plan, wanted, found, held)}


def _gone(
    project: Loaded,
    plan: PlannedSteps,
    wanted: Choice,
    found: Mapping[str, OutputValue],
    held: Mapping[str, Any],
) -> dict[str, tuple[Any, Any]]:
    """The outputs of blocks that outputs.json will not hold any more. That of a completion goes
    with its record, and is not told again.
    """
    if not held:
        return {}
    left: set[str] = set(found)
    if wanted.destroy:
        gone = {step.address for step, _ in plan.of(Remove)}
        kept = {at: record for at, record in project.moved()[0].items() if at not in gone}
        left = set(
            shown_outputs(outputs(recorded_session(project, kept), kept, [])) if kept else ()
        )
    declared = project.root.outputs
    names = [
        name
        for name in sorted(held.keys() - left)
        if name in declared or name not in project.root.completions
    ]
    if not names:  # the usual case: no record is looked at
        return {}
    owned = {split_key(address)[0] for address in {*project.state.records, *project.moved()[0]}}
    return {
        name: (held[name], ABSENT)
        for name in names
        if name in declared or f"completion.{name}" not in owned
    }


def _written(project: Loaded) -> Mapping[str, Any] | None:
    """What outputs.json holds; None where it does not say, or somebody else wrote the state."""
    is_current = outputs_json.is_current(project.store)
    return outputs_json.held(project.store) if is_current else None


def _held(project: Loaded, written: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What is written, or else the declared outputs by what is recorded."""
    if written is not None:
        return written
    if not project.root.outputs:
        return {}
    return shown_outputs(declared_outputs(recorded_session(project), []))


def changed_outputs(
    project: Loaded, found: Mapping[str, OutputValue]
) -> dict[str, tuple[Any, Any]]:
    """The declared outputs whose value is known and is not what it was after the last apply."""
    return _changed(_held(project, _written(project)), found) if found else {}


def _changed(
    held: Mapping[str, Any], found: Mapping[str, OutputValue]
) -> dict[str, tuple[Any, Any]]:
    changed: dict[str, tuple[Any, Any]] = {}
    for name, value in shown_outputs(found).items():
        old = held.get(name, ABSENT)
        if old is ABSENT or old != value:
            changed[name] = (old, value)
    return changed
