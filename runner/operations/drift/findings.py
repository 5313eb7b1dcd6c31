"""What the new answers come to beside the recorded ones, model by model."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from msgspec import Struct

from runner.core.api.answer import Answer
from runner.core.checks.outcomes import CheckOutcome
from runner.core.drift.distance import meant
from runner.core.drift.findings import ModelDrift, WhyUntested, beside
from runner.core.drift.movement import movement
from runner.core.drift.paired import CheckedPair, PairedCheck, paired_check
from runner.core.drift.served import AskedOf, model_asked, served
from runner.core.plan.appraise import appraise
from runner.core.state.records import Record
from runner.operations.checks.checking import ChosenChecks, check_answers
from runner.operations.drift.ask import AskedAgain
from runner.operations.drift.plan import PlannedDrift, plain_checks
from runner.operations.reading.loaded import Loaded
from runner.operations.spending import cost_of


class DriftFound(Struct, frozen=True):
    """What was found about each model. `judged` are the checks that a judge would have to be asked
    for, so that they are not compared.
    """

    models: tuple[ModelDrift, ...]
    judged: tuple[str, ...]

    @property
    def is_shown(self) -> bool:
        """Whether a model is shown to answer otherwise than it did."""
        return any(one.is_shown for one in self.models)


def drift_found(project: Loaded, planned: PlannedDrift, asked: AskedAgain) -> DriftFound:
    """Compare what came; of what did not come, nothing is said."""
    about: dict[AskedOf, list[Record]] = {}
    for record in planned.records.values():
        about.setdefault(model_asked(record), []).append(record)
    checks = _checks(project, planned, asked)
    found = [
        _Model(project, planned, asked, checks).found(model, about[model])
        for model in sorted(about)
    ]
    judged = tuple(one.address for one in project.root.checks.values() if one.judge is not None)
    return DriftFound(beside(found), judged if planned.sampled else ())


class _Compared(Struct, frozen=True):
    """One check, with the value of each recorded and each new answer that could be told."""

    name: str
    is_score: bool
    pairs: Mapping[str, CheckedPair]


def _checks(project: Loaded, planned: PlannedDrift, asked: AskedAgain) -> tuple[_Compared, ...]:
    """Each check on the recorded answers and on the first new one to each."""
    old, new = {}, {}
    for address in planned.sampled:
        record = asked.answers.get(planned.draws(address)[0].label)
        if record is not None:
            old[address] = planned.askable[address].record
            # It counts, also where an apply would ask once more.
            new[address] = replace(record, address=address, status="complete")
    names = [check.address for check in plain_checks(project)]
    if not (names and new):
        return ()
    chosen = ChosenChecks((*names, *new))
    before, after = (check_answers(project, chosen, instead=held).checks for held in (old, new))
    pairs = zip(before, after, strict=True)
    return tuple(_compared(planned, one, other) for one, other in pairs if one.answers)


def _compared(planned: PlannedDrift, before: CheckOutcome, after: CheckOutcome) -> _Compared:
    new = {one.address: one.value for one in after.answers}
    pairs = {
        one.address: CheckedPair(
            one.case, one.value, told, planned.askable[one.address].chosen is None
        )
        for one in before.answers
        if one.value is not None and (told := new.get(one.address)) is not None
    }
    return _Compared(before.check.address, before.is_score, pairs)


class _Model(Struct, frozen=True):
    """What all models are found out about."""

    project: Loaded
    planned: PlannedDrift
    asked: AskedAgain
    checks: tuple[_Compared, ...]

    def found(self, model: AskedOf, records: Sequence[Record]) -> ModelDrift:
        planned, prices = self.planned, self.project.prices
        earlier = (record for record in planned.earlier if model_asked(record) == model)
        mine = [at for at, one in planned.askable.items() if model_asked(one.record) == model]
        sampled = [address for address in planned.sampled if address in {*mine}]
        untested: Counter[WhyUntested] = Counter()
        drawn = [*self._drawn(sampled, untested)]
        labels = [draw.label for address in sampled for draw in planned.draws(address)]
        answers, sent = self.asked.answers, self.asked.sent
        new = [answers[label] for label in labels if label in answers]
        paid = [sent[label] for label in labels if label in sent]
        return ModelDrift(
            model,
            len(records),
            served(records, earlier),
            len(mine),
            len(sampled),
            served(new),
            movement(drawn),
            1.0,
            untested,
            tuple(self._paired({*sampled})),
            sum(cost_of(record, prices) or 0.0 for record in paid),
            len(paid),
        )

    def _drawn(
        self, sampled: Sequence[str], untested: Counter[WhyUntested]
    ) -> Iterator[list[object]]:
        for address in sampled:
            one = self.planned.askable[address]
            labels = [draw.label for draw in self.planned.draws(address)]
            new = [self.asked.answers[each] for each in labels if each in self.asked.answers]
            why = one.chosen
            if why is not None:
                untested[why] += 1
            elif len(new) < len(labels):
                untested["no answer"] += 1
            elif any(self._is_unfit(address, record) for record in new):
                untested["not its schema"] += 1
            else:
                yield [meant(Answer(record.response)) for record in (one.record, *new)]

    def _is_unfit(self, address: str, record: Record) -> bool:
        """Whether an apply would have asked once more: no recorded answer is such a one."""
        instance = self.planned.askable[address].instance
        found = appraise(instance, record.request, record.response, mended=record.mended)
        return found.status == "invalid"

    def _paired(self, sampled: set[str]) -> Iterator[PairedCheck]:
        for check in self.checks:
            pairs = [told for at, told in check.pairs.items() if at in sampled]
            if pairs:
                yield paired_check(check.name, pairs, is_score=check.is_score)
