import json
import random
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runner import __version__
from runner.core.state.file import decode, encode
from runner.core.state.line import decode_records, encode_record
from runner.core.state.records import Record, State, empty
from runner.errors import RunnerError
from runner.io.state.rescue import UnsavedError
from tests.harness.folders import names, unwritable
from tests.harness.states import backup_of, file_of, local_store

HOLDER = """
import sys, time
from pathlib import Path
from runner.io.state.local import Folder
from runner.io.state.store import Store
folder = Path(sys.argv[1])
with Store(Folder(folder), folder, folder / "cache").lock("runner apply"):
    print("held", flush=True)
    sys.stdin.read()
"""

WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from runner.core.state.records import Record, empty
from runner.io.state.local import Folder
from runner.io.state.store import Store
folder = Path(sys.argv[1])
store = Store(Folder(folder), folder, folder / "cache")
with store.lock("runner apply", timeout=120):
    state = store.load() or empty("lineage", "root")
    print("loaded", flush=True)
    while True:
        body = b'{"x":"%s"}' % (b"x" * 5000)
        records = {
            f"a[{n}]": Record(f"a[{n}]", "p", "i", "f", state.serial, body, body, "t")
            for n in range(100)
        }
        state = store.write(replace(state, records=records))
        print(state.serial, flush=True)
"""

FULL = """
import resource, signal, sys, tempfile
from dataclasses import replace
from pathlib import Path
from runner.core.state.records import Record
from runner.errors import RunnerError
from runner.io.state.local import Folder
from runner.io.state.rescue import UnsavedError
from runner.io.state.store import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
tempfile.tempdir = sys.argv[2]
folder = Path(sys.argv[1])
store = Store(Folder(folder), folder, folder / "cache")
state = store.load()
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
record = Record("big", "p", "i", "f", 0, b"{}", b'{"x":"%s"}' % (b"x" * 30000), "t")
try:
    store.write(replace(state, records={**state.records, "big": record}))
except UnsavedError as refused:
    sys.stdout.buffer.write(refused.content)
    print(refused, file=sys.stderr)
"""


def record(address: str = "completion.a", response: bytes = b'{"id":"answer"}') -> Record:
    return Record(address, "openai", "openai x", "f", 0, b"{}", response, "2026-01-01T00:00:00Z")


def state(*many: Record) -> State:
    return replace(empty("lineage", "root"), records={one.address: one for one in many})


def rescued(directory: Path, ending: str = ".json") -> Path:
    (found,) = [path for path in directory.rglob("errored-*") if path.suffix == ending]
    return found


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of temporary files, for a test."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


@contextmanager
def holder(directory: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_what_was_written_is_loaded_with_the_next_serial(tmp_path: Path) -> None:
    store = local_store(tmp_path / "state")
    assert store.load() is None
    first = store.write(state(record()))
    assert first.serial == 1
    assert first.runner_version == __version__
    second = store.write(replace(first, records={}))
    assert second.serial == 2
    again = local_store(tmp_path / "state")
    assert again.load() == second
    assert again.warnings == ()
    assert again.write(replace(second, records={"completion.a": record()})).serial == 3


def test_loading_creates_nothing(tmp_path: Path) -> None:
    assert local_store(tmp_path / "state").load() is None
    assert names(tmp_path) == []


def test_nothing_is_written_if_nothing_changed(tmp_path: Path) -> None:
    """Neither for another runner's version, nor after another tool laid the file out."""
    store = local_store(tmp_path)
    kept = store.write(state(record()))
    file_of(store).write_text(json.dumps(json.loads(file_of(store).read_bytes()), indent=1))
    content = file_of(store).read_bytes()
    assert store.load() == kept
    assert store.write(replace(kept, runner_version="0.0.1")) == kept
    assert file_of(store).read_bytes() == content
    assert names(tmp_path) == ["state.json"]


def test_the_backup_is_the_state_before_the_last_write(tmp_path: Path) -> None:
    store = local_store(tmp_path)
    first = store.write(state(record("a")))
    before = file_of(store).read_bytes()
    second = store.write(replace(first, records={}))
    assert backup_of(store).read_bytes() == before
    store.write(replace(second, root="other"))
    assert decode(backup_of(store).read_bytes(), "backup") == second
    assert names(tmp_path) == ["state.json", "state.json.backup"]


