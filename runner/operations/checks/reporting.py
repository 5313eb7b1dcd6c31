"""What a review is told of a project: nothing is sent, nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from msgspec import structs

from runner.core.address import is_verdict, selects
from runner.core.checks.changes import Checked
from runner.core.state.records import Record
from runner.core.viewing.changes import AnswerChange, changes
from runner.core.viewing.report import (
    NextApply,
    Report,
    Since,
    answer_totals,
    most_important_first,
    spent_on,
)
from runner.io.git.repository import Repository
from runner.operations.checks.checking import ChosenChecks, check_answers, check_both, is_check
from runner.operations.options import ProjectPlace
from runner.operations.planning.plan import Planned
from runner.operations.reading.loaded import Loaded
from runner.operations.recorded.records import selected
from runner.operations.recorded.revisions import StateAt
from runner.operations.spending import costs


def report_of(
    project: Loaded, made: Planned, names: Sequence[str], earlier: StateAt | None
) -> Report:
    """The report on the answers and checks that are named, or on all; `made` is the plan of now,
    `earlier` what they are compared with.
    """
    chosen = ChosenChecks(tuple(names), outdated=True, asks=False)
    records, _ = project.moved()
    patterns = [name for name in names if not is_check(name)]
    price = costs(project.prices)
    checked = _checked(project, chosen, earlier)
    if patterns and not checked.outcomes:  # else the checks have looked for them
        old = {} if earlier is None else earlier.state.records
        selected(replace(project.state, records={**old, **records}), patterns)
    return Report(
        report_name(project),
        answer_totals(records_meant(records, patterns).values(), price),
        checked,
        NextApply(made.summary, not made.empty),
        None if earlier is None else _since(project, earlier, patterns, checked),
    )


def report_name(project: Loaded) -> str:
    """Where the project is in its repository, the folder of its state where that is not the usual
    one, and the workspace: one name for each report that a pull request may have.
    """
    around = Repository.around(project.folders.project)
    folder = PurePosixPath(around.prefix if around is not None else ".")
    state = project.options.place.state
    if state != ProjectPlace().state:
        folder /= PurePosixPath(state).name
    return f"{folder}/{project.settings.workspace}"


def _checked(project: Loaded, chosen: ChosenChecks, earlier: StateAt | None) -> Checked:
    if earlier is None:
        return check_answers(project, chosen)
    return check_both(project, chosen, earlier.state.records, earlier.name, "not-met")


def _since(project: Loaded, earlier: StateAt, patterns: Sequence[str], checked: Checked) -> Since:
    price, (records, _) = costs(project.prices), project.moved()
    found = changes(earlier.state, replace(project.state, records=records))
    meant = [each for each in found if _is_meant(each.address, patterns)]
    answers = [_hidden(project, each) for each in meant if not is_verdict(each.address)]
    return Since(
        earlier.name,
        earlier.commit,
        answer_totals(records_meant(earlier.state.records, patterns).values(), price),
        most_important_first(answers, checked),
        spent_on(meant, price),
        len(meant) - len(answers),
    )


def records_meant(records: Mapping[str, Record], patterns: Sequence[str]) -> Mapping[str, Record]:
    """Those that patterns name; all where there is none."""
    return {name: record for name, record in records.items() if _is_meant(name, patterns)}


def _is_meant(address: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(selects(pattern, address) for pattern in patterns)


def masked_record(project: Loaded, record: Record) -> Record:
    """A record without what is sensitive now: it may have been recorded before it was."""
    if not project.secrets.texts:
        return record
    hide = project.secrets.body
    return replace(record, request=hide(record.request), response=hide(record.response))


def _hidden(project: Loaded, change: AnswerChange) -> AnswerChange:
    """A change without what is sensitive now."""
    if not project.secrets.texts:
        return change
    sides = (name for name in change.__struct_fields__ if name != "address")
    return structs.replace(
        change, **{name: masked_record(project, getattr(change, name)) for name in sides}
    )
