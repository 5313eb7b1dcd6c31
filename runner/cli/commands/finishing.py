"""The end of an apply: state, outputs and report, whatever happened before."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from runner.cli.arguments import INTERRUPTED
from runner.cli.commands.evaluating import recorded_session
from runner.cli.commands.planning import Planned
from runner.cli.commands.spending import cost_of
from runner.cli.commands.world import Project, tell_warnings
from runner.cli.streams import put
from runner.cli.views.problems import report
from runner.cli.views.report import Spent, apply_text, problems_of
from runner.cli.views.style import style
from runner.core.answer import usage_of
from runner.core.expand import Session
from runner.core.outputs import Output, learn, outputs, shown
from runner.core.state import Record
from runner.errors import Problem, RunnerError
from runner.shell import files
from runner.shell.doors import Outcome
from runner.shell.store import OUTPUTS


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
    written = _write_state(project, records, problems)
    if not made.choice.destroy:
        session = outcome.session if outcome is not None else made.plan.walk.session
        found = _outputs(session, records, problems)
    else:  # what is left may well be too little for an output, and that is no mistake then
        found = _outputs(recorded_session(project), records, []) if records else {}
    if written:
        _write_outputs(project, found, problems)
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
    _write_outputs(project, found, problems)
    return problems


def spent(outcome: Outcome) -> Spent:
    """What the answers of a run used and cost."""
    total = Spent()
    for record in outcome.issued.values():
        used = usage_of(record.response)
        cost = cost_of(record, used)
        total = total.plus(used, cost, free=record.identity.startswith("embedded"))
    return total


def _write_state(project: Project, records: Mapping[str, Record], problems: list[Problem]) -> bool:
    """Whether the state holds these records now; what stands beside it says what it says."""
    state = project.state
    if records is state.records or (not records and not state.serial):
        return True
    try:
        project.state = project.store.write(replace(state, records=dict(records)))
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
        for output in found.values():
            if output.file is not None and output.known:
                _write_file(project, output)
    except RunnerError as exc:
        problems.extend(exc.problems)


def _stale(project: Project, found: Mapping[str, Output]) -> Iterator[Problem]:
    """Files of outputs that have no value any more; what an earlier apply wrote stays in them."""
    for output in found.values():
        if output.rejected and output.file is not None:
            path = project.folders.path(".", output.file)
            if files.identity(path) is not None:
                said = (
                    f"{output.file} stays as it was: output.{output.name} has no value, because "
                    f"the answer of {output.rejected[0]} was not accepted."
                )
                yield Problem("Output file is stale", said, None, "warning")


def _write_junit(outcome: Outcome, path: Path, problems: list[Problem]) -> None:
    from runner.cli.views.junit import junit  # noqa: PLC0415  # asked for by a flag

    try:
        files.write_atomic(files.followed(path), junit(outcome))
    except RunnerError as exc:
        problems.extend(exc.problems)


def _write_file(project: Project, output: Output) -> None:
    assert output.file is not None  # noqa: S101  # the caller looked
    target = project.folders.path(".", output.file)
    value = output.value
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2)
    data = text.encode() if isinstance(text, str) else text + b"\n"
    if files.read(target) != data:
        files.make_directory(target.parent)
        files.write_atomic(target, data)


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
