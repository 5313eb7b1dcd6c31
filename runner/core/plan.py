"""What has to happen to make the answers match the configuration; and why."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from runner.core.address import around, in_order, module_of, selects, split_key
from runner.core.decide import decide
from runner.core.decisions import Absent, Await, Decision, Issue, Keep, Read, Reuse, Update, resolve
from runner.core.expand import Instance
from runner.core.graph import Vertex, Walk, cycle_error
from runner.core.known import Known, request_of
from runner.core.module import Declared, declared_at
from runner.core.moves import move_records
from runner.core.provider import Provider
from runner.core.request import Request
from runner.core.samples import Samples
from runner.core.state import Record
from runner.core.stored import is_stored, keeper
from runner.core.values import NotKnown
from runner.errors import Problem, RunnerError


@dataclass(frozen=True, slots=True)
class Remove:
    """The configuration no longer has this address. `forget` leaves what a server stored."""

    record: Record
    reason: str
    forget: bool = False


@dataclass(frozen=True, slots=True)
class Instances:
    """How many instances a block has is known only after the answer at `on`."""

    on: str


Action = Decision | Remove | Instances


@dataclass(frozen=True, slots=True)
class Step:
    """What has to happen at one address."""

    address: str
    action: Action
    instance: Instance | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which addresses this run is about."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    destroy: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Every step, in the order of the addresses, unchanged ones left out.

    `decisions` holds what was decided for each address, unchanged ones included; `moves` the
    addresses that [[moved]] blocks renamed; `imports` those that [[import]] blocks brought, with
    the ids of what was stored; `reads` the data sources that can be read now.
    """

    steps: tuple[Step, ...]
    decisions: Mapping[str, Decision]
    unchanged: int
    known: Known
    walk: Walk
    chosen: Callable[[str], bool]
    moves: tuple[tuple[str, str], ...] = ()
    imports: tuple[tuple[str, str], ...] = ()
    reads: Mapping[str, Read] = field(default_factory=dict)

    def of(self, *kinds: type) -> Iterator[Step]:
        """The steps whose action is of one of these kinds."""
        return (step for step in self.steps if isinstance(step.action, kinds))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.steps and not self.moves and not self.imports


