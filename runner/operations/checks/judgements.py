"""What today's checks say of any answers, be they recorded now or not."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress

from runner.core.address import is_verdict, selects
from runner.core.api.answer import answer_in
from runner.core.checks.outcomes import CheckedAnswer
from runner.core.checks.verdicts import Standing
from runner.core.modules.module import DeclaredCheck
from runner.core.plan.known import request_of
from runner.core.plan.walk import Walk
from runner.core.state.records import Record
from runner.core.values import NotKnown
from runner.errors import RunnerError
from runner.operations.checks.answered import AnsweredInstances
from runner.operations.checks.looking import (
    admit_programs,
    found_by_check,
    surroundings,
    verdict_facts,
)
from runner.operations.outputs.evaluate import recorded_walk
from runner.operations.reading.loaded import Loaded

Judgement = tuple[DeclaredCheck, CheckedAnswer]
"""What one check says of one answer."""

Standings = Callable[[Sequence[Record], Iterable[Record]], list[Standing]]
Judgements = Callable[[Sequence[Record], Iterable[Record]], list[list[Judgement]]]
"""What is said of each of some answers, where these verdicts are known beside those of now."""


def standings(project: Loaded) -> Standings:
    """What today's checks say of answers, as `judgements` has it, each in figures."""
    judged = judgements(project)

    def of(records: Sequence[Record], verdicts: Iterable[Record]) -> list[Standing]:
        return [_standing(found) for found in judged(records, verdicts)]

    return of


def _standing(found: Iterable[Judgement]) -> Standing:
    standing = Standing()
    for _, one in found:
        standing = standing.plus(one.verdict)
    return standing


def judgements(project: Loaded) -> Judgements:
    """What each of today's checks says of answers, be they recorded now or not; the configuration
    is walked once. Nothing is told of an address that there is no more, nor of an answer that was
    not accepted. A judge's verdict counts on the very answer that it is about: one that is recorded
    now, else the first of those that were handed so far.
    """
    declared = [*project.root.checks.values()]
    closed = admit_programs(project, declared, asks=False)
    held = project.moved()[0]
    walk = recorded_walk(project, held)
    around = surroundings(project, walk, closed)
    answers = AnsweredInstances(walk, held, ())
    judges = any(check.judge is not None for check in declared)
    verdicts = _Verdicts(project, walk, held if judges else {})

    def of(records: Sequence[Record], given: Iterable[Record]) -> list[list[Judgement]]:
        found: list[list[Judgement]] = [[] for _ in records]
        if judges:
            verdicts.add(given)
        for check in declared:
            meant = [
                (at, record)
                for at, record in enumerate(records)
                if not record.rejected
                and record.address in answers.instances
                and any(selects(one, record.address) for one in check.of)
            ]
            for some in [meant] if check.judge is None else _each_once(meant):
                pairs = [(answers.instances[record.address], record) for _, record in some]
                with nullcontext(answers) if check.judge is None else verdicts.about(some) as seen:
                    said = [*found_by_check(project, check, pairs, seen, around)]
                for named, each in said:
                    for (at, _), one in zip(some, each, strict=True):
                        found[at].append((named, one))
        return found

    return of


_Placed = tuple[int, Record]


def _each_once(records: Iterable[_Placed]) -> list[list[_Placed]]:
    """The same in groups that have each address once, as a state has it."""
    groups: list[list[_Placed]] = []
    taken: Counter[str] = Counter()
    for at, record in records:
        if taken[record.address] == len(groups):
            groups.append([])
        groups[taken[record.address]].append((at, record))
        taken[record.address] += 1
    return groups


class _Verdicts:
    """Verdicts by what they were asked for; of the same request that which was added first."""

    def __init__(self, project: Loaded, walk: Walk, now: Mapping[str, Record]) -> None:
        self._project, self._walk, self._now = project, walk, now
        self._held: dict[tuple[str, str], Record] = {}
        self.add(now.values())

    def add(self, records: Iterable[Record]) -> None:
        """Those of some records that are verdicts."""
        for record in records:
            if is_verdict(record.address):
                self._held.setdefault((record.address, record.fingerprint), record)

    @contextmanager
    def about(self, answered: Sequence[_Placed]) -> Iterator[AnsweredInstances]:
        """Some answers, and what judges said of them, as if all of that were recorded now."""
        session = self._walk.session
        now = {**session.answers}
        try:
            for _, record in answered:
                session.answers[record.address] = answer_in(record)
            then = {record.address: record for _, record in answered}
            yield AnsweredInstances(self._walk, then | self._of(then), ())
        finally:
            session.answers.clear()
            session.answers.update(now)

    def _of(self, answers: Mapping[str, Record]) -> dict[str, Record]:
        """The verdicts on answers; where there is none that of now, which says why it is none."""
        records = {**self._now, **answers}
        known = verdict_facts(self._project, AnsweredInstances(self._walk, records, ()))
        found: dict[str, Record] = {}
        for vertex in self._walk.vertices.values():
            instance = vertex.instance
            judged = None if instance is None else instance.judged
            if instance is None or judged is None or judged.address not in answers:
                continue
            with suppress(NotKnown, RunnerError):  # whoever looks at the verdict is told why
                asked = instance.address, request_of(instance, known).fingerprint
                said = self._held.get(asked, self._now.get(instance.address))
                if said is not None:
                    found[instance.address] = said
        return found
