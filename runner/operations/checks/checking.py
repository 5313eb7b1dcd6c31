"""Checks on what is recorded: nothing is sent, nothing is written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import time_ns
from typing import TYPE_CHECKING

from runner.core.checks.changes import (
    CheckChange,
    CheckChanges,
    Checked,
    ComparisonChange,
    check_changes,
)
from runner.core.checks.comparison import Comparison, Measure, axis_values, compared
from runner.core.checks.evaluation import Around
from runner.core.checks.matching import Measures
from runner.core.checks.outcomes import CheckOutcome, outcome
from runner.core.checks.verdicts import FailOn
from runner.core.expansion.session import Instance
from runner.core.expressions.template import Constant
from runner.core.modules.check_addresses import named_addresses
from runner.core.modules.folder import Block
from runner.core.modules.module import Declared, DeclaredCheck
from runner.core.plan.known import request_of, unknown_provider
from runner.core.state.records import Record
from runner.core.suggest import did_you_mean, there_are
from runner.core.values import NotKnown
from runner.errors import Problem, RunnerError, error, gathering
from runner.operations.checks.answered import AnsweredInstances
from runner.operations.checks.looking import (
    admit_programs,
    found_by_check,
    surroundings,
    verdict_facts,
)
from runner.operations.outputs.evaluate import recorded_walk
from runner.operations.reading.loaded import Loaded

if TYPE_CHECKING:
    from runner.io.telemetry.run import Telemetry


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
    asked = [*(check.block for check in declared), *blocks]
    named = [name for block in blocks for name in block.table.get("checks", ())]
    _refuse_unknown_judges(project, [check.judge for check in declared])
    of_programs = [*declared, *(project.root.checks[name] for name in named)]
    closed = admit_programs(project, of_programs, asks=chosen.asks)
    held = project.moved()[0] if records is None else project.at_todays_addresses(records)
    walk = recorded_walk(project, held)
    around = surroundings(project, walk, closed)
    answers = AnsweredInstances(walk, held if instead is None else instead, _addresses(chosen))
    if records is None:
        _refuse_unknown(answers, asked)
    problems: list[Problem] = []
    found: list[CheckOutcome] = []
    observer = project.telemetry if records is None and instead is None else None
    for check in declared:
        with gathering(problems):
            found.extend(_observed(observer, held, _outcomes(project, check, answers, around)))
    comparisons: list[Comparison] = []
    for block in blocks:
        with gathering(problems):
            comparisons.append(_compared(project, block, answers, around, is_now=records is None))
    if problems:
        raise RunnerError(*problems)
    of = [one for block in asked for one in named_addresses(block)]
    outdated = _outdated(project, answers, of) if chosen.outdated else ()
    return Checked(tuple(found), tuple(comparisons), tuple(outdated))


def _observed(
    observer: "Telemetry | None", records: Mapping[str, Record], outcomes: Iterable[CheckOutcome]
) -> list[CheckOutcome]:
    """What comes of a check while it is evaluated here, told to whoever wants to know."""
    began = time_ns()
    found = [*outcomes]
    if observer is not None:
        for each in found:
            observer.checked(each, began, records)
    return found


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


def _outdated(project: Loaded, answers: AnsweredInstances, of: Sequence[str]) -> Iterator[str]:
    known = verdict_facts(project, answers)
    for instance, record in answers.of(of)[0]:
        try:
            current = request_of(instance, known).fingerprint
        except (NotKnown, RunnerError):
            continue  # a plan says why there is no request
        if current != record.fingerprint:
            yield record.address


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


def _refuse_unknown(answers: AnsweredInstances, blocks: Sequence[Block]) -> None:
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
    project: Loaded, block: Block, answers: AnsweredInstances, around: Around, *, is_now: bool
) -> Comparison:
    answered, missing = answers.of(named_addresses(block))
    if is_now:
        _refuse_unknown_baseline(block, answered)
    checks = [project.root.checks[name] for name in block.table.get("checks", ())]
    measures = [
        Measure(
            one.address,
            "mean" if one.is_score else "share",
            {each.address: each.value for each in found},
        )
        for check in checks
        for one, found in found_by_check(project, check, answered, answers, around)
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
    project: Loaded, check: DeclaredCheck, answers: AnsweredInstances, around: Around
) -> Iterator[CheckOutcome]:
    answered, missing = answers.of(check.of)
    for one, found in found_by_check(project, check, answered, answers, around):
        yield outcome(one, found, missing)


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