Start = Callable[[Samples], tuple[Walk, Known]]
Weigh = Callable[[str, Request, Record | None], None]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a plan is made from. `start` gives a fresh walk and what is known at its start; it
    is called again when a first try found that a sample number was taken from its holder.
    `weigh` is shown each request that will be sent.
    """

    start: Start
    records: Mapping[str, Record]
    choice: Choice = Choice()
    moves: tuple[tuple[str, str], ...] = ()
    imports: tuple[tuple[str, str], ...] = ()
    forgets: Callable[[str], bool] = lambda _: False
    weigh: Weigh | None = None


def make_plan(inputs: Inputs) -> Plan:
    """The plan. RunnerError carries every mistake that filling the requests brought to light."""
    contested: frozenset[tuple[str, int]] = frozenset()
    while True:
        samples = Samples(inputs.records, contested=contested)
        walk, known = inputs.start(samples)
        samples.is_declared = walk.is_declared
        chosen = _chooser(walk, inputs.choice)
        folded = _fold(walk, known, chosen)
        conflicts = samples.conflicts()
        if conflicts <= contested:
            samples.lends = False
            made = _finished(inputs, walk, known, chosen, folded)
            if inputs.weigh is not None:
                _weigh(made, inputs.weigh)
            return made
        contested |= conflicts


def destroy_plan(inputs: Inputs) -> Plan:
    """The plan that removes every record."""
    walk, known = inputs.start(Samples(inputs.records))
    chosen = _pattern(inputs.choice.targets, inputs.choice.excludes)
    steps = []
    problems = []
    for address in in_order(inputs.records):
        if not chosen(address):
            continue
        record = inputs.records[address]
        problems += protected(declared_at(walk.session.root, address), address, "destroy")
        problems += unreachable(record, known.providers)
        steps.append(Step(address, Remove(record, "destroy")))
    if problems:
        raise RunnerError(*problems)
    # Nothing but the removals: no completion is looked at, let alone issued.
    return Plan(tuple(steps), {}, 0, known, walk, lambda _: False)


def _weigh(plan: Plan, weigh: Weigh) -> None:
    """Each request that will be sent, once, however often the plan was made."""
    for step in plan.of(Issue):
        if isinstance(step.action, Issue) and step.instance is not None:
            request = plan.known.drafts.held(step.address) or request_of(step.instance, plan.known)
            weigh(step.address, request, step.action.old)


@dataclass(slots=True)
class _Folded:
    decisions: dict[str, Decision] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)  # block -> the answer it waits for
    problems: list[Problem] = field(default_factory=list)


def _fold(walk: Walk, known: Known, chosen: Callable[[str], bool]) -> _Folded:
    folded = _Folded()
    while walk.ready:
        batch = [walk.ready.popleft() for _ in range(len(walk.ready))]
        selected = [vertex for vertex in batch if chosen(vertex.address)]
        for vertex, decision in decide(selected, known):
            if isinstance(decision, RunnerError):
                folded.problems.extend(decision.problems)
            else:
                _learn(vertex, decision, walk, folded)
        for vertex in batch:
            if vertex.kind == "expand" and chosen(vertex.address):
                _expand(vertex, walk, folded)
            walk.settle(vertex.address)
    if next(walk.stuck(), None) is not None:
        raise cycle_error(walk)
    return folded


def _learn(vertex: Vertex, decision: Decision, walk: Walk, folded: _Folded) -> None:
    folded.decisions[vertex.address] = decision
    if vertex.instance is None:
        return
    if isinstance(decision, Update | Reuse) and decision.metadata:
        walk.session.changing.add(vertex.address)
    answer = resolve(decision, vertex.address)
    if answer is not ...:
        walk.session.answers[vertex.address] = answer


def _expand(vertex: Vertex, walk: Walk, folded: _Folded) -> None:
    block = vertex.address.rstrip("#")
    try:
        walk.expand(vertex)
    except NotKnown as exc:
        folded.instances[block] = exc.address
    except RunnerError as exc:
        folded.problems.extend(exc.problems)


def _finished(
    inputs: Inputs, walk: Walk, known: Known, chosen: Callable[[str], bool], folded: _Folded
) -> Plan:
    problems = list(folded.problems)
    steps: list[Step] = []
    unchanged = 0
    for address, decision in folded.decisions.items():
        instance = walk.vertices[address].instance
        if isinstance(decision, Keep):
            unchanged += 1
        elif not isinstance(decision, Absent):
            steps.append(Step(address, decision, instance))
            if isinstance(decision, Issue | Reuse) and decision.old is not None and instance:
                problems += protected(instance.declared, address, "re-issue")
    steps += [Step(block, Instances(on)) for block, on in folded.instances.items()]
    for step in _removals(inputs, walk, chosen, folded):
        steps.append(step)
        if isinstance(step.action, Remove) and not step.action.forget:
            declared = declared_at(walk.session.root, step.address)
            problems += protected(declared, step.address, "remove")
            problems += unreachable(step.action.record, known.providers)
    if problems:
        raise RunnerError(*problems)
    order = {address: i for i, address in enumerate(in_order(step.address for step in steps))}
    steps.sort(key=lambda step: order[step.address])
    reads = {
        address: decision
        for address, decision in folded.decisions.items()
        if isinstance(decision, Read) and decision.on is None
    }
    return Plan(
        tuple(steps),
        folded.decisions,
        unchanged,
        known,
        walk,
        chosen,
        inputs.moves,
        inputs.imports,
        reads,
    )


def _removals(
    inputs: Inputs, walk: Walk, chosen: Callable[[str], bool], folded: _Folded
) -> Iterator[Step]:
    moved_on = {
        decision.origin
        for decision in folded.decisions.values()
        if isinstance(decision, Reuse) and decision.origin is not None
    }
    for address, record in inputs.records.items():
        absent = isinstance(folded.decisions.get(address), Absent)
        if (absent or not walk.is_declared(address)) and chosen(address):
            reason = "enabled is false" if absent else _why_removed(address, walk)
            forget = inputs.forgets(address) or address in moved_on
            yield Step(address, Remove(record, reason, forget))


def _why_removed(address: str, walk: Walk) -> str:
    around = [address]
    while outer := module_of(around[0]).rstrip("."):
        around.insert(0, outer)
    for one in around:
        reason = _out_of_range(one, walk)
        if reason is not None:
            return reason
    return f"{address} is not in the configuration"


def _out_of_range(address: str, walk: Walk) -> str | None:
    """Why a block, which has instances, does not have this one."""
    try:
        block, key = split_key(address)
    except ValueError:
        return f"{address} is no address of this version"
    keys = walk.session.keys.get(block)
    if keys is None or key in keys:
        return None
    of = f" of {block}" if block.startswith("module.") else ""
    match key:
        case None:
            return f"{block} has instances now"
        case int():
            return f"index [{key}] is out of range for count{of}"
    return f'key ["{key}"] is not in for_each{of}'


def protected(declared: Declared | None, address: str, what: str) -> list[Problem]:
    """The problem of doing this to an answer that must not be destroyed; none if it may be."""
    lifecycle = declared.block.table.get("lifecycle") if declared is not None else None
    if not isinstance(lifecycle, dict) or lifecycle.get("prevent_destroy") is not True:
        return []
    assert declared is not None  # noqa: S101  # it has a lifecycle
    said = (
        f"{address} has lifecycle.prevent_destroy, and this would {what} it: the answer would be "
        "replaced or removed. Take prevent_destroy out, or leave the address out with "
        f"--exclude '{address}'."
    )
    path = ("lifecycle", "prevent_destroy")
    return [declared.block.problem("Answer cannot be destroyed", said, path)]


def unreachable(record: Record, providers: Mapping[str, Provider]) -> list[Problem]:
    """The problem of deleting what was stored where no provider leads any more; none else."""
    if not is_stored(record) or keeper(record, providers) is not None:
        return []
    said = (
        f"{record.address} was stored by the provider {record.provider} ({record.identity}), and "
        "no provider of the configuration leads there, so that it cannot be deleted. Declare "
        f"[provider.{record.provider}] again as it was, or forget the completion and leave it "
        f"where it is: runner state rm '{record.address}'."
    )
    return [Problem("Provider is not declared", said)]


def _pattern(targets: Iterable[str], excludes: Iterable[str]) -> Callable[[str], bool]:
    wanted, unwanted = tuple(targets), tuple(excludes)

    def chosen(address: str) -> bool:
        if any(selects(pattern, address) for pattern in unwanted):
            return False
        return not wanted or any(selects(pattern, address) for pattern in wanted)

    return chosen


def _chooser(walk: Walk, choice: Choice) -> Callable[[str], bool]:
    """Targets with all they need; excludes with all that need them."""
    if not choice.targets and not choice.excludes:
        return lambda _: True
    needed = _closure(walk, choice.targets, lambda vertex: vertex.needs)
    blocks = walk.groups & needed
    users: dict[str, list[str]] = {}
    for vertex in walk.vertices.values():
        for need in vertex.needs:
            users.setdefault(need, []).append(vertex.address)
    left_out = _closure(walk, choice.excludes, lambda vertex: users.get(vertex.address, ()))
    named = _pattern(choice.targets, choice.excludes)

    def chosen(address: str) -> bool:
        if address in left_out:
            return False
        if address in needed or named(address.rstrip("#")):
            return True
        return any(block in blocks for block in around(address))

    return chosen


def _closure(
    walk: Walk, patterns: tuple[str, ...], following: Callable[[Vertex], Iterable[str]]
) -> set[str]:
    todo = [
        address
        for address in walk.vertices
        if any(selects(pattern, address.rstrip("#")) for pattern in patterns)
    ]
    found = set(todo)
    while todo:
        vertex = walk.vertices.get(todo.pop())
        for address in following(vertex) if vertex is not None else ():
            if address not in found:
                found.add(address)
                todo.append(address)
    return found


__all__ = [
    "Absent",
    "Await",
    "Choice",
    "Inputs",
    "Instances",
    "Issue",
    "Keep",
    "Plan",
    "Read",
    "Remove",
    "Reuse",
    "Step",
    "Update",
    "destroy_plan",
    "make_plan",
    "move_records",
    "protected",
    "unreachable",
]