def test_a_missing_state_beside_a_backup_is_a_fresh_start_with_a_warning(tmp_path: Path) -> None:
    store = local_store(tmp_path)
    store.write(replace(store.write(state()), root="other"))
    file_of(store).unlink()
    assert store.load() is None
    (warning,) = store.warnings
    assert warning.severity == "warning"
    assert str(backup_of(store)) in warning.detail


@pytest.mark.parametrize("content", [b"", b"{", b"\x00" * 100])
def test_what_cannot_be_read_is_never_overwritten(
    tmp_path: Path, elsewhere: Path, content: bytes
) -> None:
    store = local_store(tmp_path / "state")
    store.write(state())
    file_of(store).write_bytes(content)
    with pytest.raises(RunnerError, match=r"state\.json\.backup"):
        store.load()
    for writer in (store, local_store(tmp_path / "state")):
        with pytest.raises(RunnerError):
            writer.write(state(record()))
    assert file_of(store).read_bytes() == content
    assert names(elsewhere) == []


def test_somebody_else_s_state_is_not_overwritten_and_ours_is_kept(tmp_path: Path) -> None:
    ours, theirs = local_store(tmp_path), local_store(tmp_path)
    before = ours.write(state(record("a")))
    assert theirs.load() == before
    theirs.write(replace(before, records={}))
    content = file_of(theirs).read_bytes()
    with pytest.raises(RunnerError, match="changed by somebody else") as refused:
        ours.write(replace(before, records={"b": record("b")}))
    assert file_of(theirs).read_bytes() == content
    file = rescued(tmp_path)
    assert f"runner state push {file}" in str(refused.value)
    assert list(decode(file.read_bytes(), "errored").records) == ["b"]


def test_a_state_that_was_never_loaded_is_not_overwritten(tmp_path: Path) -> None:
    local_store(tmp_path).write(state(record("a")))
    with pytest.raises(RunnerError, match="changed by somebody else"):
        local_store(tmp_path).write(state(record("b")))


def test_a_file_that_says_the_same_may_have_been_written_meanwhile(tmp_path: Path) -> None:
    """A checkout of another branch and back gives the same bytes under another inode."""
    store = local_store(tmp_path)
    before = store.write(state(record("a")))
    content = file_of(store).read_bytes()
    file_of(store).unlink()
    file_of(store).write_bytes(content)
    assert store.write(replace(before, records={})).serial == 2


def test_a_state_deleted_meanwhile_is_written_again(tmp_path: Path) -> None:
    store = local_store(tmp_path / "state")
    before = store.write(state(record("a")))
    file_of(store).unlink()
    store.directory.rmdir()
    after = store.write(replace(before, records={"b": record("b")}))
    assert local_store(tmp_path / "state").load() == after


def test_a_state_that_became_a_link_is_not_written_through(tmp_path: Path) -> None:
    shared = tmp_path / "shared.json"
    shared.write_bytes(encode(state(record("a"))))
    held = shared.read_bytes()
    store = local_store(tmp_path / "state")
    store.directory.mkdir()
    file_of(store).symlink_to(shared)
    before = store.load()
    assert before is not None
    with pytest.raises(RunnerError, match="is a link"):
        store.write(replace(before, records={}))
    assert (shared.read_bytes(), file_of(store).is_symlink()) == (held, True)


def test_a_full_disk_keeps_the_old_state_and_hands_out_the_new(tmp_path: Path) -> None:
    directory, elsewhere = tmp_path / "state", tmp_path / "temporary"
    elsewhere.mkdir()
    store = local_store(directory)
    store.write(state(record()))
    before = file_of(store).read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(directory), str(elsewhere)],
        capture_output=True,
        check=True,
    )
    assert b"No space left" in done.stderr
    assert b"Answers were not saved" in done.stderr
    assert sorted(decode(done.stdout, "stdout").records) == ["big", "completion.a"]
    assert file_of(store).read_bytes() == before
    assert names(elsewhere) == []
    assert not [name for name in names(directory) if name.startswith(("errored", "."))]


