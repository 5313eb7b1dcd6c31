"""How an apply ended, as values: what it cost, what went wrong, and all of it in one line."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import get_args

from msgspec import Struct

from runner.core.address import first_few, is_verdict
from runner.core.api.exchange import Failure, spared
from runner.core.api.usage import asked_model
from runner.core.modules.module import declared_at
from runner.core.plan.estimate import compact, dollars
from runner.core.plan.events import How
from runner.core.plan.words import in_batches
from runner.core.state.records import Record
from runner.errors import Problem, Where, counted
from runner.io.apply.ports import Outcome
from runner.io.prices import Prices
from runner.operations.spending import Ledger

_NAMES_SHOWN = 5


class Spent(Struct, frozen=True):
    """Tokens and dollars of a run. `unpriced` counts answers whose price nobody knows."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    priced: int = 0

    def text(self) -> str:
        """In words; an unknown price is said."""
        tokens = f"{compact(self.prompt_tokens + self.completion_tokens)} tokens"
        parts = [tokens]
        if self.priced:
            parts.append(dollars(self.cost))
        if self.unpriced:
            parts.append(f"{counted(self.unpriced, 'answer')} of unknown price")
        return ", ".join(parts)


def spent(outcome: Outcome, ledger: Ledger) -> Spent:
    """What the answers of a run used and cost."""
    prompt = completion = unpriced = priced = 0
    cost = 0.0
    for record in outcome.issued.values():
        paid = ledger.closing(record)
        if paid.used is not None:
            prompt += paid.used.prompt
            completion += paid.used.completion
        if not paid.cost and _is_free(record, ledger.prices):
            continue
        if paid.cost is None:
            unpriced += 1
        else:
            priced += 1
            cost += paid.cost
    return Spent(prompt, completion, cost, unpriced, priced)


def _is_free(record: Record, prices: Prices) -> bool:
    return prices.is_free(record.identity, asked_model(record.request))


def problems_of(
    outcome: Outcome, push: Callable[[str], str], go_on: str = "Apply again to go on."
) -> list[Problem]:
    """Failures, equal ones folded, then the reason of an early end, then warnings. `push` gives
    the command that brings a rescued file back, `go_on` says how a run that ended early does.
    """
    return [
        *_failures(outcome),
        *_early_end(outcome, push, go_on),
        *unfinished(outcome.warnings),
    ]


def unjudged(outcome: Outcome) -> dict[str, Failure]:
    """The verdicts that judges were asked for and did not give. An answer without one is unscored,
    which is no failure of a run unless its check says so.
    """
    return {
        address: failure
        for address, failure in outcome.failed.items()
        if failure.attempts and is_verdict(address) and not _must_be_scored(outcome, address)
    }


def _must_be_scored(outcome: Outcome, address: str) -> bool:
    declared = declared_at(outcome.session.root, address)
    return declared is not None and declared.judging is not None and declared.judging.strict


def headline(outcome: Outcome, spent: Spent, files: int = 0, *, destroys: bool = False) -> str:
    """What was done, in one line that says whether all of it was; so many files of outputs were
    written.
    """
    tally = outcome.tally
    parts = [f"{tally[how]} {how}" for how in get_args(How) if how in tally]
    if files:
        parts.append(f"{counted(files, 'file')} written")
    verb, nothing = ("Destroy", "0 removed") if destroys else ("Apply", "0 issued")
    done = ", ".join(parts) or nothing
    used = f" {spent.text()}." if outcome.issued else ""
    if outcome.under_way:
        done += f", {in_batches(outcome.under_way.values())}"
    without = len(unjudged(outcome))
    failed = len(outcome.failed) - without
    if without:
        done += f", {counted(without, 'verdict')} not given"
    if failed or outcome.stopped:
        return f"{verb} incomplete: {done}, {failed} failed.{used}"
    if outcome.under_way:
        return f"{verb} goes on: {done}.{used}"
    return f"{verb} complete! {done[0].upper()}{done[1:]}.{used}"


def facts_of(failure: Failure) -> list[str]:
    """What the server told beside its message: `status 429`, `code insufficient_quota`, .."""
    told = (
        ("status", failure.status),
        ("type", failure.type),
        ("code", failure.code),
        ("request id", failure.request_id),
        ("attempts", failure.attempts if failure.attempts > 1 else None),
        ("maybe billed", failure.maybe_billed or None),
    )
    return [f"{name} {value}" for name, value in told if value is not None]


def _failures(outcome: Outcome) -> Iterator[Problem]:
    failed, because = outcome.failed, Counter(outcome.skipped.values())
    without = unjudged(outcome)
    groups: dict[tuple[object, ...], list[str]] = {}
    for address, failure in failed.items():
        known = (failure.message, failure.status, failure.type, failure.code)
        key = (*known, address in without)
        groups.setdefault(key, []).append(address)
    for addresses in groups.values():
        failure = failed[addresses[0]]
        facts = facts_of(failure)
        detail = failure.message
        if facts:
            detail += f"\n({', '.join(facts)})"
        if failure.hint:
            detail += f"\n\n{failure.hint}"
        if len(addresses) > 1:
            shown = first_few(addresses, _NAMES_SHOWN)
            detail += f"\n\nThe same for {len(addresses)} completions: {shown}"
        unasked = sum(because[spared(address)] for address in addresses)
        if unasked:
            detail += f"\n\n{unasked} more were not asked: they would have met the same."
        if addresses[0] in without:
            detail += "\n\nWithout a verdict an answer is unscored; the next apply asks again."
            yield Problem("No verdict", detail, Where(block=addresses[0]), "warning")
        else:
            yield Problem("Completion failed", detail, Where(block=addresses[0]))


def _early_end(outcome: Outcome, push: Callable[[str], str], go_on: str) -> Iterator[Problem]:
    if outcome.rescued is not None:
        yield Problem(
            "Answers are not in the cache",
            f"{outcome.stopped} What was received is in {outcome.rescued}; the state, if it could "
            f"be written, has it too. If not: {push(outcome.rescued)}",
        )
    elif outcome.stopped is not None:
        said = {failure.message for failure in outcome.failed.values() if failure.fatal}
        why = outcome.stopped
        if why in said and not outcome.skipped:
            return
        if why in said:
            why = "Every other request would have met the same"
        left = len(outcome.skipped.keys() - outcome.under_way.keys())
        yield Problem(
            "Run stopped",
            f"{_begun(why).rstrip('.')}. {left} {'was' if left == 1 else 'were'} not started; "
            f"every answer that came is kept. {go_on}",
        )


def _begun(said: str) -> str:
    """What was said, as a sentence begins: an address and a path stay as they are."""
    return f"{said[0].upper()}{said[1:]}" if said.partition(" ")[0].isalpha() else said


def unfinished(warnings: Mapping[str, str]) -> Iterator[Problem]:
    """Answers that are not all there, by address: those that say the same in one warning."""
    groups: dict[str, list[str]] = {}
    for address, said in warnings.items():
        groups.setdefault(said, []).append(address)
    for said, addresses in groups.items():
        shown = first_few(addresses, _NAMES_SHOWN)
        yield Problem("Answer is not whole", f"{shown}: {said}.", None, "warning")
