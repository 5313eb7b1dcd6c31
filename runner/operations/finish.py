"""The end of an apply: state, outputs and report, whatever happened before."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from runner.cli.parser.arguments import INTERRUPTED
from runner.cli.streams import put
from runner.cli.views.problems import report
from runner.cli.views.report import Spent, apply_text, problems_of
from runner.cli.views.style import style
from runner.core.api.usage import usage_of
from runner.core.expansion.outputs import Output, learn, outputs, shown
from runner.core.expansion.session import Session
from runner.core.state.records import Record
from runner.errors import Problem, RunnerError
from runner.io import files
from runner.io.apply.ports import Outcome
from runner.io.state.local import OUTPUTS
from runner.operations import output_files
from runner.operations.evaluate import recorded_session
from runner.operations.output_files import Ready
from runner.operations.plan import Planned
from runner.operations.project import Project, tell_warnings
from runner.operations.spending import cost_of


@dataclass(frozen=True, slots=True)
class Finished:
    """How an apply ended."""

    status: int
    outputs: Mapping[str, Output]


def finish(
    project: Project,
    made: Planned,
    outcome: Outcome | None,
    arguments: argparse.Namespace,
) -> Finished:
    """Write state and outputs, tell what happened, and say with which status to leave."""
    records = outcome.records if outcome is not None else _as_read(made)
    problems: list[Problem] = []
    if outcome is not None and outcome.unsaved is not None:
        _unsaved(outcome.unsaved, problems)
    destroys = made.choice.destroy
    session = outcome.session if outcome is not None else made.plan.walk.session
    found = {} if destroys else _outputs(session, records, problems)
    written = output_files.ready(project, found, problems)
    if _write_state(project, records, written, problems):
        if destroys and records:  # what is left may be too little for an output: no mistake then
            found = _outputs(recorded_session(project), records, [])
        _write_outputs(project, found, problems)
        _write_files(project, written, problems)
        problems.extend(_stale(project, found))
    if getattr(arguments, "junit", None) and outcome is not None:
        _write_junit(outcome, Path(arguments.junit), problems)
    _tell(project, outcome, found, problems, arguments)
    if outcome is not None and outcome.interrupted:
        return Finished(INTERRUPTED, found)
    failed = outcome is not None and (outcome.failed or outcome.stopped)
    broken = any(problem.severity == "error" for problem in problems)
    return Finished(1 if failed or broken else 0, found)


def _as_read(made: Planned) -> Mapping[str, Record]:
    """The records of a plan with nothing to do: data sources may say something new."""
    reads = made.plan.known.reads
    return {**made.inputs.records, **reads} if reads else made.inputs.records


def refresh_outputs(project: Project) -> list[Problem]:
    """Write the outputs anew from the records, after a change of the state that was no apply."""
    records, _ = project.moved()
    problems: list[Problem] = []
    found = _outputs(recorded_session(project), records, problems)
    written = output_files.ready(project, found, problems)
    if _write_state(project, project.state.records, written, problems):
        _write_outputs(project, found, problems)
        _write_files(project, written, problems)
    return problems


def spent(outcome: Outcome) -> Spent:
    """What the answers of a run used and cost."""
    total = Spent()
    for record in outcome.issued.values():
        used = usage_of(record.response)
        cost = cost_of(record, used)
        total = total.plus(used, cost, free=record.identity.startswith("embedded"))
    return total


def _write_state(
    project: Project,
    records: Mapping[str, Record],
    written: tuple[Ready, ...],
    problems: list[Problem],
) -> bool:
    """Whether the state holds these records now, and what the files of outputs are to hold; what
    stands beside it says what it says.
    """
    state = project.state
    # A state is not written for the digests alone: until then the outputs say what is ours.
    is_as_before = not any(one.differs for one in written) and records == state.records
    if is_as_before or (not records and not state.serial):
        return True
    held = output_files.digests(project, written)
    try:
        project.state = project.store.write(replace(state, records=dict(records), files=held))
    except RunnerError as exc:
        _unsaved(exc, problems)
        return False
    return True


def _unsaved(failed: RunnerError, problems: list[Problem]) -> None:
    """What went wrong is told; what no file could take goes to stdout, the last place left."""
    problems.extend(failed.problems)
    content = getattr(failed, "content", None)
    if content is not None:
        put(content)


def _outputs(
    session: Session, records: Mapping[str, Record], problems: list[Problem]
) -> dict[str, Output]:
    learn(session, records)
    found: list[Problem] = []
    made = outputs(session, records, found)
    problems.extend(found)
    return made


def _write_outputs(project: Project, found: Mapping[str, Output], problems: list[Problem]) -> None:
    path = project.store.directory / OUTPUTS
    held = shown(found)
    data = orjson.dumps(held, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
    try:
        if (held or files.identity(path) is not None) and files.read(path) != data:
            files.write_atomic(path, data)
    except RunnerError as exc:
        problems.extend(exc.problems)


def _write_files(project: Project, written: tuple[Ready, ...], problems: list[Problem]) -> None:
    """What cannot be written is told, and the state does not say that it was."""
    held = dict(project.state.files)
    for one in written:
        problem = output_files.write(project, one)
        if problem is not None:
            problems.append(problem)
            held.pop(one.path, None)
            if one.seen is not None:
                held[one.path] = one.seen
    if project.state.serial and held != project.state.files:
        try:
            project.state = project.store.write(replace(project.state, files=held))
        except RunnerError as exc:
            problems.extend(exc.problems)


def _stale(project: Project, found: Mapping[str, Output]) -> Iterator[Problem]:
    """Files of outputs that have no value any more; what an earlier apply wrote stays in them."""
    for output in found.values():
        if not output.rejected or output.file is None:
            continue
        if files.identity(project.folders.project / output.file) is not None:
            said = (
                f"{output.file} stays as it was: output.{output.name} has no value, because the "
                f"answer of {output.rejected[0]} was not accepted."
            )
            yield Problem("Output file is stale", said, None, "warning")


def _write_junit(outcome: Outcome, path: Path, problems: list[Problem]) -> None:
    from runner.cli.views.junit import junit  # noqa: PLC0415  # asked for by a flag

    try:
        files.write_atomic(files.followed(path), junit(outcome))
    except RunnerError as exc:
        problems.extend(exc.problems)


def _tell(
    project: Project,
    outcome: Outcome | None,
    found: Mapping[str, Output],
    problems: list[Problem],
    arguments: argparse.Namespace,
) -> None:
    as_json = bool(getattr(arguments, "json", False))
    tell_warnings(project)
    if outcome is not None:
        problems = [*problems_of(outcome, project.store.push), *problems]
    if as_json:
        from runner.cli.views.events import apply_end, write  # noqa: PLC0415

        report(problems, as_json=True)
        for event in apply_end(outcome, found, spent(outcome) if outcome else Spent()):
            write(event)
        return
    if problems:
        report(problems)
    if outcome is not None:
        total = spent(outcome)
        sys.stdout.write(apply_text(outcome, total, found, style()))