def test_a_directory_that_may_not_be_written_sends_the_state_elsewhere(elsewhere: Path) -> None:
    elsewhere.chmod(0o777)
    for parent in list(elsewhere.parents)[:4]:
        if parent.name.startswith(("pytest-", "test_", "popen-")):
            parent.chmod(0o755)
    with unwritable(lambda directory: local_store(directory).write(state(record()))) as directory:
        store = local_store(directory)
        before = store.load()
        assert before is not None
        for refuse in (store.probe, store.lock("runner apply").__enter__):
            with pytest.raises(RunnerError, match="Permission denied"):
                refuse()
        with pytest.raises(RunnerError, match="Permission denied") as refused:
            store.write(replace(before, root="other"))
        assert store.load() == before
        place = store.rescue([encode_record(record("b"))])
    file = rescued(elsewhere)
    assert f"runner state push {file}" in str(refused.value)
    assert decode(file.read_bytes(), "errored").root == "other"
    assert place == rescued(elsewhere, ".jsonl")


def test_rescued_answers_are_records_again(tmp_path: Path) -> None:
    store = local_store(tmp_path)
    many = [record(name) for name in ("a", "b", "c")]
    place = store.rescue(encode_record(one) for one in many[:2])
    assert store.rescue([encode_record(many[2])]) == place
    assert place.parent == tmp_path
    assert decode_records(place.read_bytes(), place.name) == tuple(many)


def test_what_is_rescued_is_for_nobody_else_and_goes_through_no_link(
    tmp_path: Path, elsewhere: Path
) -> None:
    store = local_store(tmp_path / "state")
    place = store.rescue([encode_record(record("a"))])
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert local_store(tmp_path / "state").rescue([encode_record(record("a"))]) != place
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    place.unlink()
    place.symlink_to(victim)
    again = store.rescue([encode_record(record("b"))])
    assert again != place
    assert decode_records(again.read_bytes(), again.name) == (record("b"),)
    assert victim.read_bytes() == b"mine"
    outside = local_store(tmp_path / "victim" / "state").rescue([encode_record(record("a"))])
    assert outside.is_relative_to(elsewhere)
    assert stat.S_IMODE(outside.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600


def test_a_state_that_is_rescued_twice_is_in_one_file(tmp_path: Path) -> None:
    store = local_store(tmp_path)
    file_of(store).mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    for number in range(2):
        with pytest.raises(RunnerError, match="State was not written"):
            store.write(state(*(record(f"a{n}") for n in range(number + 1))))
    file = rescued(tmp_path)
    assert len(decode(file.read_bytes(), "errored").records) == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    file.symlink_to(victim)
    with pytest.raises(RunnerError, match="State was not written"):
        store.write(state(record("b")))
    assert victim.read_bytes() == b"mine"
    assert not file.is_symlink()


def test_a_cache_that_is_made_is_for_nobody_else(tmp_path: Path) -> None:
    local_store(tmp_path).probe()
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_answers_that_fit_nowhere_come_back_for_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "plain" / "b"))
    with pytest.raises(UnsavedError) as refused:
        local_store(tmp_path / "plain" / "a").rescue([encode_record(record())])
    assert decode_records(refused.value.content, "stdout") == (record(),)


def test_the_probe_creates_state_and_cache_and_leaves_them_empty(tmp_path: Path) -> None:
    store = local_store(tmp_path / "state")
    store.probe()
    assert names(store.directory) == ["cache"]
    assert names(store.cache) == []
    (tmp_path / "plain").touch()
    with pytest.raises(RunnerError):
        local_store(tmp_path / "plain").probe()


def test_a_second_writer_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        for timeout in (0.0, 0.1):
            with (
                pytest.raises(RunnerError, match="State is locked") as refused,
                local_store(tmp_path).lock("runner destroy", timeout),
            ):
                pytest.fail("two hold the lock")
            assert f"pid {process.pid}" in str(refused.value)
            assert "`runner apply`" in str(refused.value)
            assert "since 20" in str(refused.value)
        assert local_store(tmp_path).load() is None


