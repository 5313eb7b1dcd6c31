"""Shards in a folder: only what changed is written, and a write that was cut off is none."""

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runner.core.state.file import decode, encode
from runner.core.state.records import Record, State, empty
from runner.core.state.shards import StateLayout, shard_file, shard_of
from runner.errors import RunnerError
from runner.io.state.local import Folder, read_state_file
from runner.io.state.opened import opened
from runner.io.state.store import Store
from tests.harness.states import backup_of, file_of

NAMES = [f"completion.a[{i}]" for i in range(60)]
LARGE = "completion.large"  # so large that all of them are in sixteen shards

KILLED = """
import sys
from pathlib import Path
from tests.harness.killed import Killer
from tests.io.state.test_shard_files import changed, store_in
store = store_in(Path(sys.argv[1]))
state = store.load()
sys.setprofile(Killer(int(sys.argv[2]), "state").look)
with store.lock("runner apply"):
    store.write(changed(state, state.serial + 1))
"""


def store_in(directory: Path, layout: StateLayout | None = "split") -> Store:
    return Store(Folder(directory, layout), directory, directory / "cache")


def record(address: str, sample: int = 0) -> Record:
    body = b'{"n":%d}' % sample
    return Record(address, "p", "openai x", "f", sample, body, body, "2026-01-01T00:00:00Z")


def changed(state: State, sample: int) -> State:
    """All but the first ten records are others, and some are gone or new."""
    kept = {name: state.records[name] for name in (LARGE, *NAMES[:10])}
    new = {name: record(name, sample) for name in (*NAMES[10:50], f"completion.n[{sample}]")}
    return replace(state, records={**kept, **new})


