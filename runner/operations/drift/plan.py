"""What is asked for again, and what it costs: chosen by chance, and nothing is sent."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from runner.core.address import blocks_of, in_order, is_verdict, selects, why_none
from runner.core.drift.again import Draw, plan_again
from runner.core.drift.draws import Draws, WhyChosen
from runner.core.drift.sample import sample
from runner.core.drift.served import model_asked
from runner.core.expansion.session import Instance
from runner.core.modules.module import DeclaredCheck
from runner.core.plan.actions import Absent, Await, Issue, Keep, Read, Reuse, Update
from runner.core.plan.estimate import Estimate, bound, terms_of
from runner.core.plan.known import request_of
from runner.core.plan.plan import PlannedSteps, make_plan
from runner.core.plan.reports import Reports
from runner.core.plan.targets import Choice
from runner.core.request.build import outline_of
from runner.core.request.server_store import is_stored
from runner.core.state.cache_entry import from_entry
from runner.core.state.records import Record
from runner.core.suggest import did_you_mean
from runner.errors import Problem, RunnerError
from runner.operations.caches.answers import answers_of
from runner.operations.drift.earlier import earlier_answers
from runner.operations.reading.loaded import Loaded

ONE_RUN = timedelta(days=1)
"""So old may an answer be that an earlier run of the same seed paid for, which did not come to its
end: older ones are asked for again, since a model may move any day."""

WhyPassedOver = Literal["not up to date", "stored", "nothing to compare"]
"""Why a recorded answer is not asked for again: its request is another one now, its server would
store the new ones, or it may have been chosen and no check looks at it."""


@dataclass(frozen=True, slots=True)
class DriftAsked:
    """Which answers, all where nothing is named; how many of them, or which share; by which seed,
    the day's where none is given; how often each.
    """

    addresses: tuple[str, ...] = ()
    count: int = 20
    share: float | None = None
    seed: str | None = None
    repeat: int = 2


class Askable(Struct, frozen=True):
    """A recorded answer that may be asked for again; `chosen` says why it is no plain draw."""

    instance: Instance
    record: Record
    chosen: WhyChosen | None

    def draws(self, repeat: int) -> tuple[Draw, ...]:
        """So many new answers of it."""
        return tuple(
            Draw(self.instance, self.record, number, repeat) for number in range(1, repeat + 1)
        )


class PlannedDrift(Struct, frozen=True):
    """A run. `records` are those that it is about, `earlier` those of all commits; `held` has, by
    their labels, the answers that an earlier run of this seed brought; `plan` asks for the others.
    """

    seed: str
    repeat: int
    records: Mapping[str, Record]
    earlier: tuple[Record, ...]
    askable: Mapping[str, Askable]
    sampled: tuple[str, ...]
    passed_over: Mapping[WhyPassedOver, int]
    held: Mapping[str, Record]
    plan: PlannedSteps
    estimate: Estimate

    def draws(self, address: str) -> tuple[Draw, ...]:
        """The new answers of one that is sampled."""
        return self.askable[address].draws(self.repeat)


def plan_drift(project: Loaded, asked: DriftAsked) -> PlannedDrift:
    """Choose, and look what an earlier run brought already; RunnerError for an address that names
    nothing, and for what is wrong in the project. Offline, the sample is what is all there.
    """
    now = datetime.now(UTC)
    seed, is_offline = asked.seed or now.date().isoformat(), project.settings.offline
    records = project.moved()[0]
    _refuse_unknown(asked.addresses, records)
    about = {at: record for at, record in records.items() if _is_meant(at, asked.addresses)}
    # Data sources are as they were read last: whether one changed is another question.
    made = make_plan(project.inputs(lambda *_: None, records, Choice(asked.addresses), None))
    earlier = earlier_answers(project, records)
    passed_over: Counter[WhyPassedOver] = Counter()
    with answers_of(project.store, project.owner) as answers:
        draws = Draws(records.values(), earlier.put_aside, lambda *held: answers(*held) is not None)
        askable = dict(_askable(project, made, about, draws, passed_over))
        sampled = _sampled(askable, asked, seed)
        wanted = {at: askable[at].draws(asked.repeat) for at in sampled}
        held = dict(_held(answers.at, wanted, seed, None if is_offline else now - ONE_RUN))
    if is_offline:
        sampled = tuple(at for at in sampled if all(one.label in held for one in wanted[at]))
    left = [one for at in sampled for one in wanted[at] if one.label not in held]
    plan = plan_again(made, left)
    return PlannedDrift(
        seed, asked.repeat, about, earlier.records, askable, sampled, passed_over, held, plan,
        _estimate(project, plan, records),
    )  # fmt: skip


def _is_meant(address: str, patterns: Iterable[str]) -> bool:
    """Completions, and verdicts where they are named."""
    if blocks_of(address)[-1][0] == "data":
        return False
    named = [*patterns]
    return any(selects(one, address) for one in named) if named else not is_verdict(address)


def _refuse_unknown(patterns: Iterable[str], records: Mapping[str, Record]) -> None:
    problems = []
    for pattern in patterns:
        if not any(selects(pattern, address) for address in records):
            why = why_none(pattern, records)
            near = did_you_mean(pattern, records, " `runner state list` shows some.")
            said = f'The state has no answer at "{pattern}".{f" {why}" if why else near}'
            problems.append(Problem("Unknown address", said))
    if problems:
        raise RunnerError(*problems)


def _askable(
    project: Loaded,
    made: PlannedSteps,
    about: Mapping[str, Record],
    draws: Draws,
    passed_over: Counter[WhyPassedOver],
) -> Iterator[tuple[str, Askable]]:
    checks = [*plain_checks(project)]
    for address in in_order(about):
        vertex, record = made.walk.vertices.get(address), _kept(made, address)
        if record is None or vertex is None or vertex.instance is None:
            passed_over["not up to date"] += 1
        elif is_stored(record):
            passed_over["stored"] += 1
        else:
            chosen = draws.why_chosen(vertex.instance, record)
            if chosen is None or any(_is_checked(check, address) for check in checks):
                yield address, Askable(vertex.instance, record, chosen)
            else:
                passed_over["nothing to compare"] += 1


def plain_checks(project: Loaded) -> Iterator[DeclaredCheck]:
    """The checks that need no answer but the one that they are about."""
    return (check for check in project.root.checks.values() if check.judge is None)


def _is_checked(check: DeclaredCheck, address: str) -> bool:
    return any(selects(pattern, address) for pattern in check.of)


def _kept(made: PlannedSteps, address: str) -> Record | None:
    """The record that answers what would be asked now."""
    match made.decisions.get(address):
        case Keep(record) | Update(record):
            return record
        case None | Issue() | Reuse() | Await() | Absent() | Read():
            return None


def _sampled(askable: Mapping[str, Askable], asked: DriftAsked, seed: str) -> tuple[str, ...]:
    count = asked.count
    if asked.share is not None:
        count = math.ceil(asked.share * len(askable) - 1e-9)
    strata = {at: (blocks_of(at), model_asked(one.record)) for at, one in askable.items()}
    return tuple(in_order(sample(strata, count, seed)))


def _held(
    entry_at: Callable[[str], bytes | None],
    wanted: Mapping[str, Iterable[Draw]],
    seed: str,
    since: datetime | None,
) -> Iterator[tuple[str, Record]]:
    """What the cache has of this run."""
    for draw in (one for draws in wanted.values() for one in draws):
        data, asked = entry_at(draw.key(seed)), draw.record
        if data is not None:
            record = from_entry(data, draw.label, asked.fingerprint, asked.sample)
            if record is not None and (since is None or is_recent(record, since)):
                yield draw.label, record


def is_recent(record: Record, since: datetime) -> bool:
    """Whether an answer came after a moment."""
    try:
        return datetime.fromisoformat(record.issued_at) > since
    except (ValueError, TypeError):  # no time, or one without its zone
        return False


def _estimate(project: Loaded, plan: PlannedSteps, records: Mapping[str, Record]) -> Estimate:
    estimate, prices = Estimate(), project.prices
    reports = Reports(records.values())
    for step, issued in plan.of(Issue):
        assert step.instance is not None  # noqa: S101  # each draw has one
        request = request_of(step.instance, plan.known)
        outline = outline_of(request)
        prompt = reports.tokens(request.identity, outline, request.texts, issued.old)
        terms = terms_of(request, outline, prices.tariff, prices.source)
        estimate.add(bound(prompt, issued.old, terms))
    return estimate
