"""Which answers go, why, and what forbids it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from runner.core.address import is_verdict, module_of, split_key
from runner.core.expansion.session import Instance
from runner.core.modules.module import Declared, declared_at
from runner.core.plan.actions import (
    Absent,
    Await,
    Decision,
    Issue,
    Keep,
    Read,
    Remove,
    Reuse,
    Update,
)
from runner.core.plan.targets import Chosen
from runner.core.plan.walk import Walk
from runner.core.request.provider import Provider
from runner.core.request.server_store import is_stored, keeper
from runner.core.state.records import Record
from runner.errors import Problem

_Loss = Literal["destroy", "remove", "re-issue", "roll back"]
OtherWorkspace = Callable[
    [Record], str | None
]  # the other workspace that names the same completion


def removals(
    records: Mapping[str, Record],
    forgets: Callable[[str], bool],
    elsewhere: OtherWorkspace,
    walk: Walk,
    chosen: Chosen,
    decisions: Mapping[str, Decision],
) -> Iterator[tuple[str, Remove]]:
    """The records that a run is about and the configuration has no place for any more. An answer
    that moved on to another address leaves what a server stored, and so does what `forgets` says.
    """
    moved_on = {
        decision.origin
        for decision in decisions.values()
        if isinstance(decision, Reuse) and decision.origin is not None
    }
    for address, record in records.items():
        absent = isinstance(decisions.get(address), Absent)
        if (absent or not walk.is_declared(address)) and chosen(address):
            reason = "enabled is false" if absent else _why_removed(address, walk)
            forget = forgets(address) or address in moved_on
            yield address, removal(record, reason, elsewhere, forget=forget)


def removal(
    record: Record, reason: str, elsewhere: OtherWorkspace, *, forget: bool = False
) -> Remove:
    """The removal of a record; what a server stored for it stays if another workspace names it."""
    other = None if forget or not is_stored(record) else elsewhere(record)
    if other is None:
        return Remove(record, reason, forget)
    said = f"{reason}; the workspace {other} names the stored completion too, which stays"
    return Remove(record, said, forget=True)


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
    if key is not None and is_verdict(block):
        return f"it judges none of the answers that {block.removesuffix('.judge')} is of"
    match key:
        case None:
            return f"{block} has instances now"
        case int():
            return f"index [{key}] is out of range for count{of}"
        case str():
            declared = declared_at(walk.session.root, block)
            is_cell = declared is not None and declared.repeated_by == "matrix"
            named = "the matrix" if is_cell else "for_each"
            return f'key ["{key}"] is not in {named}{of}'


def protected(declared: Declared | None, address: str, what: _Loss) -> list[Problem]:
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


def irreplaceable(instance: Instance | None, decision: Decision) -> list[Problem]:
    """The problem of replacing an answer that must not be destroyed; none if nothing is."""
    match decision:
        case Issue(old=Record()) | Reuse(old=Record()) if instance is not None:
            return protected(instance.declared, instance.address, "re-issue")
        case Issue() | Reuse() | Keep() | Update() | Await() | Absent() | Read():
            return []


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
