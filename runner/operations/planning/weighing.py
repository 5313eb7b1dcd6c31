"""What a plan costs, and what its providers do not do: weighed as its requests are made."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct, field

from runner.core.address import first_few, is_verdict
from runner.core.expansion.session import Instance
from runner.core.modules.module import declared_at
from runner.core.plan.actions import (
    Await,
    Instances,
    Issue,
    Read,
    Step,
)
from runner.core.plan.estimate import (
    Bound,
    Estimate,
    Terms,
    bound,
    bound_later,
    most_tokens,
    terms_of,
)
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.reports import Reports
from runner.core.plan.verdicts import Verdicts
from runner.core.plan.walk import VertexKey, address_of
from runner.core.plan.words import form_later, known_part
from runner.core.request.build import Request
from runner.core.request.lanes import lane_of
from runner.core.request.outline import Outline
from runner.core.request.provider import Provider
from runner.core.request.provider_blocks import DeclaredProvider, Limit
from runner.core.request.sketch import Sketch
from runner.core.state.records import Lane, Record
from runner.core.values import NotKnown
from runner.errors import Problem, Where
from runner.operations.reading.loaded import Loaded


class _Alike(NamedTuple):
    """What holds for all requests of an outline that travel alike; `is_listed` says whether their
    prices are those of their lane, `limits` what their provider does not do.
    """

    outline: Outline
    lane: Lane
    terms: Terms
    is_listed: bool
    limits: tuple[Limit, ...]


class Scales(Struct):
    """Weighs each request that will be sent: its cost, and what its provider does not do. It is
    handed to whoever makes the plan, and told of the plan that was made.
    """

    project: Loaded
    reports: Reports
    estimate: Estimate = field(default_factory=Estimate)
    limits: dict[tuple[str, Limit], list[str]] = {}
    verdicts: Verdicts = field(default_factory=Verdicts)
    unlisted: dict[str, str] = {}  # models without a price of batches
    _longest: dict[str, int | None] = {}
    _last: _Alike | None = None

    def __call__(
        self, instance: Instance, request: Request, outline: Outline, old: Record | None
    ) -> None:
        """A request that will be sent, with its outline, and the record of the answer before."""
        address = instance.address
        lane = self._lane(instance, self.project.providers[request.provider])
        alike = self._last
        if alike is None or alike.outline is not outline or alike.lane != lane:
            alike = self._last = self._alike(request, outline, lane)
        prompt = self.reports.tokens(request.identity, outline, request.texts, old)
        weight = bound(prompt, old, alike.terms)
        self.estimate.add(weight)
        if self.project.options.batch or lane == "batch":
            self.estimate.batched = (self.estimate.batched or 0) + (lane == "batch")
        if is_verdict(address):
            self.verdicts.estimate.add(weight)
        self._longest[address] = weight.longest
        if not alike.is_listed:
            self.unlisted.setdefault(weight.model, address)
        for limit in alike.limits:
            self.limits.setdefault((request.provider, limit), []).append(address)

    def _alike(self, request: Request, outline: Outline, lane: Lane) -> _Alike:
        """What holds for this request, looked at once for all that are like it."""
        prices, body = self.project.prices.of_lane(lane), outline.body
        terms = terms_of(request, outline, prices.tariff, prices.source)
        is_listed = prices.knows_lane(request.identity, str(body.get("model", "")))
        limits = tuple(self.project.declared[request.provider].limits(body))
        return _Alike(outline, lane, terms, is_listed, limits)

    def weigh_later(self, plan: PlannedSteps) -> None:
        """What may be sent once answers are known, from above."""
        awaiting = [step for step, _ in plan.of(Await)]
        sketches = {step.address: known_part(plan, step) for step in awaiting}
        for step in awaiting:
            made = sketches[step.address]
            self._longest[step.address] = None if made is None else most_tokens(made[1].sent)
            if made is not None:
                plan.known.forms.note(step.address, form_later(step, *made))
        for step in awaiting:
            made = sketches[step.address]
            if made is None:
                self.estimate.unbound()
            else:
                self._weigh_awaiting(plan, step, *made)
        for _ in plan.of(Instances):
            self.estimate.unbound()

    def _weigh_awaiting(
        self, plan: PlannedSteps, step: Step, provider: Provider, known: Sketch
    ) -> None:
        longest = self._longest_of(plan, plan.walk.vertices[step.address].needs)
        prices = self.project.prices.of_lane(self._lane(step.instance, provider))
        weight = bound_later(
            known, provider.identity, longest, self.reports.tokens, prices.price, prices.source
        )
        self.estimate.add_later(weight)
        if is_verdict(step.address):
            self._weigh_verdict(plan, step.address, weight)

    def _longest_of(self, plan: PlannedSteps, needs: Iterable[VertexKey]) -> int | None:
        """How long the longest answer is at most that has yet to come; what many wait for is looked
        at once. None where nothing bounds it.
        """
        found = [0]
        for need in needs:
            vertex = plan.walk.vertices.get(need)
            address = address_of(need)
            if vertex is not None and vertex.kind == "group":
                if address not in self._longest:
                    self._longest[address] = self._longest_of(plan, vertex.needs)
            elif not isinstance(plan.decisions.get(address), Issue | Await | Read):
                continue
            longest = self._longest.get(address)
            if longest is None:
                return None
            found.append(longest)
        return max(found)

    def _lane(self, instance: Instance | None, provider: Provider) -> Lane:
        """The lane that it takes, as far as that is known."""
        batch = self.project.options.batch
        try:
            return "live" if instance is None else lane_of(instance, provider, batch=batch)
        except NotKnown:
            return "batch" if batch else "live"

    def warnings(self) -> Iterator[Problem]:
        """What was seen at it that a person is told."""
        yield from _not_done(self.project, self.limits)
        yield from _unlisted(self.unlisted)

    def _weigh_verdict(self, plan: PlannedSteps, address: str, weight: Bound) -> None:
        """What was never judged will be, whatever is answered."""
        decision = plan.decisions[address]
        if isinstance(decision, Await) and decision.old is None:
            self.verdicts.estimate.add(weight)
        else:
            self.verdicts.estimate.add_later(weight)


def _unlisted(found: Mapping[str, str]) -> Iterator[Problem]:
    for model, address in found.items():
        said = (
            f"No list knows what {model} costs in a batch ({address}): the usual price is shown. "
            "If you know it, say what a dollar comes to: discount = 0.5 in [provider.NAME.batch]."
        )
        yield Problem("Batch price not known", said, None, "warning")


def _not_done(project: Loaded, found: Mapping[tuple[str, Limit], list[str]]) -> Iterator[Problem]:
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
