"""What the servers have now of what is recorded: told beside a plan, where nothing changes by it;
or recorded, alone, with what data sources say.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from msgspec import Struct, structs

from runner.core.address import first_few, in_order, is_data
from runner.core.api.exchange import Answered, Failure
from runner.core.canonical import canonical
from runner.core.expansion.outputs import FileChange, declared_outputs
from runner.core.plan.diff import Change, changes_of
from runner.core.plan.targets import Choice, chooser
from runner.core.received import table_of, value_of
from runner.core.request.server_store import is_stored, keeper, stored_id
from runner.core.secrets.redact import redact
from runner.core.state.records import Record
from runner.core.values import MASK
from runner.errors import Problem, RunnerError, sentence
from runner.operations.applying.finish import Finished, refresh_outputs
from runner.operations.blocking import run_to_end
from runner.operations.connecting.connections import connections, prepare
from runner.operations.outputs.evaluate import recorded_session, recorded_walk
from runner.operations.outputs.output_files import file_changes
from runner.operations.planning.output_changes import changed_outputs
from runner.operations.planning.plan import Planned, planned
from runner.operations.planning.sources import read_sources
from runner.operations.planning.unknown_addresses import refuse_unnamed
from runner.operations.reading.load import reload_state
from runner.operations.reading.loaded import Loaded

_SHOWN = 10


def vanished(project: Loaded, made: Planned) -> list[Problem]:
    """Warnings for stored completions that their servers do not have, or do not tell of."""
    looked = _look_at_stored(project, made.plan.known.records, made.plan.chosen)
    gone = [_missing(looked.gone)] if looked.gone else []
    return [*gone, *looked.warnings]


OutsideWord = Literal["read", "changed", "gone"]


class OutsideChange(Struct, frozen=True):
    """A record, and as it will be: what a data source says now, what a server stored with another
    metadata than it was told, or without `store`, because it is there no more.
    """

    word: OutsideWord
    record: Record
    old: Record | None = None

    @property
    def differences(self) -> tuple[Change, ...]:
        """What differs, path by path: of what was read, else of what was asked."""
        if self.old is None:
            return ()
        if self.word == "read":
            sides = self.old.response, self.record.response
        else:
            sides = self.old.request, self.record.request
        return tuple(changes_of(*map(value_of, sides)))


class RefreshPlan(Struct, frozen=True):
    """What changed outside, and the outputs and files that change with it; `records` is what the
    state will hold.
    """

    changes: tuple[OutsideChange, ...]
    moves: tuple[tuple[str, str], ...]
    outputs: Mapping[str, tuple[Any, Any]]
    files: tuple[FileChange, ...]
    records: Mapping[str, Record]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to record, and nothing to write."""
        return not (self.changes or self.moves or self.outputs or self.files)


def refresh_plan(project: Loaded) -> RefreshPlan:
    """What differs at the servers from what is recorded, of all that the project's options choose;
    warnings of the project tell of what cannot be asked. Nothing is written.
    """
    records, moves = project.moved()
    walk = recorded_walk(project, records)
    choice = project.options.choice
    known = [*(vertex.address for vertex in walk.vertices.values()), *records]
    refuse_unnamed(
        (("--target", choice.targets), ("--exclude", choice.excludes)), known, walk.groups
    )
    chosen = chooser(walk, choice)
    sources = [key for key in walk.vertices if isinstance(key, str) and is_data(key)]
    stored = _stored_now(project, records, chosen)
    gone = {one.record.address: one.record for one in stored if one.word == "gone"}
    read = _read_now(project, {**records, **gone}, tuple(filter(chosen, sources)))
    found = {change.record.address: change for change in (*stored, *read)}
    changes = tuple(found[address] for address in in_order(found))
    after = {**records, **{address: change.record for address, change in found.items()}}
    problems: list[Problem] = []
    outputs = declared_outputs(recorded_session(project, after), problems)
    if problems:
        raise RunnerError(*problems)
    changed = changed_outputs(project, outputs)
    return RefreshPlan(changes, moves, changed, file_changes(project, outputs, decided=True), after)


@contextmanager
def held_refresh(project: Loaded) -> Iterator[RefreshPlan]:
    """The same for the state as it is now, which nobody else writes for as long as this lasts."""
    early = refresh_plan(project)  # a mistake makes no folder
    with project.store.lock("runner apply", project.settings.lock_timeout):
        yield refresh_plan(project) if reload_state(project) else early


