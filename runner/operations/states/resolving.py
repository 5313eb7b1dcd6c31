"""A state in which git left conflict markers, merged after all: nobody's answer is lost."""

from collections.abc import Mapping
from dataclasses import replace

from msgspec import Struct

from runner.core.secrets.secrets import Secrets
from runner.core.state.cache_entry import Owner
from runner.core.state.file import decode
from runner.core.state.markers import conflicting_states, has_markers
from runner.core.state.merge import MergedState, merge_states
from runner.core.state.records import Record, State
from runner.errors import RunnerError, Where, error
from runner.io import files
from runner.io.state.local import OUTPUTS
from runner.io.state.shard_files import shards_folder
from runner.operations.applying.finish import Refreshed, refreshed
from runner.operations.caches.keeping import keep_answers
from runner.operations.options import Options
from runner.operations.project.places import settings_of, store_of
from runner.operations.reading.load import load
from runner.operations.states.asked_records import asked_records

_BY_HAND = (
    "Nothing was changed. Keep the higher serial and each address once, and take the rest out."
)


class Resolved(Struct, frozen=True):
    """The state at `place` is whole again, and `files` are to be told to git. At the addresses that
    clashed it has the answer that is `asked` for today; at those that are `undecided` that of ours,
    until a plan says what they ask for. So many answers of both sides are in the cache.
    """

    place: str
    files: tuple[str, ...]
    asked: tuple[str, ...]
    undecided: tuple[str, ...]
    cached: int
    outputs: Refreshed


def resolve_conflicts(options: Options, secrets: Secrets) -> Resolved:
    """Merge both sides of a state with conflict markers; RunnerError for one that has none, or is
    none on either side.
    """
    store, held = store_of(options.place), settings_of(options.place, options.overrides)
    with store.lock("runner state resolve", held.lock_timeout):
        found = store.backend.read()
        if found is None or not any(map(has_markers, found.text.files)):
            said = f"There are no conflict markers in {store.name}."
            raise error("Nothing to resolve", said, Where(store.name))
        sides = [decode(side, store.name, _BY_HAND) for side in conflicting_states(found.text)]
        merged = merge_states(None, sides[0], sides[1])
        owner = Owner(merged.state.lineage, held.workspace)
        kept = keep_answers(store, owner, found=_given_way(merged, sides))
        store.mend(merged.state, found.version)
        asked = _take_asked(options, secrets, merged)
        left = tuple(address for address in merged.clashes if address not in asked)
        outputs, cached = refreshed(options, secrets), kept.new + kept.there
        beside = store.directory / OUTPUTS
        paths = (shards_folder(store.directory), beside)
        changed = (store.name, *(str(path) for path in paths if files.exists(path)))
        return Resolved(store.name, changed, asked, left, cached, outputs)


def _given_way(merged: MergedState, sides: list[State]) -> list[Record]:
    """The answers of either side that may be no record in the end."""
    stay = merged.state.records
    both = [record for side in sides for record in side.records.values()]
    clashing = merged.clashes
    return [one for one in both if one.address in clashing or one != stay.get(one.address)]


def _take_asked(options: Options, secrets: Secrets, merged: MergedState) -> tuple[str, ...]:
    """Where answers clash, the one that the configuration asks for; none where it makes no plan
    yet: it may have conflicts of its own.
    """
    try:
        project = load(options, secrets)
        now, _ = project.moved()
        ours, theirs = (
            {address: getattr(clash, side) for address, clash in merged.clashes.items()}
            for side in ("ours", "theirs")
        )
        mine = asked_records(project, now, ours).asked
        other = asked_records(project, {**now, **mine}, _without(theirs, mine)).asked
    except RunnerError:
        return ()
    if other:
        project.store.write(replace(project.state, records={**now, **other}))
    return (*mine, *other)


def _without(records: Mapping[str, Record], known: Mapping[str, Record]) -> dict[str, Record]:
    return {address: record for address, record in records.items() if address not in known}
