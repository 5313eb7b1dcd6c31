"""Checks on what is recorded: nothing is sent, nothing is written."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from runner.core.address import (
    covers,
    in_order,
    is_data,
    is_verdict,
    selects,
    why_none,
)
from runner.core.api.usage import usage_of
from runner.core.checks.changes import (
    CheckChange,
    CheckChanges,
    Checked,
    ComparisonChange,
    check_changes,
)
from runner.core.checks.comparison import Comparison, Measure, axis_values, compared
from runner.core.checks.evaluation import Around, checked
from runner.core.checks.judged import NOT_YET, given_verdicts, rubrics_of
from runner.core.checks.matching import Measures
from runner.core.checks.outcomes import CheckedAnswer, CheckOutcome, outcome
from runner.core.checks.programs import Command, programs_of
from runner.core.checks.verdicts import FailOn, Standing, Unscored
from runner.core.expansion.session import Instance
from runner.core.expressions.template import Constant
from runner.core.modules.check_addresses import named_addresses
from runner.core.modules.folder import Block
from runner.core.modules.module import Declared, DeclaredCheck
from runner.core.plan.decide import is_enabled
from runner.core.plan.known import Known, answer_seen, request_of, unknown_provider
from runner.core.plan.samples import Samples
from runner.core.plan.walk import Walk
from runner.core.secrets.trust import ProgramDoor
from runner.core.state.records import Record
from runner.core.suggest import did_you_mean, there_are
from runner.core.values import NotKnown
from runner.errors import Problem, RunnerError, error, gathering
from runner.io.prices import Prices
from runner.operations.outputs.evaluate import recorded_walk
from runner.operations.reading.check_programs import door_of, program_problems, say
from runner.operations.reading.loaded import Loaded
from runner.operations.reading.trust import admit_doors, still_closed
from runner.operations.spending import cost_of

Judgement = tuple[DeclaredCheck, CheckedAnswer]
"""What one check says of one answer."""


@dataclass(frozen=True, slots=True)
class ChosenChecks:
    """Which checks are asked for, on which answers: blocks (`check.NAME`), addresses and tags; all
    where nothing is named. `outdated`: whether it is told which answers are to another request;
    `asks`: whether a person is asked if a program may be started, and else it is an error. Without
    it what such a program would say is unscored.
    """

    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    outdated: bool = False
    asks: bool = True


def check_answers(
    project: Loaded,
    chosen: ChosenChecks,
    records: Mapping[str, Record] | None = None,
    instead: Mapping[str, Record] | None = None,
) -> Checked:
    """Evaluate the checks on the recorded answers; RunnerError with every mistake that only an
    answer's instance brings to light. With `records` on those of another state, in which what is
    named need not have been there; or, of the same instances, on these `instead`.
    """
    declared, blocks = _chosen(project, chosen)
    if not (declared or blocks):
        return Checked()
    named = [name for block in blocks for name in block.table.get("checks", ())]
    _refuse_unknown_judges(project, [check.judge for check in declared])
    of_programs = [*declared, *(project.root.checks[name] for name in named)]
    closed = admit_programs(project, of_programs, asks=chosen.asks)
    held = project.moved()[0] if records is None else project.at_todays_addresses(records)
    walk = recorded_walk(project, held)
    around = _around(project, walk, closed)
    answers = _Answers(walk, held if instead is None else instead, _addresses(chosen))
    if records is None:
        _refuse_unknown(answers, [*(each.block for each in declared), *blocks])
    found: list[CheckOutcome] = []
    problems: list[Problem] = []
    for check in declared:
        with gathering(problems):
            found.extend(_outcomes(project, check, answers, around))
    comparisons: list[Comparison] = []
    for block in blocks:
        with gathering(problems):
            answered = answers.of(named_addresses(block))
            if records is None:
                _refuse_unknown_baseline(block, answered[0])
            comparisons.append(_compared(project, block, answers, around, *answered))
    if problems:
        raise RunnerError(*problems)
    of = [
        one for block in (*(c.block for c in declared), *blocks) for one in named_addresses(block)
    ]
    outdated = _outdated(project, answers, of) if chosen.outdated else ()
    return Checked(tuple(found), tuple(comparisons), tuple(outdated))


def _around(project: Loaded, walk: Walk, closed: Container[Command]) -> Around:
    return Around(
        walk.session.scopes[""],
        _measures(project.prices),
        _hide(project),
        lambda command, lines: (
            [_UNTRUSTED for _ in lines] if command in closed else say(project, command, lines)
        ),
    )


def check_both(
    project: Loaded,
    chosen: ChosenChecks,
    records: Mapping[str, Record],
    name: str,
    fail_on: FailOn,
) -> Checked:
    """The checks on the recorded answers, and what changed for them since another state."""
    after = check_answers(project, chosen)
    before = check_answers(project, replace(chosen, outdated=False), records)
    pairs = zip(before.comparisons, after.comparisons, strict=True)
    changes = CheckChanges(
        name,
        check_changes(before.checks, after.checks),
        tuple(ComparisonChange(*pair) for pair in pairs),
    )
    return replace(after, since=changes, fail_on=fail_on)


def checks_between(
    project: Loaded, before: Mapping[str, Record], after: Mapping[str, Record]
) -> tuple[CheckChange, ...]:
    """Today's checks on the answers of two states. Nobody is asked whether a program may start."""
    chosen = ChosenChecks(tuple(f"check.{name}" for name in project.root.checks), asks=False)
    sides = (check_answers(project, chosen, records).checks for records in (before, after))
    return check_changes(*sides)


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
    around = _around(project, walk, closed)
    answers = _Answers(walk, held, ())

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
            for named, verdicts in _looked_at(project, check, pairs, answers, around):
                for (at, _), one in zip(meant, verdicts, strict=True):
                    found[at].append((named, one))
        return found

    return of


