"""What today's checks say of any answers, be they recorded now or not."""

from collections.abc import Callable, Iterable, Sequence

from runner.core.address import selects
from runner.core.checks.outcomes import CheckedAnswer
from runner.core.checks.verdicts import Standing
from runner.core.modules.module import DeclaredCheck
from runner.core.state.records import Record
from runner.operations.checks.answered import AnsweredInstances
from runner.operations.checks.looking import admit_programs, found_by_check, surroundings
from runner.operations.outputs.evaluate import recorded_walk
from runner.operations.reading.loaded import Loaded

Judgement = tuple[DeclaredCheck, CheckedAnswer]
"""What one check says of one answer."""


def standings(project: Loaded) -> Callable[[Sequence[Record]], list[Standing]]:
    """What today's checks say of answers, as `judgements` has it, each in figures."""
    judged = judgements(project)

    def of(records: Sequence[Record]) -> list[Standing]:
        return [_standing(found) for found in judged(records)]

    return of


def _standing(found: Iterable[Judgement]) -> Standing:
    standing = Standing()
    for _, one in found:
        standing = standing.plus(one.verdict)
    return standing


def judgements(project: Loaded) -> Callable[[Sequence[Record]], list[list[Judgement]]]:
    """What each of today's checks says of answers, be they recorded now or not; the configuration
    is walked once. Nothing is told of an address that there is no more, nor of an answer that was
    not accepted; a judge's verdict is on the answer of now alone.
    """
    declared = [*project.root.checks.values()]
    closed = admit_programs(project, declared, asks=False)
    held = project.moved()[0]
    walk = recorded_walk(project, held)
    around = surroundings(project, walk, closed)
    answers = AnsweredInstances(walk, held, ())

    def of(records: Sequence[Record]) -> list[list[Judgement]]:
        found: list[list[Judgement]] = [[] for _ in records]
        for check in declared:
            meant = [
                (at, record)
                for at, record in enumerate(records)
                if not record.rejected
                and record.address in answers.instances
                and any(selects(one, record.address) for one in check.of)
                and (check.judge is None or held.get(record.address) == record)
            ]
            pairs = [(answers.instances[record.address], record) for _, record in meant]
            for named, verdicts in found_by_check(project, check, pairs, answers, around):
                for (at, _), one in zip(meant, verdicts, strict=True):
                    found[at].append((named, one))
        return found

    return of