WRITER = """
import sys
from pathlib import Path
from tests.io.state.test_shard_files import changed, store_in
store = store_in(Path(sys.argv[1]))
with store.lock("runner apply"):
    for sample in range(1, 13):
        store.write(changed(store.load(), sample))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    directory = tmp_path / "state"
    large = replace(record(LARGE), response=b'{"x":"%s"}' % (b"x" * 12_000_000))
    records = {**{name: record(name) for name in NAMES}, LARGE: large}
    store_in(directory).write(replace(empty("lineage", "root"), records=records))
    return directory


def shard(directory: Path, address: str) -> Path:
    return directory / shard_file(shard_of(address, 16))


def loaded(directory: Path, layout: StateLayout | None = "split") -> tuple[Store, State]:
    store = store_in(directory, layout)
    state = store.load()
    assert state is not None
    return store, state


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.rglob("*.json*")}


def test_only_what_changed_is_written_and_stays_beside_it(folder: Path) -> None:
    store, first = loaded(folder)
    before, ids = contents(folder), {path: path.stat().st_ino for path in folder.rglob("*.json*")}
    second = store.write(replace(first, records={**first.records, NAMES[3]: record(NAMES[3], 1)}))
    touched = {path for path in folder.rglob("*.json*") if ids.get(path) != path.stat().st_ino}
    path = shard(folder, NAMES[3])
    kept = path.with_name(f"{path.name}.backup")
    assert touched == {file_of(store), backup_of(store), path, kept}
    assert kept.read_bytes() == before[path.name]
    again, state = loaded(folder)
    assert (state, again.before(), again.warnings) == (second, first, ())
    assert not again.changed()
    assert [one.serial for one in again.backend.kept()] == [2, 1]
    assert again.of_serial(1) == first


def test_a_state_goes_into_shards_and_back_with_the_same_bytes(tmp_path: Path) -> None:
    value = replace(empty("lineage", "root"), records={name: record(name) for name in NAMES})
    store_in(tmp_path / "s", None).write(value)
    as_it_was = (tmp_path / "s/state.json").read_bytes()
    store, state = loaded(tmp_path / "s")
    assert not store.is_laid_out
    assert store.write(state).serial == 2  # though its records are the same
    assert store.before() == state
    store, state = loaded(tmp_path / "s", "one")
    assert store.before() is not None
    store.write(state)
    assert loaded(tmp_path / "s", None)[0].before() == state
    data = (tmp_path / "s/state.json").read_bytes()
    assert data == as_it_was.replace(b'"serial":1', b'"serial":3') == encode(decode(data, ""))
    store, state = loaded(tmp_path / "s", None)
    store.write(replace(state, files={"a": "b"}))
    assert not (tmp_path / "s/records").exists()


def test_a_large_state_is_in_shards_and_a_small_one_is_not(tmp_path: Path) -> None:
    large = b'{"x":"%s"}' % (b"x" * 1_000_000)
    many = {name: replace(record(name), response=large) for name in NAMES[:33]}
    store = store_in(tmp_path / "s", None)
    one = store.write(replace(empty("lineage", "root"), records=dict([*many.items()][:31])))
    assert not (tmp_path / "s/records").exists()
    two = store.write(replace(one, records=many))
    files = [*(tmp_path / "s/records").glob("*.jsonl")]
    assert len(files) == 32
    assert store.before() == one
    three = store.write(replace(two, records=dict([*many.items()][:20])))
    assert len([*(tmp_path / "s/records").glob("*.jsonl")]) == 32
    store.write(replace(three, records={}))
    assert store.before() == three
    assert loaded(tmp_path / "s", None)[1].records == {}
    assert not [*(tmp_path / "s/records").glob("*.jsonl")]


def killed(directory: Path, number: int) -> bool:
    words = [sys.executable, "-c", KILLED, str(directory), str(number)]
    return subprocess.run(words, check=False).returncode == -signal.SIGKILL


def kill(folder: Path, numbers: range, tmp_path: Path) -> None:
    """Each time it is the state before or the new one, and the next write does what it did."""
    _, before = loaded(folder)
    after = changed(before, 2).records
    for number in numbers:
        directory = tmp_path / "copy" / "state"
        shutil.copytree(folder, directory)
        was_killed = killed(directory, number)
        store, state = loaded(directory)
        assert state.records == (before.records if was_killed else after)
        copied = read_state_file(directory / "state.json", (directory / "state.json").read_bytes())
        assert decode(copied, "").records == state.records
        written = store.write(replace(state, records=after))
        again, now = loaded(directory)
        assert (now, again.warnings, again.is_laid_out) == (written, (), True)
        shown = {path.name for path in directory.rglob("*.json*")}
        assert len([name for name in shown if name.endswith(".jsonl")]) == 16
        shutil.rmtree(directory)


@pytest.mark.parametrize("number", [3, 25, 38])
def test_a_kill_between_any_two_files_leaves_a_state(
    folder: Path, tmp_path: Path, number: int
) -> None:
    kill(folder, range(number, number + 1), tmp_path)


@pytest.mark.endurance
@pytest.mark.timeout(600)
def test_fifty_kills_between_any_two_files_leave_a_state(folder: Path, tmp_path: Path) -> None:
    kill(folder, range(1, 51), tmp_path)


def test_who_reads_while_another_writes_has_the_state_before_or_after(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)]) as process:
        seen = set()
        while process.poll() is None:
            store, state = loaded(folder)
            (sample,) = {state.records[name].sample for name in NAMES[10:50]}
            assert store.warnings == ()
            seen.add(sample)
    assert process.returncode == 0
    assert loaded(folder)[1].serial == 13
    assert seen


def test_a_copy_of_the_backup_over_the_state_is_the_state_before(folder: Path) -> None:
    store, first = loaded(folder)
    second = store.write(changed(first, 1))
    file_of(store).write_bytes(backup_of(store).read_bytes())
    again, state = loaded(folder)
    assert state == first
    assert [one.summary for one in again.warnings] == ["Write of the state was cut off"]
    third = again.write(state)  # nothing is another, but for where it stands
    assert (third.serial, again.is_laid_out) == (second.serial, True)
    assert loaded(folder)[1] == third


def test_what_somebody_wrote_into_a_shard_counts_and_is_listed_by_the_next_write(
    folder: Path,
) -> None:
    store, first = loaded(folder)
    path = shard(folder, NAMES[0])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    with pytest.raises(RunnerError, match="somebody else"):
        store.write(changed(first, 1))
    again, state = loaded(folder)
    assert len(state.records) == len(first.records) - 1
    (warning,) = again.warnings
    assert path.name in warning.detail
    again.write(state)
    assert loaded(folder)[0].warnings == ()


def test_whoever_looks_at_it_has_all_of_it_in_one_file(folder: Path) -> None:
    store, state = loaded(folder)
    held = opened(store.backend)
    assert held is not None
    assert b"".join(held.pieces()) == encode(state)


def test_shards_with_the_line_ends_of_another_system_are_as_they_are_listed(folder: Path) -> None:
    _, first = loaded(folder)
    for path in (folder / "records").glob("*.jsonl"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    store, state = loaded(folder)
    assert (state, store.warnings, store.is_laid_out) == (first, (), True)


def test_shards_that_are_not_listed_go_with_the_next_write(folder: Path) -> None:
    """A write was killed right after the file that lists them, or lists none."""
    for other in (None, folder / "state.json"):
        left = folder / "records/3ff.jsonl"
        left.write_bytes(b"")
        if other is not None:
            other.write_bytes(encode(loaded(folder)[1]))
        store, state = loaded(folder, None if other else "split")
        assert (store.is_laid_out, store.warnings) == (False, ())
        written = store.write(state)
        again, now = loaded(folder, None if other else "split")
        assert (now, again.is_laid_out, left.exists()) == (written, True, False)


def test_a_shard_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    path = shard(folder, NAMES[0])
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunnerError, match="is a link"):
        loaded(folder)


def test_all_of_it_is_deleted_and_nothing_else(folder: Path) -> None:
    store, first = loaded(folder)
    store.write(changed(first, 1))
    (folder / "records/mine").write_text("mine")
    with pytest.raises(RunnerError, match="mine"):
        store.backend.delete()
    assert loaded(folder)[1].serial == 2
    (folder / "records/mine").unlink()
    store.backend.delete()
    assert [*folder.iterdir()] == []