def _outdated(project: Loaded, answers: "_Answers", of: Sequence[str]) -> Iterator[str]:
    known = _known(project, answers)
    for instance, record in answers.of(of)[0]:
        try:
            current = request_of(instance, known).fingerprint
        except (NotKnown, RunnerError):
            continue  # a plan says why there is no request
        if current != record.fingerprint:
            yield record.address


_UNTRUSTED = Unscored("nobody has said that this program may be started: `runner check` asks")


def admit_programs(
    project: Loaded, checks: Sequence[DeclaredCheck], *, asks: bool = True
) -> Container[Command]:
    """Untrusted, unless the user has said that the programs of checks may be started, or says so
    now; where nobody `asks`, those of which that was not said.
    """
    wrong = [problem for check in checks for problem in program_problems(project, check)]
    if wrong:
        raise RunnerError(*wrong)
    commands = dict.fromkeys(one for check in checks for one in programs_of(check))
    doors = {door_of(project, command): command for command in commands}
    closed = still_closed(project, doors)
    if closed and asks:
        admit_doors(project, closed)
    return () if asks else [doors[door] for door in closed if isinstance(door, ProgramDoor)]


def _refuse_unknown_judges(project: Loaded, judges: Sequence[Declared | None]) -> None:
    """Else no verdict comes, and nobody says why before a plan does."""
    problems = []
    for judge in judges:
        node = None if judge is None else judge.meta.get("provider")
        if judge is not None and isinstance(node, Constant) and node.value not in project.providers:
            said = unknown_provider(str(node.value), project.providers)
            problems.append(judge.block.problem("Unknown provider", said, ("provider",)))
    if problems:
        raise RunnerError(*problems)


def _refuse_unknown(answers: "_Answers", blocks: Sequence[Block]) -> None:
    """A misspelt address would quietly look at nothing, which all of it holds of."""
    problems = [
        Problem("Unknown address", said) for one in answers.only if (said := answers.unknown(one))
    ]
    for block in blocks:
        for index, address in enumerate(named_addresses(block)):
            if said := answers.unknown(address):
                path = ("of", index) if isinstance(block.table["of"], list) else ("of",)
                problems.append(block.problem("Unknown address", said, path))
    if problems:
        raise RunnerError(*problems)


