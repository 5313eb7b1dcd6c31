"""What a plan does about the verdicts of judges, counted and priced."""

from collections.abc import Iterator

from msgspec import Struct, field

from runner.core.address import first_few, in_order, is_verdict
from runner.core.expansion.session import Instance
from runner.core.plan.actions import (
    Absent,
    Await,
    Instances,
    Issue,
    Keep,
    Read,
    Reuse,
    Update,
)
from runner.core.plan.estimate import Estimate, dollars
from runner.core.plan.known import Known, provider_of
from runner.core.plan.plan import PlannedSteps
from runner.core.values import NotKnown, TemplateError
from runner.errors import Problem


class Verdicts(Struct):
    """How many are asked for, may be if an answer changes, are taken from the cache, and are kept;
    `late` is whether nobody knows how many more there will be. The estimate is of all that are
    asked for.
    """

    ask: int = 0
    perhaps: int = 0
    cached: int = 0
    kept: int = 0
    late: bool = False
    estimate: Estimate = field(default_factory=Estimate)

    @property
    def text(self) -> str:
        """In one line; empty where there are none."""
        parts = []
        if self.ask:
            parts.append(f"{_many(self.ask)} to ask ({_cost(self.estimate)})")
        if self.perhaps:
            parts.append(f"up to {self.perhaps:,} more if their answers change")
        if self.late:
            parts.append("more once instances are known")
        if self.cached:
            parts.append(f"{self.cached:,} from the cache")
        if self.kept:
            parts.append(f"{self.kept:,} kept" if parts else f"{_many(self.kept)} kept")
        return f"Checks: {', '.join(parts)}." if parts else ""


def _many(number: int) -> str:
    return "1 verdict" if number == 1 else f"{number:,} verdicts"


def _cost(estimate: Estimate) -> str:
    if estimate.unpriced:
        names = (name or "the server's own model" for name in sorted(estimate.unpriced))
        return f"price of {', '.join(names)} unknown"
    if estimate.free:
        return "no cost"
    low, high = dollars(estimate.cost_low), estimate.cost_high
    if high is None:
        return f"at least {low}"
    return f"~{low}" if dollars(high) == low else f"{low} to {dollars(high)}"


def count_verdicts(plan: PlannedSteps, counted: Verdicts) -> None:
    """Add what a plan decided about each verdict."""
    for address, decision in plan.decisions.items():
        if is_verdict(address):
            match decision:
                case Issue() | Await(old=None):
                    counted.ask += 1
                case Await():
                    counted.perhaps += 1
                case Reuse():
                    counted.cached += 1
                case Keep() | Update():
                    counted.kept += 1
                case Absent() | Read():
                    pass
    counted.late = any(is_verdict(step.address) for step, _ in plan.of(Instances))


def own_judges(plan: PlannedSteps) -> Iterator[Problem]:
    """A warning for each check in which a model judges its own answers."""
    found: dict[str, tuple[Instance, dict[str, None]]] = {}
    for address in plan.decisions:
        instance = plan.walk.vertices[address].instance if is_verdict(address) else None
        judged = instance.judged if instance is not None else None
        if instance is None or judged is None or not plan.chosen(address):
            continue
        model = _model(instance, plan.known)
        if model is not None and model == _model(judged, plan.known):
            block = instance.declared.address
            found.setdefault(block, (instance, {}))[1][judged.address] = None
    for block, (instance, answers) in found.items():
        some = first_few(in_order(answers), 3)
        said = (
            f"{block} asks the model whose answers it judges: {some}. A model is kind to its own "
            "answers; another one judges more fairly."
        )
        path = ("model",) if "model" in instance.declared.block.table else ()
        yield instance.declared.block.problem("A model judges itself", said, path, warning=True)


def _model(instance: Instance, known: Known) -> tuple[str, str] | None:
    """Who answers: a provider's identity and a model; None where that hangs on an answer."""
    try:
        provider = provider_of(instance, known)
        if provider.type.has_model:
            return provider.identity, ""
        node = instance.declared.params.get("model")
        held = provider.defaults.get("model") if node is None else node.render(instance.names())
    except (NotKnown, TemplateError):
        return None
    return provider.identity, str(held)
