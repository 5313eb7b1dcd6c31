"""What checks come to, and what changed for them: today's checks on the answers of two states."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runner.core.checks.comparison import Comparison, Difference, MeasureKind, difference
from runner.core.checks.outcomes import CheckedAnswer, CheckOutcome
from runner.core.checks.statistics.significance import holm
from runner.core.checks.verdicts import FailOn, Holds
from runner.core.modules.folder import Block


@dataclass(frozen=True, slots=True)
class CheckChange:
    """A check on the answers of another state and on those of now. `difference` is of now less
    then, over the answers that both have: `gained` hold now alone, `lost` held then alone.
    """

    before: CheckOutcome
    after: CheckOutcome
    difference: Difference

    @property
    def block(self) -> Block:
        """The check's own."""
        return self.after.check.block

    @property
    def newly_failing(self) -> tuple[CheckedAnswer, ...]:
        """Answers of now that do not hold, where one held."""
        held = {one.address for one in self.before.answers if isinstance(one.verdict, Holds)}
        return tuple(one for one in self.after.failed if one.address in held)

    @property
    def newly_holding(self) -> tuple[CheckedAnswer, ...]:
        """Answers of now that hold, where one did not."""
        failed = {one.address for one in self.before.failed}
        held = (one for one in self.after.answers if isinstance(one.verdict, Holds))
        return tuple(one for one in held if one.address in failed)

    @property
    def still_failing(self) -> tuple[CheckedAnswer, ...]:
        """Answers of now that do not hold, where none held either."""
        new = {one.address for one in self.newly_failing}
        return tuple(one for one in self.after.failed if one.address not in new)

    @property
    def regressed(self) -> bool:
        """Whether it is not met, and something that held does not hold any more: the check itself;
        of one that was not met either, an answer where all have to hold, else the share or mean.
        """
        if self.after.met != "not met":
            return False
        if self.before.met == "met" or self.difference.interval.value < 0:
            return True
        return self.after.has_to_hold_of_all and bool(self.newly_failing)


@dataclass(frozen=True, slots=True)
class ComparisonChange:
    """A comparison of the answers of another state, and of those of now."""

    before: Comparison
    after: Comparison

    @property
    def block(self) -> Block:
        """The comparison's own."""
        return self.after.block

    @property
    def regressed(self) -> bool:
        """Whether it is not met any more."""
        return (self.before.met, self.after.met) == ("met", "not met")


@dataclass(frozen=True, slots=True)
class CheckChanges:
    """The same checks on the answers of another state, which `name` is for people, and of now."""

    name: str
    checks: tuple[CheckChange, ...]
    comparisons: tuple[ComparisonChange, ...]

    @property
    def regressed(self) -> tuple[str, ...]:
        """The addresses of what is not met although something held, whatever its severity."""
        found = [each.after.address for each in self.checks if each.regressed]
        return (*found, *(each.after.address for each in self.comparisons if each.regressed))

    def of(self, outcome: CheckOutcome) -> CheckChange:
        """What changed for one of the checks of now."""
        return next(each for each in self.checks if each.after is outcome)


@dataclass(frozen=True, slots=True)
class Checked:
    """All checks that were asked for. `outdated` are the addresses of answers to another request
    than would be issued now; `since` is what changed, where it is asked for.
    """

    checks: tuple[CheckOutcome, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    outdated: tuple[str, ...] = ()
    since: CheckChanges | None = None
    fail_on: FailOn = "not-met"

    @property
    def outcomes(self) -> tuple[CheckOutcome | Comparison, ...]:
        """Checks and comparisons."""
        return (*self.checks, *self.comparisons)

    def fails(self, one: CheckOutcome | Comparison) -> bool:
        """Whether the exit status says so: it is not met, that is an error, and it counts."""
        match self.fail_on:
            case "not-met":
                return one.fails
            case "regression":
                return one.fails and self.since is not None and one.address in self.since.regressed
            case "never":
                return False

    @property
    def failing(self) -> tuple[str, ...]:
        """The addresses of the blocks because of which the exit status is 3."""
        checks = (each.check.block for each in self.checks if self.fails(each))
        blocks = (*checks, *(each.block for each in self.comparisons if self.fails(each)))
        return tuple(dict.fromkeys(f"{block.kind}.{block.name}" for block in blocks))

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to check."""
        return not (self.checks or self.comparisons)


def check_changes(
    before: Sequence[CheckOutcome], after: Sequence[CheckOutcome]
) -> tuple[CheckChange, ...]:
    """Each check then and now; p counts beside that of all others (Holm)."""
    found = [_difference(*sides) for sides in zip(before, after, strict=True)]
    adjusted = holm([each.p for each in found])
    changed = (replace(each, adjusted=p) for each, p in zip(found, adjusted, strict=True))
    return tuple(CheckChange(*each) for each in zip(before, after, changed, strict=True))


def _difference(before: CheckOutcome, after: CheckOutcome) -> Difference:
    then = {one.address: one for one in before.answers}
    cases: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for one in after.answers:
        other = then.get(one.address)
        if other is not None and one.value is not None and other.value is not None:
            cases.setdefault((one.case, other.case), []).append((one.value, other.value))
    kind: MeasureKind = "mean" if after.is_score else "share"
    return difference(after.address, kind, list(cases.values()))
