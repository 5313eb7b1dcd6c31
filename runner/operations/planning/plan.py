"""A plan from what was read: shared by plan, apply, destroy and saved plans."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import Struct

from runner.core.address import each_target, first_few, is_verdict, selects, split_key, why_none
from runner.core.api.answer import warning
from runner.core.api.exchange import Failure
from runner.core.expansion.outputs import (
    FileChange,
    OutputValue,
    declared_outputs,
    outputs,
    shown_outputs,
)
from runner.core.expansion.session import Instance
from runner.core.modules.module import declared_at
from runner.core.plan.actions import (
    Absent,
    Await,
    Instances,
    Issue,
    Keep,
    Read,
    Remove,
    Reuse,
    Update,
)
from runner.core.plan.data_sources import data_record, unless_same
from runner.core.plan.diff import ABSENT
from runner.core.plan.estimate import Bound, Estimate, bound, bound_later, most_tokens
from runner.core.plan.known import provider_of
from runner.core.plan.plan import Inputs, PlannedSteps, destroy_plan, make_plan
from runner.core.plan.reports import Reports
from runner.core.plan.targets import Choice
from runner.core.plan.verdicts import Verdicts, count_verdicts, own_judges
from runner.core.plan.walk import address_of
from runner.core.plan.words import form_later, in_batches, known_part, summary
from runner.core.request.build import Request
from runner.core.request.lanes import lane_of
from runner.core.request.provider import ELSEWHERE, Provider
from runner.core.request.provider_blocks import DeclaredProvider, Limit
from runner.core.request.server_store import stored_id
from runner.core.state.records import Lane, Record
from runner.core.state.sent_batches import SentBatch
from runner.core.suggest import did_you_mean
from runner.core.values import NotKnown
from runner.errors import Problem, RunnerError, Where
from runner.io.prices import Prices
from runner.operations.batches.under_way import planned_batches, under_way
from runner.operations.blocking import run_to_end
from runner.operations.caches.answers import answers_of
from runner.operations.caches.sharing import shared_answers, tell_of_sweep
from runner.operations.outputs import outputs_json
from runner.operations.outputs.evaluate import recorded_session
from runner.operations.outputs.output_files import file_changes
from runner.operations.reading.loaded import Loaded


class Planned(Struct, frozen=True):
    """A plan, what it was made from, its estimate, and the declared outputs and the files of
    outputs that it changes; `verdicts` is what of it is about those of judges. `batches` are those
    that some of its requests are under way in, by address.
    """

    plan: PlannedSteps
    inputs: Inputs
    estimate: Estimate
    outputs: Mapping[str, tuple[Any, Any]]
    files: tuple[FileChange, ...]
    choice: Choice
    verdicts: Verdicts
    batches: Mapping[str, SentBatch] = {}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do, and nothing to write."""
        return self.plan.empty and not self.outputs and not self.files

    @property
    def summary(self) -> str:
        """In one line."""
        files = sum(file.action != "undecided" for file in self.files)
        if self.plan.empty and not files:
            return "No changes."
        return summary(self.plan, self.estimate, files, self.under_way)

    @property
    def under_way(self) -> str:
        """How many of its requests are in batches by now, in words."""
        return in_batches(sent.batch for sent in self.batches.values())


