"""One check on some answers: by what it expects, by a program, or by what a judge said."""

from collections.abc import Callable, Container, Iterator, Sequence
from functools import lru_cache

from msgspec import structs

from runner.core.api.usage import usage_of
from runner.core.checks.evaluation import Around, checked
from runner.core.checks.judged import NOT_YET, given_verdicts, rubrics_of
from runner.core.checks.matching import Measures
from runner.core.checks.outcomes import CheckedAnswer
from runner.core.checks.programs import Command, programs_of
from runner.core.checks.verdicts import Unscored
from runner.core.expansion.session import Instance
from runner.core.modules.module import DeclaredCheck
from runner.core.plan.known import Known, answer_seen
from runner.core.plan.samples import Samples
from runner.core.plan.walk import Walk
from runner.core.secrets.trust import ProgramDoor
from runner.core.state.records import Record
from runner.errors import RunnerError
from runner.io.prices import Prices
from runner.operations.checks.answered import AnsweredInstances
from runner.operations.reading.check_programs import door_of, program_problems, say
from runner.operations.reading.loaded import Loaded
from runner.operations.reading.trust import admit_doors, still_closed
from runner.operations.spending import cost_of

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


def surroundings(project: Loaded, walk: Walk, closed: Container[Command]) -> Around:
    """What checks take besides answers. What a program that is `closed` would say is unscored."""
    return Around(
        walk.session.scopes[""],
        _measures(project.prices),
        _hide(project),
        lambda command, lines: (
            [_UNTRUSTED for _ in lines] if command in closed else say(project, command, lines)
        ),
    )


def found_by_check(
    project: Loaded,
    check: DeclaredCheck,
    answered: Sequence[tuple[Instance, Record]],
    answers: AnsweredInstances,
    around: Around,
) -> Iterator[tuple[DeclaredCheck, tuple[CheckedAnswer, ...]]]:
    """A check, and what is found about some answers; of a judge with several rubrics, each."""
    judging = None if check.judge is None else check.judge.judging
    if judging is None:
        yield check, tuple(checked(check, answered, around))
        return
    instances = (vertex.instance for vertex in answers.walk.vertices.values())
    asked = (one for one in instances if one is not None and one.declared is check.judge)
    said = given_verdicts(judging, asked, verdict_facts(project, answers), around.hide)
    for name in rubrics_of(judging):
        yield (
            structs.replace(check, rubric=name),
            tuple(
                CheckedAnswer(
                    at.address, at.fingerprint, said.get(at.address, {}).get(name, NOT_YET)
                )
                for _, at in answered
            ),
        )


def verdict_facts(project: Loaded, answers: AnsweredInstances) -> Known:
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
            session.answers[address] = answer_seen(records[address], instance, known)
    return known


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
