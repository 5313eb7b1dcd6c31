"""What has to happen to make the answers match the configuration; and why."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from msgspec import Struct, field

from runner.core.address import in_order, is_verdict, natural
from runner.core.expansion.session import Instance
from runner.core.modules.module import declared_at
from runner.core.plan.actions import (
    Absent,
    Await,
    Decision,
    Instances,
    Issue,
    Keep,
    Read,
    Reuse,
    Step,
    Update,
)
from runner.core.plan.forms import request_form
from runner.core.plan.known import Known, answer_seen, request_of
from runner.core.plan.removals import (
    OtherWorkspace,
    irreplaceable,
    protected,
    removal,
    removals,
    unreachable,
)
from runner.core.plan.samples import Samples
from runner.core.plan.sweep import decide_swept
from runner.core.plan.targets import Choice, Chosen, chooser, only_named
from runner.core.plan.walk import Vertex, Walk, cycle_error
from runner.core.request.build import Request, outline_of
from runner.core.request.outline import Outline
from runner.core.state.records import Record
from runner.core.values import NotKnown
from runner.errors import Problem, RunnerError

_Kind = TypeVar("_Kind")


class PlannedSteps(Struct, frozen=True):
    """Every step, in the order of the addresses, verdicts last, unchanged ones left out.

    `decisions` holds what was decided for each address, unchanged ones included; `moves` the
    addresses that [[moved]] blocks renamed; `imports` those that [[import]] blocks brought, with
    the ids of what was stored; `reads` the data sources that can be read now.
    """

    steps: tuple[Step, ...]
    decisions: Mapping[str, Decision]
    unchanged: int
    known: Known
    walk: Walk
    chosen: Chosen
    moves: tuple[tuple[str, str], ...] = ()
    imports: tuple[tuple[str, str], ...] = ()
    reads: Mapping[str, Read] = {}
    elsewhere: OtherWorkspace = lambda _: None

    def of(self, *kinds: type[_Kind]) -> Iterator[tuple[Step, _Kind]]:
        """The steps whose action is of one of these kinds, with it."""
        return ((step, step.action) for step in self.steps if isinstance(step.action, kinds))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.steps and not self.moves and not self.imports


Start = Callable[[Samples], tuple[Walk, Known]]
Weigh = Callable[[Instance, Request, Outline, Record | None], None]


class Inputs(Struct, frozen=True):
    """What a plan is made from. `start` gives a fresh walk and what is known at its start; it
    is called again when a first try found that a sample number was taken from its holder.
    `weigh` is shown each request that will be sent, and its outline; `elsewhere` says which other
    workspace names what a server stored for a record.
    """

    start: Start
    records: Mapping[str, Record]
    choice: Choice = field(default_factory=Choice)
    moves: tuple[tuple[str, str], ...] = ()
    imports: tuple[tuple[str, str], ...] = ()
    forgets: Callable[[str], bool] = lambda _: False
    weigh: Weigh | None = None
    elsewhere: OtherWorkspace = lambda _: None


def make_plan(inputs: Inputs) -> PlannedSteps:
    """The plan. RunnerError carries every mistake that filling the requests brought to light."""
    contested: frozenset[tuple[str, int]] = frozenset()
    while True:
        samples = Samples(inputs.records, contested=contested)
        walk, known = inputs.start(samples)
        samples.is_declared = walk.is_declared
        chosen = chooser(walk, inputs.choice)
        folded = _fold(walk, known, chosen)
        conflicts = samples.conflicts()
        if conflicts <= contested:
            samples.lends = False
            made = _finished(inputs, walk, known, chosen, folded)
            if inputs.weigh is not None:
                _weigh(made, inputs.weigh)
            return made
        contested |= conflicts


def destroy_plan(inputs: Inputs) -> PlannedSteps:
    """The plan that removes every record."""
    walk, known = inputs.start(Samples(inputs.records))
    chosen = only_named(inputs.choice)
    steps = []
    problems = []
    for address in in_order(inputs.records):
        if not chosen(address):
            continue
        record = inputs.records[address]
        problems += protected(declared_at(walk.session.root, address), address, "destroy")
        action = removal(record, "destroy", inputs.elsewhere)
        if not action.forget:
            problems += unreachable(record, known.providers)
        steps.append(Step(address, action))
    if problems:
        raise RunnerError(*problems)
    # Nothing but the removals: no completion is looked at, let alone issued.
    return PlannedSteps(
        tuple(steps), {}, 0, known, walk, lambda _: False, elsewhere=inputs.elsewhere
    )


def _weigh(plan: PlannedSteps, weigh: Weigh) -> None:
    """Each request that will be sent, once, however often the plan was made; parsed for all who
    look at it, and for all requests of its outline.
    """
    for step, issued in plan.of(Issue):
        if step.instance is not None:
            request = plan.known.drafts.held(step.address) or request_of(step.instance, plan.known)
            outline = outline_of(request)
            is_alone = step.instance.key is None and issued.old is None
            plan.known.forms.note(step.address, request_form(request, outline, is_alone=is_alone))
            weigh(step.instance, request, outline, issued.old)


class _Folded(Struct):
    decisions: dict[str, Decision] = {}
    instances: dict[str, str] = {}  # block -> the answer it waits for
    problems: list[Problem] = []


def _fold(walk: Walk, known: Known, chosen: Chosen) -> _Folded:
    folded = _Folded()
    while walk.ready:
        batch = [walk.ready.popleft() for _ in range(len(walk.ready))]
        selected = [vertex for vertex in batch if chosen(vertex.key)]
        for vertex, decision in decide_swept(selected, known):
            if isinstance(decision, RunnerError):
                folded.problems.extend(decision.problems)
            else:
                _learn(vertex, decision, walk, known, folded)
        for vertex in batch:
            if vertex.kind == "expand" and chosen(vertex.key):
                _expand(vertex, walk, folded)
            walk.settle(vertex)
    if next(walk.stuck(), None) is not None:
        raise cycle_error(walk)
    return folded


def _learn(vertex: Vertex, decision: Decision, walk: Walk, known: Known, folded: _Folded) -> None:
    address, session = vertex.address, walk.session
    folded.decisions[address] = decision
    match decision:
        case Issue() | Await() | Read():
            pass  # its answer has yet to come
        case Keep(record) | Update(record, metadata=False) | Reuse(record, metadata=False):
            session.answers[address] = answer_seen(record, vertex.instance, known)
        case Update(record) | Reuse(record):
            session.changing.add(address)
            session.answers[address] = answer_seen(record, vertex.instance, known)
        case Absent():
            session.answers[address] = None


def _expand(vertex: Vertex, walk: Walk, folded: _Folded) -> None:
    try:
        walk.expand(vertex)
    except NotKnown as exc:
        folded.instances[vertex.address] = exc.address
    except RunnerError as exc:
        folded.problems.extend(exc.problems)


def _finished(
    inputs: Inputs, walk: Walk, known: Known, chosen: Chosen, folded: _Folded
) -> PlannedSteps:
    problems = list(folded.problems)
    steps: list[Step] = []
    unchanged = 0
    for address, decision in folded.decisions.items():
        match decision:
            case Keep():
                unchanged += 1
            case Absent():
                pass
            case Issue() | Reuse() | Update() | Await() | Read():
                instance = walk.vertices[address].instance
                steps.append(Step(address, decision, instance))
                problems += irreplaceable(instance, decision)
    steps += [Step(block, Instances(on)) for block, on in folded.instances.items()]
    for address, gone in removals(
        inputs.records, inputs.forgets, inputs.elsewhere, walk, chosen, folded.decisions
    ):
        steps.append(Step(address, gone))
        if not gone.forget:
            problems += protected(declared_at(walk.session.root, address), address, "remove")
            problems += unreachable(gone.record, known.providers)
    if problems:
        raise RunnerError(*problems)
    steps.sort(key=lambda step: natural(step.address))
    steps.sort(key=lambda step: is_verdict(step.address))
    reads = {
        address: decision
        for address, decision in folded.decisions.items()
        if isinstance(decision, Read) and decision.on is None
    }
    return PlannedSteps(
        tuple(steps),
        folded.decisions,
        unchanged,
        known,
        walk,
        chosen,
        inputs.moves,
        inputs.imports,
        reads,
        inputs.elsewhere,
    )
