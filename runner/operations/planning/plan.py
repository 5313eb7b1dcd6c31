"""A plan from what was read: shared by plan, apply, destroy and saved plans."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, structs

from runner.core.api.answer import warning
from runner.core.expansion.outputs import FileChange
from runner.core.plan.actions import (
    Absent,
    Await,
    Issue,
    Keep,
    Read,
    Reuse,
    Update,
)
from runner.core.plan.estimate import Estimate
from runner.core.plan.plan import Inputs, PlannedSteps, destroy_plan, make_plan
from runner.core.plan.reports import Reports
from runner.core.plan.targets import Choice
from runner.core.plan.verdicts import Verdicts, count_verdicts, own_judges
from runner.core.plan.words import in_batches, summary
from runner.core.request.server_store import stored_id
from runner.core.state.line import is_complete
from runner.core.state.records import Record
from runner.core.state.sent_batches import SentBatch
from runner.operations.batches.under_way import planned_batches, under_way
from runner.operations.caches.answers import answers_of
from runner.operations.caches.sharing import shared_answers, tell_of_sweep
from runner.operations.outputs.output_files import file_changes
from runner.operations.planning.output_changes import output_changes, outputs_after
from runner.operations.planning.unknown_addresses import refuse_unknown
from runner.operations.planning.weighing import Scales
from runner.operations.reading.loaded import Loaded


class Planned(Struct, frozen=True):
    """A plan, what it was made from, its estimate, and the declared outputs and the files of
    outputs that it changes; `verdicts` is what of it is about those of judges. `batches` are those
    that some of its requests are under way in, by address.
    """

    plan: PlannedSteps
    inputs: Inputs
    estimate: Estimate
    outputs: Mapping[str, tuple[Any, Any]]
    files: tuple[FileChange, ...]
    choice: Choice
    verdicts: Verdicts
    batches: Mapping[str, SentBatch] = {}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do, and nothing to write."""
        return self.plan.empty and not self.outputs and not self.files

    @property
    def summary(self) -> str:
        """In one line."""
        files = sum(file.action != "undecided" for file in self.files)
        if self.plan.empty and not files:
            return "No changes."
        return summary(self.plan, self.estimate, files, self.under_way)

    @property
    def under_way(self) -> str:
        """How many of its requests are in batches by now, in words."""
        return in_batches(sent.batch for sent in self.batches.values())


def planned(
    project: Loaded,
    *,
    reads: Mapping[str, Record] | None = None,
    choice: Choice | None = None,
    answers: bool = True,
) -> Planned:
    """The plan for the project as it was read. `reads` are data sources read in this run; without
    `answers`, what the cache holds is not looked at.
    """
    wanted = choice or project.options.choice
    records, moves = project.moved()
    scales = Scales(project, Reports(records.values()))

    is_shared = answers and project.shares and not wanted.destroy
    shared = shared_answers(project) if is_shared else None
    with answers_of(project.store, project.owner, shared) as cached:
        held = None if project.settings.offline else (reads or {})
        sweep = cached.sweep if shared is not None and shared.reads else None
        lookup = cached if answers else lambda *_: None
        inputs = project.inputs(lookup, records, wanted, held, sweep)
        brought = tuple((name, stored_id(made)) for name, made in project.imported.items())
        inputs = structs.replace(inputs, weigh=scales, moves=moves, imports=brought)
        plan = destroy_plan(inputs) if wanted.destroy else make_plan(inputs)
        tell_of_sweep(project, cached)
    named = ("--target", wanted.targets), ("--exclude", wanted.excludes)
    refuse_unknown((*named, ("--replace", wanted.replaces)), plan, records)
    scales.weigh_later(plan)
    count_verdicts(plan, scales.verdicts)
    said = [*scales.warnings(), *plan.known.session.warnings.values(), *own_judges(plan)]
    project.warnings.extend(each for each in said if each not in project.warnings)
    found = {} if wanted.destroy else outputs_after(plan)
    changed = output_changes(project, plan, wanted, found)
    written = file_changes(project, found, decided=plan.empty)
    known = planned_batches(plan, under_way(project))
    return Planned(plan, inputs, scales.estimate, changed, written, wanted, scales.verdicts, known)


def unfinished_answers(plan: PlannedSteps) -> dict[str, str]:
    """The recorded answers that are used and are not all there, and why."""
    found: dict[str, str] = {}
    for address, made in plan.decisions.items():
        match made:
            case Issue() | Await() | Absent() | Read():
                pass
            case Keep(record) | Update(record) | Reuse(record):
                said = _unfinished(record)
                if said is not None:
                    found[address] = said
    return found


def _unfinished(record: Record) -> str | None:
    if is_complete(record) or record.status != "incomplete":
        return None
    return warning(record.response, mended=record.mended)
