"""The end of an apply: state and outputs are written, whatever happened before."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from msgspec import Struct, structs

from runner.core.expansion.outputs import OutputValue, learn, outputs
from runner.core.expansion.session import Session
from runner.core.secrets.secrets import Secrets
from runner.core.state.records import Record
from runner.errors import Problem, RunnerError, Where, gathering
from runner.io import files
from runner.io.apply.ports import Outcome
from runner.operations.applying.ended import Spent, problems_of, spent, unjudged
from runner.operations.files.named_file import NamedFile
from runner.operations.options import Options
from runner.operations.outputs import output_files, outputs_json
from runner.operations.outputs.evaluate import recorded_session
from runner.operations.outputs.output_files import Ready
from runner.operations.planning.plan import Planned
from runner.operations.reading.load import load
from runner.operations.reading.loaded import Loaded
from runner.operations.spending import Ledger


class Finished(Struct, frozen=True):
    """How an apply ended. `outcome` is None where there was nothing to carry out; `unsaved` is what
    no file could take, state or records: it is nowhere else. `files` of outputs were written.
    `destroys` says that all was to be removed.
    """

    outcome: Outcome | None
    outputs: Mapping[str, OutputValue]
    problems: tuple[Problem, ...]
    spent: Spent
    unsaved: tuple[bytes, ...] = ()
    files: int = 0
    destroys: bool = False

    @property
    def interrupted(self) -> bool:
        """Whether somebody asked to end it."""
        return self.outcome is not None and self.outcome.interrupted

    @property
    def failed(self) -> bool:
        """Whether anything was not done that was planned, or could not be written."""
        outcome = self.outcome
        undone = outcome is not None and (
            outcome.stopped or outcome.failed.keys() - unjudged(outcome).keys()
        )
        return bool(undone) or any(problem.severity == "error" for problem in self.problems)


class _Told(Struct):
    """What went wrong at the end."""

    problems: list[Problem] = []
    unsaved: list[bytes] = []
    files: int = 0

    def lost(self, failed: RunnerError) -> None:
        """Something could not be written, and maybe nowhere else either."""
        self.problems.extend(failed.problems)
        content = getattr(failed, "content", None)
        if content is not None:
            self.unsaved.append(content)


def finish(
    project: Loaded, made: Planned, outcome: Outcome | None, ledger: Ledger | None = None
) -> Finished:
    """Write state and outputs, and say what happened; None: there was nothing to carry out. What
    was reckoned in the run stands in its ledger.
    """
    records = outcome.records if outcome is not None else _as_read(made)
    told = _Told()
    problems = told.problems
    if outcome is not None and outcome.unsaved is not None:
        told.lost(outcome.unsaved)
    destroys = made.choice.destroy
    session = outcome.session if outcome is not None else made.plan.walk.session
    found = {} if destroys else _outputs(session, records, problems)
    content = outputs_json.outputs_file(found, project.outputs_kept)
    written = output_files.ready(project, found, problems)
    if _write_state(project, records, content, written, told):
        if destroys and records:  # what is left may be too little for an output: no mistake then
            found = _outputs(recorded_session(project), records, [])
            content = outputs_json.outputs_file(found, project.outputs_kept)
        _write_outputs(project, content, problems)
        _write_files(project, written, told)
        problems.extend(_stale(project, found))
    if outcome is None:
        return Finished(None, found, tuple(problems), Spent(), tuple(told.unsaved))
    said = (*problems_of(outcome, project.store.push), *problems)
    paid = spent(outcome, ledger or Ledger(project.prices))
    return Finished(outcome, found, said, paid, tuple(told.unsaved), told.files, destroys)


def reported(finished: Finished, file: NamedFile, report: bytes) -> Finished:
    """With a report of it in a file; what keeps it from being written is a problem like others."""
    try:
        file.write(report)
    except RunnerError as exc:
        return structs.replace(finished, problems=(*finished.problems, *exc.problems))
    return finished


def _as_read(made: Planned) -> Mapping[str, Record]:
    """The records of a plan with nothing to do: data sources may say something new."""
    reads = made.plan.known.reads
    return {**made.inputs.records, **reads} if reads else made.inputs.records


class Refreshed(Struct, frozen=True):
    """The outputs beside a state that was edited. `stale` says why they are not up to date, if they
    are not; `unsaved` is as in Finished.
    """

    stale: Problem | None
    unsaved: tuple[bytes, ...] = ()


def refreshed(options: Options, secrets: Secrets) -> Refreshed:
    """Write the outputs anew, as far as the configuration lets it."""
    unsaved: tuple[bytes, ...] = ()
    try:
        finished = refresh_outputs(load(options, secrets))
        problems, unsaved = finished.problems, finished.unsaved
    except RunnerError as exc:
        problems = exc.problems
    first = next((problem for problem in problems if problem.severity == "error"), None)
    if first is None:
        return Refreshed(None, unsaved)
    said = f"{first.summary}: {first.detail}"
    detail = f"{said}\nThe state was written; the next `runner apply` writes outputs.json."
    return Refreshed(Problem("Outputs are not up to date", detail, first.where, "warning"), unsaved)


def refresh_outputs(project: Loaded, changed: Mapping[str, Record] | None = None) -> Finished:
    """Write the outputs anew from the records, after a change of the state that was no apply; with
    `changed` records the state as well.
    """
    records = project.moved()[0] if changed is None else changed
    told = _Told()
    found = _outputs(recorded_session(project, records), records, told.problems)
    content = outputs_json.outputs_file(found, project.outputs_kept)
    written = output_files.ready(project, found, told.problems)
    held = project.state.records if changed is None else changed
    if _write_state(project, held, content, written, told):
        _write_outputs(project, content, told.problems)
        _write_files(project, written, told)
    return Finished(None, found, tuple(told.problems), Spent(), tuple(told.unsaved))


def _write_state(
    project: Loaded,
    records: Mapping[str, Record],
    content: bytes | None,
    written: tuple[Ready, ...],
    told: _Told,
) -> bool:
    """Whether the state holds these records now, and what the files of outputs are to hold; what
    stands beside it says what it says. One that lives elsewhere has the outputs, too, for projects
    that read it there.
    """
    state = project.state
    kept = outputs_json.as_read(content) if project.store.backend.file is None else None
    # A state is not written for the digests alone: until then the outputs say what is ours.
    is_as_before = not any(one.differs for one in written) and records == state.records
    is_as_before = is_as_before and kept == state.outputs and project.store.is_laid_out
    if is_as_before or (not records and not state.serial and not kept):
        return True
    held = output_files.digests(project, written)
    try:
        new = replace(state, records=dict(records), files=held, outputs=kept)
        project.state = project.store.write(new)
    except RunnerError as exc:
        told.lost(exc)
        return False
    if project.store.has_new_shards:
        told.problems.append(_in_shards(project.store.name))
    return True


def _in_shards(state: str) -> Problem:
    said = (
        f"The records of {state} are in the folder records/ beside it now. Where the state is in "
        "version control, add that folder with it: for whoever has one without the other there is "
        "no state. `runner docs state` says more."
    )
    return Problem("State is in shards from now on", said, Where(state), "warning")


def _outputs(
    session: Session, records: Mapping[str, Record], problems: list[Problem]
) -> dict[str, OutputValue]:
    learn(session, records)
    found: list[Problem] = []
    made = outputs(session, records, found)
    problems.extend(found)
    return made


def _write_outputs(project: Loaded, content: bytes | None, problems: list[Problem]) -> None:
    """That they are left out is said when they are for the first time, to whoever did not."""
    with gathering(problems):
        if outputs_json.write(project.store, content) and project.outputs_kept is None:
            said = (
                "outputs.json would be above 32 MB, and large files are nothing for git. `runner "
                "output` evaluates each output from the state when it is asked for one. If you "
                'read the file: outputs = "file" in [runner.state].'
            )
            problems.append(Problem("Outputs are left out of outputs.json", said, None, "warning"))


def _write_files(project: Loaded, written: tuple[Ready, ...], told: _Told) -> None:
    """What cannot be written is told, and the state does not say that it was."""
    held = dict(project.state.files)
    for one in written:
        problem = output_files.write(project, one)
        if problem is None:
            told.files += one.differs
        else:
            told.problems.append(problem)
            held.pop(one.path, None)
            if one.seen is not None:
                held[one.path] = one.seen
    if project.state.serial and held != project.state.files:
        with gathering(told.problems):
            project.state = project.store.write(replace(project.state, files=held))


def _stale(project: Loaded, found: Mapping[str, OutputValue]) -> Iterator[Problem]:
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
