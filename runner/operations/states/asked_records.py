"""Which of some records the configuration asks for: told by a plan, and nothing is sent."""

from collections.abc import Mapping

from msgspec import Struct

from runner.core.plan.actions import Absent, Await, Issue, Keep, Read, Reuse, Update
from runner.core.plan.plan import PlannedSteps, make_plan
from runner.core.plan.targets import Choice
from runner.core.state.records import Record
from runner.operations.caches.answers import answers_of
from runner.operations.reading.loaded import Loaded


class AskedRecords(Struct, frozen=True):
    """The records that are asked for, as a plan would leave them, and why each other one is not."""

    asked: Mapping[str, Record]
    others: Mapping[str, str]


def asked_records(
    project: Loaded, held: Mapping[str, Record], wanted: Mapping[str, Record]
) -> AskedRecords:
    """Of the wanted records, those that the configuration asks for once they stand in the place of
    what is `held`: also of one that is asked with the answer of another. Data sources are as they
    were read last. RunnerError where the configuration makes no plan.
    """
    left, others = dict(wanted), dict[str, str]()
    while left:
        plan = _planned(project, {**held, **left}, left)
        asked = {address: made for address in left if (made := _as_asked(plan, address))}
        if asked.keys() == left.keys():
            return AskedRecords(asked, others)
        others |= {address: _why(plan, address) for address in left if address not in asked}
        left = {address: left[address] for address in asked}
    return AskedRecords({}, others)


def _planned(
    project: Loaded, records: Mapping[str, Record], about: Mapping[str, Record]
) -> PlannedSteps:
    with answers_of(project.store, project.owner) as answers:
        choice = Choice(targets=tuple(about))
        return make_plan(project.inputs(answers, records, choice, None))


def _as_asked(plan: PlannedSteps, address: str) -> Record | None:
    match plan.decisions.get(address):
        case Keep(record) | Update(record, metadata=False) | Update(old=record):
            return record
        case Reuse() | Issue() | Await() | Absent() | Read() | None:
            return None


def _why(plan: PlannedSteps, address: str) -> str:
    match plan.decisions.get(address):
        case None:
            return f"{address} is not in the configuration"
        case Absent():
            return "enabled is false"
        case Await(on):
            return f"what is asked there is known only after the answer of {on}"
        case Issue(reason=reason) if reason:
            return reason
        case Issue() | Reuse() | Read() | Keep() | Update():
            return "the configuration asks for something else now"
