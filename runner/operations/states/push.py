"""A state file, or the answers of a rescue file, into the state."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import msgspec
import orjson
from msgspec import Struct

from runner.core.secrets.secrets import Secrets
from runner.core.state.cache_entry import Owner
from runner.core.state.file import decode
from runner.core.state.line import decode_records
from runner.core.state.records import Record, State, empty
from runner.core.state.shards import StateText
from runner.core.state.written import UNREADABLE
from runner.errors import RunnerError, Where, error
from runner.io.state.local import read_state_file
from runner.io.state.store import Store
from runner.operations.applying.finish import Refreshed, refreshed
from runner.operations.caches.keeping import keep_answers
from runner.operations.files.named_file import read_source
from runner.operations.options import Options, ProjectPlace
from runner.operations.project.places import folders_of, settings_of, store_of

_UNTOUCHED = (
    "Nothing was changed. What is pushed is a whole state file, or an errored-*.jsonl file."
)


class _Line(msgspec.Struct):
    address: str
    fingerprint: str


class Replaced(Struct, frozen=True):
    """The state is what the file holds."""

    state: State


class Merged(Struct, frozen=True):
    """So many answers of a rescue file are held: so many new in the state, and in the cache. The
    last line of one that is `cut_off` is lost.
    """

    answers: int
    new_in_state: int
    new_in_cache: int
    cut_off: bool


class Pushed(Struct, frozen=True):
    """What was done with a file, and with the outputs beside the state at `place`."""

    file: str
    place: str
    done: Replaced | Merged
    outputs: Refreshed


def push(options: Options, secrets: Secrets, source: str | bytes, *, force: bool) -> Pushed:
    """Take a file for the state, or merge the records of a rescue file into it: one that is named,
    or what was piped, as bytes.

    RunnerError for another lineage, or a serial that is not newer, unless `force`.
    """
    name, data = read_source(source)
    rescued, cut_off = _rescued(data, name) if _is_rescue(data) else (None, False)
    text = StateText(data) if isinstance(source, bytes) else read_state_file(Path(source), data)
    pushed = decode(text, name, _UNTOUCHED) if rescued is None else None
    _check_bodies((rescued or ()) if pushed is None else pushed.records.values(), name)
    place = options.place
    store = store_of(place)
    with store.lock("runner state push", settings_of(place, options.overrides).lock_timeout):
        current = store.load()
        if pushed is None:
            done: Replaced | Merged = _merge(place, store, current, rescued or (), cut_off=cut_off)
        else:
            if not force:
                _check(place, store, current, pushed)
            done = Replaced(store.write(pushed))
        return Pushed(name, store.name, done, refreshed(options, secrets))


def _check_bodies(records: Iterable[Record], name: str) -> None:
    """RunnerError for one that no command could read: a number that no double holds is JSON."""
    for record in records:
        try:
            for body in (record.request, record.response, record.triggers or b"{}"):
                orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            said = f"The record of {record.address} cannot be read: {exc}. Nothing was written."
            raise error("Record is damaged", said, Where(name)) from exc


def _is_rescue(data: bytes) -> bool:
    """Whether each line is a record: then the first is one, whole by itself."""
    try:
        msgspec.json.decode(data.split(b"\n", 1)[0], type=_Line)
    except UNREADABLE:
        return False
    return True


def _rescued(data: bytes, name: str) -> tuple[tuple[Record, ...], bool]:
    """Its records, and whether its last line is cut off; one without its end counts if it is
    whole.
    """
    last = data.rsplit(b"\n", 1)[-1]
    if not last.strip():
        return decode_records(data, name), False
    try:
        return decode_records(data + b"\n", name), False
    except RunnerError:
        return decode_records(data, name), True


def _check(place: ProjectPlace, store: Store, current: State | None, pushed: State) -> None:
    root = folders_of(place).root
    if pushed.root not in (root, ""):
        raise error(
            "State of another root module",
            f'The file was made from the root module "{pushed.root}", and this is "{root}". Name '
            "the right one with --config DIR; --force takes the file all the same.",
        )
    if current is None or replace(current, runner_version=pushed.runner_version) == pushed:
        return
    if _has_all(store, current, pushed):
        return
    if current.lineage != pushed.lineage:
        raise error(
            "State of another lineage",
            f"The file belongs to the lineage {pushed.lineage}, the state here to "
            f"{current.lineage}: they were never the same state. --force replaces this one by it.",
        )
    if pushed.serial <= current.serial:
        raise error(
            "State is not newer",
            f"The file has serial {pushed.serial}, the state here {current.serial}: something was "
            "written since the file was made, and would be lost. --force takes the file all the "
            "same; the state here then becomes the backup.",
        )


def _has_all(store: Store, current: State, pushed: State) -> bool:
    """Whether the file comes of the same state as the one here, and has all that was done to that
    since. So it is with the two files that one run leaves which can write neither cache nor state.
    """
    before = _before(store, current, pushed)
    if before is None:
        return False
    return all(
        _answer(record) in (_answer(pushed.records.get(name)), _answer(before.get(name)))
        for name, record in current.records.items()
    ) and not any(name in before and name not in current.records for name in pushed.records)


def _before(store: Store, current: State, pushed: State) -> Mapping[str, Record] | None:
    """The records that both come of; None if they do not come of the same ones."""
    if pushed.serial != current.serial:
        return None
    if current.serial == 1:  # the first write gives a lineage
        return {}
    before = store.before()  # a help only where it can be read
    if before is None or before.serial != current.serial - 1:
        return None
    return before.records if before.lineage == current.lineage == pushed.lineage else None


def _answer(record: Record | None) -> tuple[str, int, bytes] | None:
    return None if record is None else (record.fingerprint, record.sample, record.response)


def _merge(
    place: ProjectPlace,
    store: Store,
    current: State | None,
    rescued: tuple[Record, ...],
    *,
    cut_off: bool,
) -> Merged:
    records = {} if current is None else dict(current.records)
    newest: dict[str, Record] = {}
    for record in rescued:
        if record.address not in newest or newest[record.address].issued_at <= record.issued_at:
            newest[record.address] = record
    taken = 0
    for address, record in newest.items():
        held = records.get(address)
        if held is None or held.issued_at < record.issued_at:
            records[address] = record
            taken += 1
    if current is None:
        root = folders_of(place).root
        current = empty(str(uuid4()), root)
    store.write(replace(current, records=records))
    owner = Owner(current.lineage, settings_of(place).workspace)
    saved = keep_answers(store, owner, replaced=rescued)
    return Merged(len(newest), taken, saved.new, cut_off)
