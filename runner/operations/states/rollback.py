"""Earlier answers in the place of those of now: a plan, and what it says done. Nothing is sent."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from runner.core.address import in_order, is_data
from runner.core.modules.module import declared_at
from runner.core.modules.moves import declared_moves, move_records
from runner.core.plan.removals import protected
from runner.core.state.records import Record
from runner.core.viewing.changes import AnswerChange, change_at
from runner.errors import Problem, RunnerError, error
from runner.io import files
from runner.io.git.repository import Repository
from runner.operations.applying.finish import Finished, refresh_outputs
from runner.operations.caches.keeping import KeptAnswers, keep_answers
from runner.operations.reading.load import reload_state
from runner.operations.reading.loaded import Loaded
from runner.operations.recorded.records import selected
from runner.operations.recorded.revisions import StateAt, StateSource, history_of, state_at
from runner.operations.states.asked_records import asked_records

RollbackWord = Literal["restore", "cache", "leave"]


@dataclass(frozen=True, slots=True)
class RollbackStep:
    """What happens to an earlier answer: it becomes the record; or the cache gets it, because the
    configuration asks for something else; or nothing, because another address has it. `earlier`
    is the record as it will be, or was; `now` the one that stands there.
    """

    word: RollbackWord
    earlier: Record
    now: Record | None
    because: str = ""

    @property
    def address(self) -> str:
        """Where."""
        return self.earlier.address

    @property
    def change(self) -> AnswerChange | None:
        """What is another then than it is now."""
        return change_at(self.address, self.now, self.earlier)


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """What a rollback does. `unchanged` answers are as they were; `differing` are the files of the
    configuration that are not as they were then.
    """

    source: StateAt
    steps: tuple[RollbackStep, ...]
    records: Mapping[str, Record]
    unchanged: int
    differing: tuple[str, ...]

    def of(self, word: RollbackWord) -> list[RollbackStep]:
        """The steps of one kind."""
        return [step for step in self.steps if step.word == word]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.of("restore") and not self.of("cache")


@contextmanager
def held_rollback(
    project: Loaded, patterns: Sequence[str], source: StateSource
) -> Iterator[RollbackPlan]:
    """The plan for the state as it is now, which nobody else writes for as long as this lasts; of
    all addresses, or of those that are named. RunnerError where there is no earlier answer.
    """
    early = _planned(project, patterns, source)  # a mistake in a name makes no folder
    with project.store.lock("runner rollback", project.settings.lock_timeout):
        yield _planned(project, patterns, source) if reload_state(project) else early


def roll_back(project: Loaded, plan: RollbackPlan) -> tuple[KeptAnswers, Finished | None]:
    """Do what the plan says: what is replaced, and what is not asked for now, is in the cache on
    the disk before the state is written. With no record changed, nothing else is written.
    """
    restored = plan.of("restore")
    kept = keep_answers(
        project.store,
        project.owner,
        found=[step.earlier for step in plan.of("cache")],
        replaced=[step.now for step in restored if step.now is not None],
    )
    if not restored:
        return kept, None
    records = {**plan.records, **{step.address: step.earlier for step in restored}}
    project.state = project.store.write(replace(project.state, records=records))
    return kept, refresh_outputs(project)


def _planned(project: Loaded, patterns: Sequence[str], source: StateSource) -> RollbackPlan:
    found = state_at(project.options.place, source)
    if found.missing is not None:
        raise error("No state", found.missing)
    now, _ = project.moved()
    earlier = _named(project, found, patterns)
    wanted = {address: one for address, one in earlier.items() if one != now.get(address)}
    told = asked_records(project, now, wanted)
    taken = {_number(one): address for address, one in now.items() if address not in told.asked}
    steps: list[RollbackStep] = []
    for address, record in wanted.items():
        asked, was = told.asked.get(address), now.get(address)
        if asked is None:
            steps.append(RollbackStep("cache", record, was, told.others[address]))
        elif _number(asked) in taken:
            other = f"its answer is that of {taken[_number(asked)]} now"
            steps.append(RollbackStep("leave", record, was, other))
        elif asked != was:
            steps.append(RollbackStep("restore", asked, was))
    _refuse_protected(project, steps)
    differing = _differing(project, found) if any(one.word == "cache" for one in steps) else ()
    return RollbackPlan(found, tuple(steps), now, len(earlier) - len(steps), differing)


def _named(project: Loaded, found: StateAt, patterns: Sequence[str]) -> dict[str, Record]:
    """The earlier answers that are meant, under the addresses that they have today."""
    moves = declared_moves(project.root, found.state.records)
    records, _ = move_records(found.state.records, moves)
    answers = {address: one for address, one in records.items() if not is_data(address)}
    if not patterns:
        return {address: answers[address] for address in in_order(answers)}
    try:
        chosen = selected(replace(found.state, records=answers), patterns)
    except RunnerError as exc:
        said = (replace(one, detail=f"In {found.name}: {one.detail}") for one in exc.problems)
        raise RunnerError(*said) from exc
    return {address: answers[address] for address in chosen}


def _number(record: Record) -> tuple[str, int]:
    return record.fingerprint, record.sample


def _refuse_protected(project: Loaded, steps: Sequence[RollbackStep]) -> None:
    problems: list[Problem] = []
    for step in steps:
        if step.word == "restore" and step.now is not None:
            declared = declared_at(project.root, step.address)
            problems += protected(declared, step.address, "roll back")
    if problems:
        raise RunnerError(*problems)


def _differing(project: Loaded, found: StateAt) -> tuple[str, ...]:
    """The files of the root module that are not as they were in the commit, as the current folder
    calls them.
    """
    if found.commit is None:
        return ()
    repository = history_of(project.options.place).repository
    folder = repository.path_of(project.folders.config)
    if folder is None:
        return ()
    tree = repository.tree(found.commit, folder)
    held = zip(tree, repository.blobs(tree.values()), strict=True)
    changed = (repository.top / path for path, (_, data) in held if _now(repository, path) != data)
    return tuple(Path(os.path.relpath(path)).as_posix() for path in changed)


def _now(repository: Repository, path: str) -> bytes | None:
    return files.read(repository.top / path)