def record_refresh(project: Loaded, plan: RefreshPlan) -> Finished:
    """The state as the plan has it, and the outputs that follow from it."""
    return refresh_outputs(project, plan.records)


def _read_now(
    project: Loaded, records: Mapping[str, Record], sources: tuple[str, ...]
) -> list[OutsideChange]:
    """What data sources say that is not in the records; nothing that hangs on a request is read."""
    if not sources:
        return []
    held = structs.replace(project, state=replace(project.state, records=records))
    made = planned(held, choice=Choice(targets=sources), answers=False)
    found = read_sources(held, made, answers=False)
    return [
        OutsideChange("read", record, records.get(address))
        for address, record in found.items()
        if record != records.get(address)
    ]


def _stored_now(
    project: Loaded, records: Mapping[str, Record], chosen: Callable[[str], bool]
) -> list[OutsideChange]:
    looked = _look_at_stored(project, records, chosen)
    project.warnings.extend(looked.warnings)
    gone = set(looked.gone)
    changes: list[OutsideChange] = []
    for address, got in looked.found.items():
        old = records[address]
        if address in gone:
            changes.append(OutsideChange("gone", _with(old, store=False), old))
        elif isinstance(got, Answered):
            new = _relabelled(old, redact(got.response, project.secrets.texts))
            changes += [] if new is None else [OutsideChange("changed", new, old)]
    return changes


def _relabelled(record: Record, response: bytes) -> Record | None:
    """The record with the metadata that the server has; None if that is what it was told, as far
    as a record without secrets can say.
    """
    seen, told = table_of(response), table_of(record.request).get("metadata")
    now = seen.get("metadata")
    if "metadata" not in seen or (now or {}) == (told or {}) or MASK in str(told):
        return None
    return _with(record, metadata=now if isinstance(now, dict) and now else None)


def _with(record: Record, **members: Any) -> Record:
    """A record whose request says something else; None takes a member out."""
    held = {**table_of(record.request), **members}
    left = {name for name, value in members.items() if value is None}
    kept = {name: value for name, value in held.items() if name not in left}
    return replace(record, request=canonical(kept))


class _Looked(Struct, frozen=True):
    """What the servers said of stored completions, by address; and what could not be asked."""

    found: Mapping[str, Answered | Failure]
    warnings: tuple[Problem, ...]

    @property
    def gone(self) -> list[str]:
        return [at for at, got in self.found.items() if isinstance(got, Failure) and _is_gone(got)]


def _is_gone(failure: Failure) -> bool:
    return failure.status == 404


def _look_at_stored(
    project: Loaded, records: Mapping[str, Record], chosen: Callable[[str], bool]
) -> _Looked:
    wanted = [at for at in in_order(records) if is_stored(records[at]) and chosen(at)]
    if not wanted:
        return _Looked({}, ())
    providers = {address: keeper(records[address], project.providers) for address in wanted}
    warnings = [
        Problem(
            "Provider is not declared",
            f"{address} was stored at {records[address].identity}, and no provider of the "
            "configuration leads there; whether it still has it cannot be asked.",
            severity="warning",
        )
        for address, name in providers.items()
        if name is None
    ]
    known = {address: name for address, name in providers.items() if name is not None}
    prepare(project, set(known.values()))
    found = run_to_end(
        _look(project, {a: (name, stored_id(records[a])) for a, name in known.items()})
    )
    warnings += [
        Problem("Cannot refresh", f"{address}: {sentence(got.in_full)}", severity="warning")
        for address, got in found.items()
        if isinstance(got, Failure) and not _is_gone(got)
    ]
    return _Looked(found, tuple(warnings))


async def _look(
    project: Loaded, asked: dict[str, tuple[str, str]]
) -> dict[str, Answered | Failure]:
    async with connections(project) as doors:

        async def one(address: str) -> tuple[str, Answered | Failure]:
            return address, await doors.look(*asked[address])

        return dict(await asyncio.gather(*map(one, asked)))


def _missing(addresses: list[str]) -> Problem:
    return Problem(
        "Stored completion is gone",
        f"The server no longer has the stored completion of {first_few(addresses, _SHOWN)}. "
        f"The recorded answer is kept, and nothing is issued for it; "
        f"to have it stored anew, which costs a request: "
        f"--replace '{addresses[0]}'",
        severity="warning",
    )
