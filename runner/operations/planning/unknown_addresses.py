"""Addresses that somebody names and that are none, refused before anything is planned by them."""

from collections.abc import Collection, Iterable, Mapping

from runner.core.address import selects, why_none
from runner.core.plan.actions import Instances
from runner.core.plan.plan import PlannedSteps
from runner.core.state.records import Record
from runner.core.suggest import did_you_mean
from runner.errors import Problem, RunnerError


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
