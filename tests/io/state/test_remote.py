"""What holds of a state in an object store: on a folder, on S3 and on Azure."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest

from runner.core.state.records import Record, State, empty
from runner.errors import RunnerError
from runner.io.objects import ObjectPlace, Objects
from runner.io.state.beat import Beat
from runner.io.state.lock_info import LockInfo, lock_info
from runner.io.state.remote import ObjectState, ObjectStates
from runner.io.state.store import Store
from tests.harness.object_stores import azure_at, azurite, moto, s3_at

ADDER = """
import sys, msgspec
from dataclasses import replace
from pathlib import Path
from runner.core.state.records import Record, empty
from runner.errors import RunnerError
from runner.io.objects import ObjectPlace, Objects
from runner.io.state.remote import ObjectState
from runner.io.state.store import Store
place = msgspec.json.decode(sys.argv[1], type=ObjectPlace)
mine, folder = sys.argv[2], Path(sys.argv[3])
record = Record(mine, "p", "i", "f", 0, b"{}", b"{}", "t")
while True:
    store = Store(ObjectState(Objects(place), keep=1000), folder, folder)
    state = store.load() or empty("lineage", "root")
    try:
        store.write(replace(state, records={**state.records, mine: record}))
    except RunnerError as lost:
        assert lost.problems[0].summary == "State file was changed by somebody else", lost
    else:
        break
"""

HOLDER = """
import os, signal, sys, msgspec
from dataclasses import replace
from pathlib import Path
from runner.core.state.records import Record, empty
from runner.io.objects import ObjectPlace, Objects
from runner.io.state.remote import ObjectState
from runner.io.state.store import Store
place = msgspec.json.decode(sys.argv[1], type=ObjectPlace)
point, folder = sys.argv[2], Path(sys.argv[3])

def die(at):
    if at == point:
        os.kill(os.getpid(), signal.SIGKILL)

class Dying(Objects):
    def create(self, key, data):
        if key.startswith("state/"):
            die("before the put")
        done = super().create(key, data)
        if key.startswith("state/"):
            die("after the put")
        return done

    def delete(self, *keys):
        if "lock.json" in keys:
            die("before unlocking")
        super().delete(*keys)

store = Store(ObjectState(Dying(place)), folder, folder)
with store.lock("runner apply"):
    die("after the lock")
    state = store.load()
    record = Record("mine", "p", "i", "f", 0, b"{}", b"{}", "t")
    store.write(replace(state, records={**state.records, "mine": record}))
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of servers, each started when it is first asked for."""
    from contextlib import ExitStack  # noqa: PLC0415

    with ExitStack() as running:

        class Started(dict[str, str]):
            def __missing__(self, name: str) -> str:
                home = tmp_path_factory.mktemp(name)
                self[name] = running.enter_context({"s3": moto, "azure": azurite}[name](home))
                return self[name]

        yield Started()


@pytest.fixture(params=["file", "s3", "azure"])
def place(request: pytest.FixtureRequest, servers: dict[str, str], tmp_path: Path) -> ObjectPlace:
    """A place of the test's own in each kind of store."""
    prefix = f"{tmp_path.parent.name}-{tmp_path.name}"
    match request.param:
        case "s3":
            return s3_at(servers["s3"], prefix)
        case "azure":
            return azure_at(servers["azure"], prefix)
        case _:
            return ObjectPlace("file", str(tmp_path / "bucket"), prefix)


def here(tmp_path: Path) -> ObjectPlace:
    return ObjectPlace("file", str(tmp_path / "bucket"), "prompts")


def store_in(place: ObjectPlace, folder: Path, keep: int = 50) -> Store:
    return Store(ObjectState(Objects(place), keep=keep), folder, folder / "cache")


def record(address: str) -> Record:
    return Record(address, "p", "i", "f", 0, b"{}", b"{}", "t")


def with_one_more(state: State, address: str) -> State:
    return replace(state, records={**state.records, address: record(address)})


def run(program: str, place: ObjectPlace, *words: str) -> "subprocess.Popen[bytes]":
    told = msgspec.json.encode(place).decode()
    return subprocess.Popen([sys.executable, "-c", program, told, *words], stderr=subprocess.PIPE)


def test_a_state_comes_back_as_it_was_written(place: ObjectPlace, tmp_path: Path) -> None:
    store = store_in(place, tmp_path)
    assert store.load() is None
    store.probe()
    written = [store.write(empty("lineage", "root"))]
    for address in "abc":
        written.append(store.write(with_one_more(written[-1], address)))
    assert store_in(place, tmp_path).load() == written[-1]
    assert store.before() == written[-2]
    assert [store.of_serial(state.serial) for state in written] == written
    assert [one.serial for one in store.backend.kept()] == [4, 3, 2, 1]
    assert store.of_serial(9) is None