def _refuse_unknown_baseline(block: Block, answered: Sequence[tuple[Instance, Record]]) -> None:
    values = axis_values([instance.address for instance, _ in answered], block.table["by"])
    baseline = block.table.get("baseline")
    if answered and baseline is not None and baseline not in values:
        hint = did_you_mean(baseline, values, there_are(list(values)))
        said = f'No answer here is of {block.table["by"]} "{baseline}".{hint}'
        raise RunnerError(block.problem("Unknown baseline", said, ("baseline",)))


def _compared(
    project: Loaded,
    block: Block,
    answers: "_Answers",
    around: Around,
    answered: Sequence[tuple[Instance, Record]],
    missing: Sequence[str],
) -> Comparison:
    checks = [project.root.checks[name] for name in block.table.get("checks", ())]
    measures = [
        Measure(
            one.address,
            "mean" if one.is_score else "share",
            {each.address: each.value for each in found},
        )
        for check in checks
        for one, found in _looked_at(project, check, answered, answers, around)
    ]
    records = [record for _, record in answered]
    measures += _amounts(records, around.measures)
    cases = [(one.address, one.fingerprint) for one in records]
    return compared(block, cases, measures, len(missing))


def _amounts(records: Sequence[Record], measures: Measures) -> Iterator[Measure]:
    """What answers took: always compared."""
    taken: dict[str, Callable[[Record], float | None]] = {
        "cost": measures.cost,
        "seconds": lambda record: record.duration_ms / 1000,
        "output_tokens": measures.output_tokens,
    }
    for name, amount in taken.items():
        yield Measure(name, "amount", {record.address: amount(record) for record in records})


def _outcomes(
    project: Loaded, check: DeclaredCheck, answers: "_Answers", around: Around
) -> Iterator[CheckOutcome]:
    answered, missing = answers.of(check.of)
    for one, found in _looked_at(project, check, answered, answers, around):
        yield outcome(one, found, missing)


def _looked_at(
    project: Loaded,
    check: DeclaredCheck,
    answered: Sequence[tuple[Instance, Record]],
    answers: "_Answers",
    around: Around,
) -> Iterator[tuple[DeclaredCheck, tuple[CheckedAnswer, ...]]]:
    """A check, and what is found about some answers; of a judge with several rubrics, each."""
    judging = None if check.judge is None else check.judge.judging
    if judging is None:
        yield check, tuple(checked(check, answered, around))
        return
    instances = (vertex.instance for vertex in answers.walk.vertices.values())
    asked = (one for one in instances if one is not None and one.declared is check.judge)
    said = given_verdicts(judging, asked, _known(project, answers), around.hide)
    for name in rubrics_of(judging):
        yield (
            replace(check, rubric=name),
            tuple(
                CheckedAnswer(
                    at.address, at.fingerprint, said.get(at.address, {}).get(name, NOT_YET)
                )
                for _, at in answered
            ),
        )


def _known(project: Loaded, answers: "_Answers") -> Known:
    """What the request for a verdict is made of."""
    session, records = answers.walk.session, answers.records
    known = Known(
        session,
        records,
        project.providers,
        project.default_provider,
        lambda *_: None,
        Samples(records),
    )
    for address, instance in answers.instances.items():
        if address in records and session.answers.get(address) is not None:
            session.answers[address] = answer_seen(address, records[address], instance, known)
    return known