def test_a_killed_holder_leaves_the_lock_free(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with local_store(tmp_path).lock("runner apply"):
            pass


def test_the_lock_waits_for_a_holder_that_ends(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        assert process.stdin is not None
        process.stdin.close()
        with local_store(tmp_path).lock("runner apply", timeout=120):
            pass


def test_a_lock_whose_file_is_deleted_is_lost_and_seen_to_be(tmp_path: Path) -> None:
    ours, theirs = local_store(tmp_path), local_store(tmp_path)
    assert ours.lost() is None
    with ours.lock("runner apply"):
        assert ours.lost() is None
        (tmp_path / ".lock").unlink()
        assert "was deleted" in str(ours.lost())
        with theirs.lock("runner destroy"):
            assert theirs.lost() is None
            assert "was deleted" in str(ours.lost())
    assert ours.lost() is None


def test_a_lock_that_was_deleted_takes_nothing_from_the_next_holder(tmp_path: Path) -> None:
    ours = local_store(tmp_path).lock("runner apply")
    ours.__enter__()
    (tmp_path / ".lock").unlink()
    with holder(tmp_path) as process:
        ours.__exit__(None, None, None)
        with (
            pytest.raises(RunnerError, match=f"pid {process.pid}"),
            local_store(tmp_path).lock("runner apply"),
        ):
            pytest.fail("two hold the lock")


def test_a_folder_that_was_made_for_the_lock_alone_goes_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    with local_store(folder).lock("runner apply"):
        assert names(folder) == [".lock", ".lock.info"]
    assert names(tmp_path) == []
    with local_store(folder).lock("runner apply"):
        (folder / "mine").touch()
    assert names(folder) == [".lock", "mine"]
    (folder / "mine").unlink()
    with local_store(folder).lock("runner apply"):
        pass
    assert names(folder) == [".lock"]  # it was there before


def test_who_waits_for_a_lock_that_goes_with_its_folder_makes_both_anew(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first = local_store(folder).lock("runner apply")
    first.__enter__()
    asked: list[bool] = []

    def ends() -> bool:  # it is asked between two tries
        if not asked:
            first.__exit__(None, None, None)
        asked.append(folder.exists())
        return False

    with local_store(folder).lock("runner destroy", 120, ends):
        assert names(folder) == [".lock", ".lock.info"]
    assert asked == [False]


def test_a_wait_that_somebody_gives_up_ends(tmp_path: Path) -> None:
    with (
        holder(tmp_path),
        pytest.raises(RunnerError, match="State is locked"),
        local_store(tmp_path).lock("runner destroy", 3600, lambda: True),
    ):
        pytest.fail("two hold the lock")


def test_a_lock_is_no_link(tmp_path: Path) -> None:
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(RunnerError, match="Invalid path"),
        local_store(tmp_path).lock("runner apply"),
    ):
        pytest.fail("a link is followed")
    assert not (tmp_path / "elsewhere").exists()


def test_the_lock_is_free_after_a_failure_and_says_nothing_then(tmp_path: Path) -> None:
    store = local_store(tmp_path)

    def failing() -> None:
        with store.lock("runner apply"):
            assert json.loads((tmp_path / ".lock.info").read_bytes())["Operation"] == "runner apply"
            raise ValueError("bug")

    for _ in range(2):
        with pytest.raises(ValueError, match="bug"):
            failing()
    assert ".lock.info" not in names(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff"])
def test_a_holder_that_has_not_said_who_it_is_still_holds(
    tmp_path: Path, content: bytes | None
) -> None:
    with holder(tmp_path):
        (tmp_path / ".lock.info").unlink()
        if content is not None:
            (tmp_path / ".lock.info").write_bytes(content)
        with pytest.raises(RunnerError, match="another process"), local_store(tmp_path).lock("x"):
            pytest.fail("two hold the lock")


def test_a_write_survives_kill_at_any_moment(tmp_path: Path) -> None:
    """The state is the last one that was said to be written, or the one after; never a part."""
    store = local_store(tmp_path)
    chance = random.Random(1)
    for _ in range(20):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "loaded\n"
            said = process.stdout.readline() + process.stdout.readline()  # and there is a backup
            time.sleep(chance.random() / 20)
            process.send_signal(signal.SIGKILL)
            said += process.stdout.read()
        last = int(said.split("\n")[-2])
        found = store.load()
        assert found is not None
        assert found.serial in {last, last + 1}
        assert {one.sample for one in found.records.values()} == {found.serial - 1}
        backup = decode(backup_of(store).read_bytes(), "backup")
        assert backup.serial in {found.serial - 1, found.serial}


@pytest.mark.parametrize(("given", "written"), [(9, 10), (1, 4)])
def test_the_next_serial_is_above_both_what_was_loaded_and_what_is_given(
    tmp_path: Path, given: int, written: int
) -> None:
    """A state from elsewhere may be ahead of the one that it replaces, or behind it."""
    store = local_store(tmp_path)
    for name in "abc":
        store.write(state(record(f"completion.{name}")))
    assert store.write(replace(state(record("completion.z")), serial=given)).serial == written