def test_serials_go_on_from_those_of_a_state_that_came_from_elsewhere(tmp_path: Path) -> None:
    store = store_in(here(tmp_path), tmp_path)
    first = store.write(replace(empty("lineage", "root"), serial=7))
    assert first.serial == 8
    pushed = store.write(replace(with_one_more(first, "a"), serial=90))
    assert pushed.serial == 9
    assert store_in(here(tmp_path), tmp_path).of_serial(8) == first


def test_of_twenty_processes_that_write_at_once_no_record_is_lost(
    place: ObjectPlace, tmp_path: Path
) -> None:
    names = [f"a{n}" for n in range(20)]
    running = [run(ADDER, place, name, str(tmp_path)) for name in names]
    for one in running:
        _, err = one.communicate(timeout=240)
        assert one.returncode == 0, err
    store = store_in(place, tmp_path, keep=1000)
    state = store.load()
    assert state is not None
    assert sorted(state.records) == sorted(names)
    assert [one.serial for one in store.backend.kept()] == [*range(20, 0, -1)]


@pytest.mark.parametrize(
    "point", ["after the lock", "before the put", "after the put", "before unlocking"]
)
def test_a_kill_loses_nothing_and_the_same_machine_goes_on(
    point: str, place: ObjectPlace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = store_in(place, tmp_path).write(with_one_more(empty("lineage", "root"), "first"))
    killed = run(HOLDER, place, point, str(tmp_path))
    _, err = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, err
    store = store_in(place, tmp_path)
    with store.lock("runner apply"):
        state = store.load()
        assert state is not None
        assert ("mine" in state.records) == (point in ("after the put", "before unlocking"))
        assert first.records.items() <= state.records.items()
        store.write(with_one_more(state, "next"))
    assert "took over the lock" in caplog.text
    assert not {one.key for one in Objects(place).listed("")} & {"lock.json", "beat/"}


def test_after_the_last_number_nothing_is_written_and_nothing_goes(tmp_path: Path) -> None:
    place = here(tmp_path)
    store_in(place, tmp_path).write(with_one_more(empty("lineage", "root"), "first"))
    objects = Objects(place)
    (first,) = objects.listed("state/")
    assert objects.create("state/000000000000.json.gz", objects.get(first.key) or b"")
    store = store_in(place, tmp_path)
    state = store.load()
    assert state is not None
    with pytest.raises(RunnerError, match="No number comes after"):
        store.write(with_one_more(state, "next"))
    assert len(objects.listed("state/")) == 2
    objects.delete("state/000000000000.json.gz")
    assert store_in(place, tmp_path).load() is not None


@pytest.mark.parametrize("other", ["another host", "another start", "other processes"])
def test_who_may_still_run_elsewhere_is_told_and_not_taken_over(other: str, tmp_path: Path) -> None:
    info = lock_info("runner apply", "s3://x")
    words = info.info.replace(f"pid {info.info.split()[1]}", "pid 999999999")
    changed = {
        "another host": {"who": "ann@elsewhere", "info": words},
        "another start": {"info": words.replace("boot ", "boot 1")},
        "other processes": {"info": words.replace("pid:[", "pid:[1")},
    }[other]
    held = msgspec.structs.replace(info, **changed)
    objects = Objects(here(tmp_path))
    objects.create("lock.json", msgspec.json.encode(held))
    objects.put(f"beat/{held.identifier}", b"2026-11-25T10:00:00Z")
    store = store_in(here(tmp_path), tmp_path)
    with pytest.raises(RunnerError) as refused, store.lock("runner plan"):
        pass
    said = refused.value.problems[0].detail
    assert held.who in said
    assert "last seen at 2026-11-25T10:00:00Z" in said
    assert f"runner force-unlock {held.identifier}" in said
    with pytest.raises(RunnerError):
        store.backend.unlock("another-id")
    assert store.backend.unlock(held.identifier) == held
    with store.lock("runner plan"):
        pass
    assert objects.listed("") == []


def test_another_holder_is_waited_for(tmp_path: Path) -> None:
    waiting, order = Event(), []

    def wait() -> bool:
        waiting.set()
        return False

    def other() -> None:
        with store_in(here(tmp_path), tmp_path).lock("runner apply", 60.0, wait):
            order.append("other")

    thread = Thread(target=other)
    with store_in(here(tmp_path), tmp_path).lock("runner apply"):
        thread.start()
        assert waiting.wait(60.0)
        order.append("first")
    thread.join(60.0)
    assert order == ["first", "other"]


def test_a_lock_is_as_terraform_writes_it(tmp_path: Path) -> None:
    objects = Objects(here(tmp_path))
    with store_in(here(tmp_path), tmp_path).lock("runner apply"):
        held = json.loads(objects.get("lock.json") or b"")
    assert [*held] == ["ID", "Operation", "Info", "Who", "Version", "Created", "Path"]
    assert held["Operation"] == "runner apply"
    assert held["Path"] == objects.name


def test_a_lock_that_was_taken_away_is_noticed_before_a_write(tmp_path: Path) -> None:
    store = store_in(here(tmp_path), tmp_path)
    other = LockInfo(identifier="other", who="ann@elsewhere")
    with store.lock("runner apply"):
        state = store.write(with_one_more(empty("lineage", "root"), "a"))
        Objects(here(tmp_path)).put("lock.json", msgspec.json.encode(other))
        with pytest.raises(RunnerError) as refused:
            store.write(with_one_more(state, "b"))
        assert "ann@elsewhere" in str(refused.value)
        assert store.lost() is not None
    assert [*tmp_path.glob("errored-*.json")]
    assert store_in(here(tmp_path), tmp_path).load() == state
    assert store.backend.unlock("other") == other


class Deaf(Objects):
    """The answer to each first creation is lost, and it is tried again, as the library does."""

    def create(self, key: str, data: bytes) -> bool:
        super().create(key, data)
        return super().create(key, data)


def test_an_answer_that_was_lost_is_no_conflict(tmp_path: Path) -> None:
    store = Store(ObjectState(Deaf(here(tmp_path))), tmp_path, tmp_path)
    with store.lock("runner apply"):
        state = store.write(with_one_more(empty("lineage", "root"), "a"))
        store.write(with_one_more(state, "b"))
    assert [one.serial for one in store.backend.kept()] == [2, 1]


class BothWin(Objects):
    """A store that knows no `If-None-Match`."""

    def create(self, key: str, data: bytes) -> bool:
        self.put(key, data)
        return True


def test_a_store_that_lets_both_writers_win_is_refused(tmp_path: Path) -> None:
    state = ObjectState(BothWin(here(tmp_path)))
    with pytest.raises(RunnerError, match="cannot be used"):
        state.probe()


def test_old_states_go_and_who_writes_after_one_of_them_is_told(tmp_path: Path) -> None:
    late = store_in(here(tmp_path), tmp_path, keep=10)
    state = late.write(empty("lineage", "root"))
    version = late.backend.version()
    store = store_in(here(tmp_path), tmp_path, keep=10)
    state = store.load() or state
    for n in range(30):
        state = store.write(with_one_more(state, f"a{n}"))
    assert [one.serial for one in store.backend.kept()] == [*range(31, 21, -1)]
    from runner.core.state.file import document  # noqa: PLC0415

    with pytest.raises(RunnerError):  # its number is free again
        late.backend.write(document(with_one_more(state, "late")), version)
    assert store_in(here(tmp_path), tmp_path).load() == state


def test_what_is_no_state_says_how_to_go_on(tmp_path: Path) -> None:
    store = store_in(here(tmp_path), tmp_path)
    first = store.write(with_one_more(empty("lineage", "root"), "a"))
    objects = Objects(here(tmp_path))
    broken = f"state/{10**12 - 3:012d}.json.gz"
    objects.create(broken, b"not packed")
    with pytest.raises(RunnerError) as refused:
        store.load()
    assert "the one before it counts again" in refused.value.problems[0].detail
    objects.delete(broken)
    assert store.load() == first


def test_workspaces_are_made_listed_and_deleted(place: ObjectPlace, tmp_path: Path) -> None:
    states = ObjectStates(Objects(place))
    assert states.workspaces() == ["default"]
    states.make("prod")
    assert states.workspaces() == ["default", "prod"]
    store = Store(states.backend("prod"), tmp_path, tmp_path)
    assert store.backend.exists()
    store.write(with_one_more(empty("lineage", "root"), "a"))
    assert store_in(place, tmp_path).load() is None
    store.backend.delete()
    states.remove("prod")
    assert states.workspaces() == ["default"]
    assert not states.backend("prod").exists()


def test_a_beat_goes_on_until_the_lock_is_lost() -> None:
    said: list[str | None] = [None, None, "taken"]
    with Beat(lambda: said.pop(0), every=0.0) as beat:
        while beat.lost is None:
            beat.now()
    assert beat.now() == "taken"
    assert said == []


def test_what_is_deleted_is_gone_whatever_else_was_not_there(place: ObjectPlace) -> None:
    objects = Objects(place)
    for key in ("a", "b", "c"):
        objects.create(key, b"1")
    objects.delete("x", "a", "y", "c", "z")
    assert [one.key for one in objects.listed("")] == ["b"]