def planned(
    project: Loaded,
    *,
    reads: Mapping[str, Record] | None = None,
    choice: Choice | None = None,
    answers: bool = True,
) -> Planned:
    """The plan for the project as it was read. `reads` are data sources read in this run; without
    `answers`, what the cache holds is not looked at.
    """
    wanted = choice or project.options.choice
    records, moves = project.moved()
    scales = _Scales(project, Reports(records.values()))

    is_shared = answers and project.shares and not wanted.destroy
    shared = shared_answers(project) if is_shared else None
    with answers_of(project.store, project.owner, shared) as cached:
        held = None if project.settings.offline else (reads or {})
        sweep = cached.sweep if shared is not None and shared.reads else None
        lookup = cached if answers else lambda *_: None
        inputs = project.inputs(lookup, records, wanted, held, sweep)
        brought = tuple((name, stored_id(made)) for name, made in project.imported.items())
        inputs = replace(inputs, weigh=scales, moves=moves, imports=brought)
        plan = destroy_plan(inputs) if wanted.destroy else make_plan(inputs)
        tell_of_sweep(project, cached)
    named = ("--target", wanted.targets), ("--exclude", wanted.excludes)
    refuse_unknown((*named, ("--replace", wanted.replaces)), plan, records)
    scales.weigh_later(plan)
    count_verdicts(plan, scales.verdicts)
    said = [*_limits(project, scales.limits), *plan.known.session.warnings.values()]
    said += [*own_judges(plan), *_unlisted(scales.unlisted)]
    project.warnings.extend(each for each in said if each not in project.warnings)
    found = {} if wanted.destroy else _outputs(plan)
    changed = {**changed_outputs(project, found), **_gone_outputs(project, plan, wanted, found)}
    written = file_changes(project, found, decided=plan.empty)
    known = planned_batches(plan, under_way(project))
    return Planned(plan, inputs, scales.estimate, changed, written, wanted, scales.verdicts, known)


@dataclass(slots=True)
class _Scales:
    """Weighs each request that will be sent: its cost, and what its provider does not do."""

    project: Loaded
    reports: Reports
    estimate: Estimate = field(default_factory=Estimate)
    limits: dict[tuple[str, Limit], list[str]] = field(default_factory=dict)
    verdicts: Verdicts = field(default_factory=Verdicts)
    unlisted: dict[str, str] = field(default_factory=dict)  # models without a price of batches
    _longest: dict[str, int | None] = field(default_factory=dict)

    def __call__(
        self, instance: Instance, request: Request, body: dict[str, Any], old: Record | None
    ) -> None:
        address = instance.address
        prices = self._prices(instance, self.project.providers[request.provider])
        weight = bound(request, body, old, self.reports.tokens, prices.price, prices.source)
        self.estimate.add(weight)
        if is_verdict(address):
            self.verdicts.estimate.add(weight)
        self._longest[address] = weight.longest
        if not prices.knows_lane(request.identity, str(body.get("model", ""))):
            self.unlisted.setdefault(weight.model, address)
        for limit in self.project.declared[request.provider].limits(body):
            self.limits.setdefault((request.provider, limit), []).append(address)

    def weigh_later(self, plan: PlannedSteps) -> None:
        """What may be sent once answers are known, from above."""
        sketches = {step.address: known_part(plan, step) for step, _ in plan.of(Await)}
        instances = {step.address: step.instance for step, _ in plan.of(Await)}
        for step, _ in plan.of(Await):
            made = sketches[step.address]
            self._longest[step.address] = None if made is None else most_tokens(made[1].sent)
            if made is not None:
                plan.known.forms.note(step.address, form_later(step, *made))
        for address, made in sketches.items():
            if made is None:
                self.estimate.unbound()
                continue
            provider, known = made
            needs = [
                self._longest.get(need)
                for need in _awaited(plan, address)
                if isinstance(plan.decisions.get(need), Issue | Await | Read)
            ]
            longest = None if None in needs else max(filter(None, needs), default=0)
            prices = self._prices(instances[address], provider)
            weight = bound_later(
                known,
                provider.identity,
                longest,
                self.reports.tokens,
                prices.price,
                prices.source,
            )
            self.estimate.add_later(weight)
            if is_verdict(address):
                self._weigh_verdict(plan, address, weight)
        for _ in plan.of(Instances):
            self.estimate.unbound()

    def _prices(self, instance: Instance | None, provider: Provider) -> Prices:
        """Those of the lane that it takes, as far as that is known."""
        batch = self.project.options.batch
        try:
            lane: Lane = "live" if instance is None else lane_of(instance, provider, batch=batch)
        except NotKnown:
            lane = "batch" if batch else "live"
        return self.project.prices.of_lane(lane)

    def _weigh_verdict(self, plan: PlannedSteps, address: str, weight: Bound) -> None:
        """What was never judged will be, whatever is answered."""
        decision = plan.decisions[address]
        if isinstance(decision, Await) and decision.old is None:
            self.verdicts.estimate.add(weight)
        else:
            self.verdicts.estimate.add_later(weight)