@dataclass(slots=True)
class _Answers:
    """The instances of the completions, in the order in which people count."""

    walk: Walk
    records: Mapping[str, Record]
    only: tuple[str, ...]
    instances: dict[str, Instance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = {
            vertex.address: vertex.instance
            for vertex in self.walk.vertices.values()
            if vertex.kind == "completion"
            and vertex.instance is not None
            and vertex.instance.judged is None
        }
        self.instances = {address: found[address] for address in in_order(found)}

    def of(self, patterns: Sequence[str]) -> tuple[list[tuple[Instance, Record]], list[str]]:
        """The answers of some addresses, and what has none that was accepted."""
        answered: list[tuple[Instance, Record]] = []
        missing: list[str] = []
        for instance in self._instances(patterns):
            record = self.records.get(instance.address)
            if record is None or record.rejected:
                missing.append(instance.address)
            else:
                answered.append((instance, record))
        missing += [block for block in sorted(self.walk.groups) if self._is_meant(block, patterns)]
        return answered, missing

    def unknown(self, pattern: str) -> str | None:
        """What is wrong with an address that names no completion and no instance of one, nor one
        that may still come.
        """
        blocks = dict.fromkeys((*self.walk.session.keys, *sorted(self.walk.groups)))
        known = [*self.instances, *(one for one in blocks if not (is_verdict(one) or is_data(one)))]
        if any(selects(pattern, address) for address in known) or self._may_come(pattern):
            return None
        hint = why_none(pattern, self.instances)
        hint = f" {hint}" if hint else did_you_mean(pattern, known, there_are(in_order(known)))
        return f'There is no answer at "{pattern}", nor will there be.{hint}'

    def _may_come(self, pattern: str) -> bool:
        """Whether it is of a block whose instances hang on answers, or that has none by now."""
        if self.walk.groups and ("*" in pattern or "?" in pattern):
            return True
        if any(pattern.startswith(f"{block}[") for block in self.walk.groups):
            return True
        block, bracket, _ = pattern.partition("[")
        has_some = any(covers(block, address) for address in self.instances)
        return bool(bracket) and block in self.walk.session.keys and not has_some

    def _instances(self, patterns: Sequence[str]) -> Iterator[Instance]:
        for address, instance in self.instances.items():
            if self._is_meant(address, patterns) and _may_be_asked(instance):
                yield instance

    def _is_meant(self, address: str, patterns: Sequence[str]) -> bool:
        chosen = not self.only or any(selects(name, address) for name in self.only)
        return chosen and any(selects(pattern, address) for pattern in patterns)


def _may_be_asked(instance: Instance) -> bool:
    try:
        return is_enabled(instance)
    except NotKnown:
        return True


def _chosen(project: Loaded, chosen: ChosenChecks) -> tuple[list[DeclaredCheck], list[Block]]:
    checks, comparisons = project.root.checks, project.root.comparisons
    known = [*(f"check.{one}" for one in checks), *(f"compare.{one}" for one in comparisons)]
    named = [name for name in chosen.names if is_check(name)]
    for name in named:
        if name not in known:
            hint = did_you_mean(name, known, there_are(known) if known else "")
            raise error("Unknown check", f'There is no block "{name}".{hint}')
    tags = set(chosen.tags)

    def is_meant(block: Block) -> bool:
        is_named = not named or f"{block.kind}.{block.name}" in named
        return is_named and (not tags or not tags.isdisjoint(block.table.get("tags", ())))

    meant = [check for check in checks.values() if is_meant(check.block)]
    return meant, [block for block in comparisons.values() if is_meant(block)]


def _addresses(chosen: ChosenChecks) -> tuple[str, ...]:
    return tuple(name for name in chosen.names if not is_check(name))


def is_check(name: str) -> bool:
    """Whether a name is that of a check or a comparison, and no address of answers."""
    return name.startswith(("check.", "compare."))


def _measures(prices: Prices) -> Measures:
    @lru_cache(maxsize=1)
    def cost(record: Record) -> float | None:
        return cost_of(record, prices)

    def output_tokens(record: Record) -> int | None:
        used = usage_of(record.response)
        return None if used is None else used.completion

    return Measures(cost, output_tokens)


def _hide(project: Loaded) -> Callable[[str], str]:
    secrets = project.secrets
    return lambda text: secrets.text(text) if secrets.texts else text