def _awaited(plan: PlannedSteps, address: str) -> Iterator[str]:
    """The addresses that one needs, each instance of a block by itself."""
    for need in plan.walk.vertices[address].needs:
        vertex = plan.walk.vertices.get(need)
        if vertex is not None and vertex.kind == "group":
            yield from map(address_of, vertex.needs)
        else:
            yield address_of(need)


def _unlisted(found: Mapping[str, str]) -> Iterator[Problem]:
    for model, address in found.items():
        said = (
            f"No list knows what {model} costs in a batch ({address}): the usual price is shown. "
            "If you know it, say what a dollar comes to: discount = 0.5 in [provider.NAME.batch]."
        )
        yield Problem("Batch price not known", said, None, "warning")


def _limits(project: Loaded, found: Mapping[tuple[str, Limit], list[str]]) -> Iterator[Problem]:
    """What a provider does not do, said before it is asked, at the first place that asks for it."""
    for (name, limit), addresses in found.items():
        provider = project.declared[name]
        who = name if provider.type.leaves else "the embedded model"
        detail = f"{first_few(addresses, 3)}: {limit.said}"
        where = _asked_at(project, provider, limit, addresses[0])
        yield Problem(f"Not done by {who}", detail, where, "warning")


def _asked_at(
    project: Loaded, provider: DeclaredProvider, limit: Limit, address: str
) -> Where | None:
    """Where a parameter is set: in the completion, else in the defaults of its provider."""
    declared, name = declared_at(project.root, address), limit.parameter
    if declared is None or name is None:
        return None
    table = declared.block.table
    if name in table:
        return declared.block.where((name,), on="key")
    if name in _table(table.get("extra_body")):
        return declared.block.where(("extra_body", name), on="key")
    if provider.block is not None and name in _table(provider.block.table.get("defaults")):
        return provider.block.where(("defaults", name), on="key")
    return declared.block.where()


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def validated(project: Loaded) -> Planned:
    """The plan of everything, as if nothing was recorded, without asking anybody; RunnerError for
    what is wrong.
    """
    from runner.operations.reading.check_programs import program_problems  # noqa: PLC0415  # of checks

    project.settings.offline = True
    project.state = replace(project.state, records={})
    checks = project.root.checks.values()
    wrong = [problem for check in checks for problem in program_problems(project, check)]
    try:
        made = planned(project, choice=Choice(), answers=False)
    except RunnerError as exc:
        raise RunnerError(*exc.problems, *wrong) from exc
    if wrong:
        raise RunnerError(*wrong)
    return made


def whole_plan(project: Loaded, *, recalls: bool = False) -> Planned:
    """The plan, with what [[import]] blocks bring and what data sources say, read now; what cannot
    be read for want of a key is as it was read last, if the plan `recalls`.
    """
    made = planned(project)
    if project.settings.offline:
        project.warnings.extend(_not_imported(project, made.plan))
    if project.settings.offline or made.choice.destroy:
        return made
    reads: dict[str, Record] = {}
    if project.root.blocks.lists["import"]:
        if made.plan.reads:  # what is imported may hang on what is stored
            reads = read_sources(project, made, recalls=recalls)
            made = planned(project, reads=reads)
        from runner.operations.planning.imports import bring, pending  # noqa: PLC0415  # aiohttp

        wanted = pending(project, made.plan)
        if wanted:
            bring(project, made.plan, wanted)
            made = planned(project, reads=reads or None)
    if any(address not in reads for address in made.plan.reads):
        reads = read_sources(project, made, recalls=recalls, found=reads)
        made = planned(project, reads=reads)
    return made


def _not_imported(project: Loaded, plan: PlannedSteps) -> Iterator[Problem]:
    for block in project.root.blocks.lists["import"]:
        target, named = each_target(str(block.table.get("to")))
        held = map(split_key, plan.known.records) if named else ((at,) for at in plan.known.records)
        if target not in {at[0] for at in held}:
            said = (
                f"{block.table.get('to')} has to be asked for at its server; this run is offline."
            )
            yield block.problem("Not imported", said, ("to",), warning=True)


def read_sources(
    project: Loaded,
    made: Planned,
    *,
    recalls: bool = False,
    found: Mapping[str, Record] | None = None,
    answers: bool = True,
) -> dict[str, Record]:
    """The data sources whose arguments are known, read now; again until no new one is known.
    Without `answers`, those that the cache holds make none known.
    """
    from runner.operations.connecting.connections import connections, prepare  # noqa: PLC0415  # aiohttp

    found = dict(found or {})

    async def read_all(plan: PlannedSteps) -> None:
        async with connections(project) as doors:
            for address, read in plan.reads.items():
                vertex = plan.walk.vertices[address]
                if vertex.instance is None or address in found:
                    continue
                provider = provider_of(vertex.instance, plan.known)
                kind = vertex.instance.declared.name.split(".", 1)[0]
                got = await doors.read(provider.name, kind, read.arguments)
                if isinstance(got, Failure):
                    raise _unread(address, vertex.instance.declared.block.problem, got)
                made = data_record(vertex.instance, provider, read, got, project.secrets.texts)
                read_now = replace(made, issued_at=doors.now())
                found[address] = unless_same(project.state.records.get(address), read_now)

    plan = made.plan
    while any(address not in found for address in plan.reads):
        if recalls:
            found |= _recalled(project, plan, found)
        stores = {name for address, name in _stores(plan) if address not in found}
        if stores:
            prepare(project, stores)
            run_to_end(read_all(plan))
        plan = planned(project, reads=found, choice=made.choice, answers=answers).plan
    return found


def _recalled(
    project: Loaded, plan: PlannedSteps, found: Mapping[str, Record]
) -> dict[str, Record]:
    """What was read last for the same arguments, of the data sources that lack a key now."""
    from runner.operations.connecting.connections import lacks_key  # noqa: PLC0415  # aiohttp

    recalled: dict[str, Record] = {}
    for address, provider in _stores(plan):
        record = plan.known.records.get(address)
        same = record is not None and record.fingerprint == plan.reads[address].fingerprint
        same = same and provider != ELSEWHERE.name
        if record is not None and same and address not in found and lacks_key(project, provider):
            recalled[address] = record
    if recalled:
        said = (
            f"{first_few([*recalled], 3)}: the key of the provider is not set, so this is as it "
            "was read last, and may have changed at the server. An apply that sends nothing takes "
            "it as well: --offline."
        )
        project.warnings.append(Problem("Read from the state", said, None, "warning"))
    return recalled


def _stores(plan: PlannedSteps) -> Iterator[tuple[str, str]]:
    """The data sources that a plan reads now, and the provider of each."""
    for address in plan.reads:
        instance = plan.walk.vertices[address].instance
        if instance is not None:
            yield address, provider_of(instance, plan.known).name


def unfinished_answers(plan: PlannedSteps) -> dict[str, str]:
    """The recorded answers that are used and are not all there, and why."""
    found: dict[str, str] = {}
    for address, made in plan.decisions.items():
        match made:
            case Keep(record) | Update(record) | Reuse(record):
                said = _unfinished(record)
                if said is not None:
                    found[address] = said
            case Issue() | Await() | Absent() | Read():
                pass
    return found


def _unfinished(record: Record) -> str | None:
    if record.status != "incomplete":
        return None
    return warning(record.response, mended=record.mended)


def _unread(address: str, problem: Any, failure: Failure) -> RunnerError:
    said = f"{address} could not be read: {failure.in_full}"
    told: Problem = problem("Cannot read data source", said)
    return RunnerError(told)


def refuse_unknown(
    flags: tuple[tuple[str, tuple[str, ...]], ...],
    plan: PlannedSteps,
    records: Mapping[str, Record],
) -> None:
    """RunnerError if a flag names an address that is none: one that is misspelt would quietly
    choose nothing, or everything.
    """
    if any(patterns for _, patterns in flags):
        known = [*(vertex.address for vertex in plan.walk.vertices.values()), *records]
        refuse_unnamed(flags, known, [step.address for step, _ in plan.of(Instances)])


def refuse_unnamed(
    flags: tuple[tuple[str, tuple[str, ...]], ...],
    addresses: Iterable[str],
    unrolled: Collection[str],
) -> None:
    """The same of these addresses, and of those in blocks whose instances are not known."""
    known = dict.fromkeys(addresses)
    problems = []
    for flag, patterns in flags:
        for pattern in patterns:
            later = any(pattern.startswith(f"{block}[") for block in unrolled)
            if not later and not any(selects(pattern, address) for address in known):
                why = why_none(pattern, known)
                near = did_you_mean(pattern, known, " `runner state list` shows some.")
                hint = f" {why}" if why else near
                said = f'{flag}: neither the configuration nor the state has "{pattern}".{hint}'
                problems.append(Problem("Unknown address", said))
    if problems:
        raise RunnerError(*problems)


def _outputs(plan: PlannedSteps) -> dict[str, OutputValue]:
    """The declared outputs as the plan leaves them; RunnerError for what is wrong in them."""
    problems: list[Problem] = []
    found = declared_outputs(plan.walk.session, problems)
    if problems:
        raise RunnerError(*problems)
    return found


def _gone_outputs(
    project: Loaded, plan: PlannedSteps, wanted: Choice, found: Mapping[str, OutputValue]
) -> dict[str, tuple[Any, Any]]:
    """The outputs of blocks that outputs.json will not hold any more. That of a completion goes
    with its record, and is not told again.
    """
    held = _held_outputs(project)
    if not held:
        return {}
    left: set[str] = set(found)
    if wanted.destroy:
        gone = {step.address for step, _ in plan.of(Remove)}
        kept = {at: record for at, record in project.moved()[0].items() if at not in gone}
        left = set(
            shown_outputs(outputs(recorded_session(project, kept), kept, [])) if kept else ()
        )
    declared = project.root.outputs
    names = [
        name
        for name in sorted(held.keys() - left)
        if name in declared or name not in project.root.completions
    ]
    if not names:  # the usual case: no record is looked at
        return {}
    owned = {split_key(address)[0] for address in {*project.state.records, *project.moved()[0]}}
    return {
        name: (held[name], ABSENT)
        for name in names
        if name in declared or f"completion.{name}" not in owned
    }


def _held_outputs(project: Loaded) -> Mapping[str, Any]:
    """What outputs.json holds, or would hold where somebody else wrote the state since."""
    if outputs_json.is_current(project.store):
        return outputs_json.held(project.store)
    records, _ = project.moved()
    return shown_outputs(outputs(recorded_session(project), records, []))


def changed_outputs(
    project: Loaded, found: Mapping[str, OutputValue]
) -> dict[str, tuple[Any, Any]]:
    """The declared outputs whose value is known and is not what outputs.json holds."""
    if not found:
        return {}
    held = _held_outputs(project)
    changed: dict[str, tuple[Any, Any]] = {}
    for name, value in shown_outputs(found).items():
        old = held.get(name, ABSENT)
        if old is ABSENT or old != value:
            changed[name] = (old, value)
    return changed
