import asyncio
import os
import pickle
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import diskcache
import pytest

from runner.errors import RunnerError
from runner.io.cache.closed import closed_disk
from runner.io.cache.faults import database_failure
from runner.io.cache.guard import SETTINGS
from runner.io.cache.reader import Reader
from runner.io.cache.upkeep import Info, clear, info, prune
from runner.io.cache.writer import Cache
from tests.harness.folders import unwritable

SAVER = """
import asyncio, itertools, sys
from pathlib import Path
from runner.io.cache.writer import Cache

async def main():
    async with Cache(Path(sys.argv[1])) as cache:
        async def work(numbers):
            for number in numbers:
                await cache.save(f"{number}:0", b"x" * 2000)
                print(number, flush=True)
        numbers = itertools.count()
        await asyncio.gather(*[work(numbers) for _ in range(32)])

asyncio.run(main())
"""

FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from runner.errors import RunnerError
from runner.io.cache.writer import Cache

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    async with Cache(Path(sys.argv[1])) as cache:
        await cache.save("first:0", b"kept")
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        for number in range(2):
            try:
                await cache.save(f"big{number}:0", b"x" * 1_000_000)
            except RunnerError as refused:
                print(refused.problems[0].summary)

asyncio.run(main())
"""


def test_git_sees_nothing_of_a_cache_that_was_made_without_init(tmp_path: Path) -> None:
    async def save() -> None:
        async with Cache(tmp_path / "cache" / "cache.db") as cache:
            await cache.save("a:0", b"x")

    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "cache").mkdir()  # a run that tells followers what it does makes it before
    asyncio.run(save())
    told = subprocess.run(
        ["git", "-C", tmp_path, "status", "--porcelain"], check=True, capture_output=True
    )
    assert told.stdout == b""


def save(directory: Path, keys: Iterable[str], value: bytes = b"answer") -> None:
    async def main() -> None:
        async with Cache(directory) as opened:
            await asyncio.gather(*[opened.save(key, value) for key in keys])

    asyncio.run(main())


def database(directory: Path) -> sqlite3.Connection:
    return sqlite3.connect(directory / "cache.db", isolation_level=None)


def plant(directory: Path, **columns: object) -> None:
    """Puts a row into a cache that this program would not write."""
    row = {"key": "planted:0", "raw": 1, "mode": 1, "filename": None, "value": b"x"} | columns
    with closing(database(directory)) as connection:
        connection.execute(
            "INSERT INTO Cache(key, raw, mode, filename, value)"
            " VALUES (:key, :raw, :mode, :filename, :value)",
            row,
        )


class Bomb:
    """What a pickle that runs code looks like."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_what_was_saved_is_found(tmp_path: Path) -> None:
    save(tmp_path / "new" / "cache", ["a:0", "a:1", "☀:0"], bytes(range(256)) * 400)
    with Reader(tmp_path / "new" / "cache") as reader:
        assert reader.get("a:1") == bytes(range(256)) * 400
        assert reader.contains("☀:0")
        assert reader.get("a:2") is None
        assert not reader.contains("a:2")
        assert sorted(reader.keys()) == ["a:0", "a:1", "☀:0"]


def test_a_cache_of_more_than_two_gigabytes_is_read_and_written(tmp_path: Path) -> None:
    """What lies behind the pages of a database counts as its size, and takes no room here."""
    save(tmp_path, ["old:0"], b"kept")
    with (tmp_path / "cache.db").open("r+b") as file:
        file.truncate(3 * 2**30)
    with Reader(tmp_path) as reader:
        assert reader.get("old:0") == b"kept"
    save(tmp_path, ["new:0"], b"too")
    with Reader(tmp_path) as reader:
        assert reader.get("new:0") == b"too"


def test_a_later_answer_replaces_the_earlier(tmp_path: Path) -> None:
    save(tmp_path, ["a:0"], b"one")
    save(tmp_path, ["a:0"], b"two")
    with Reader(tmp_path) as reader:
        assert reader.get("a:0") == b"two"


def test_without_a_cache_nothing_is_found_and_nothing_created(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with Reader(directory) as reader:
            assert reader.get("a:0") is None
            assert not reader.contains("a:0")
            assert list(reader.keys()) == []
        assert info(directory) == Info(0, 0, 0)
        assert prune(directory, lambda _: False) == Info(0, 0, 0)
        assert clear(directory) == Info(0, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_is_an_empty_cache(tmp_path: Path) -> None:
    """As it is at the moment when an apply creates it."""
    (tmp_path / "cache.db").touch()
    with Reader(tmp_path) as reader:
        assert reader.get("a:0") is None
    save(tmp_path, ["a:0"])
    assert info(tmp_path).entries == 1


def test_answers_are_readable_while_others_are_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with Cache(tmp_path) as opened:
            with Reader(tmp_path) as reader:
                for number in range(20):
                    assert not reader.contains(f"{number}:0")
                    await opened.save(f"{number}:0", b"answer")
                    assert reader.get(f"{number}:0") == b"answer"

    asyncio.run(main())


def commits(directory: Path) -> int:
    """How many commits are in the write-ahead log: frames that name the database's size."""
    log = (directory / "cache.db-wal").read_bytes()
    if not log:
        return 0
    (page,) = struct.unpack_from(">I", log, 8)
    sizes = [struct.unpack_from(">I", log, at + 4)[0] for at in range(32, len(log), 24 + page)]
    return sum(size > 0 for size in sizes)


def test_many_waiting_saves_are_one_commit(tmp_path: Path) -> None:
    """What waits while a commit is under way is saved by the next."""

    async def main() -> int:
        async with Cache(tmp_path) as opened:
            with closing(database(tmp_path)) as other:
                other.execute("BEGIN IMMEDIATE")  # holds the first commit back
                saves = [asyncio.ensure_future(opened.save(f"{n}:0", b"x")) for n in range(500)]
                await asyncio.sleep(0)
                before = commits(tmp_path)
                other.execute("ROLLBACK")
                await asyncio.gather(*saves)
                return commits(tmp_path) - before

    assert 1 <= asyncio.run(main()) <= 2
    assert info(tmp_path).entries == 500


def test_leaving_waits_for_what_was_given(tmp_path: Path) -> None:
    async def main() -> list[BaseException | None]:
        async with Cache(tmp_path) as opened:
            saves = [asyncio.ensure_future(opened.save(f"{n}:0", b"x")) for n in range(3000)]
            await asyncio.sleep(0)
        return await asyncio.gather(*saves)

    assert asyncio.run(main()) == [None] * 3000
    assert info(tmp_path).entries == 3000
    assert not any(thread.name == "cache" and thread.is_alive() for thread in threading.enumerate())


def test_a_cancelled_save_disturbs_no_other(tmp_path: Path) -> None:
    async def main() -> None:
        async with Cache(tmp_path) as opened:
            first = asyncio.ensure_future(opened.save("a:0", b"x"))
            await asyncio.sleep(0)
            first.cancel()
            await opened.save("b:0", b"x")

    asyncio.run(main())
    with Reader(tmp_path) as reader:
        assert reader.contains("b:0")


def test_a_closed_cache_takes_no_answer(tmp_path: Path) -> None:
    async def main() -> None:
        async with Cache(tmp_path) as opened:
            pass
        with pytest.raises(RuntimeError, match="closed"):
            await opened.save("a:0", b"x")

    asyncio.run(main())


def test_a_killed_process_loses_no_saved_answer(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SAVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(300)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().splitlines(keepends=True)
    saved = {line.strip() for line in said if line.endswith("\n")}
    assert len(saved) >= 300
    with Reader(tmp_path) as reader:
        assert all(reader.contains(f"{number}:0") for number in saved)
    save(tmp_path, ["next:0"])


def test_a_commit_is_synced_and_nothing_is_ever_evicted(tmp_path: Path) -> None:
    save(tmp_path, [f"{number}:0" for number in range(100)], b"x" * 10_000)
    assert info(tmp_path).entries == 100
    with closing(database(tmp_path)) as connection:
        found = dict(connection.execute("SELECT key, value FROM Settings").fetchall())
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert {key: found[key] for key in SETTINGS} == SETTINGS
    assert found["sqlite_synchronous"] == 2
    assert found["cull_limit"] == 0


def test_a_new_cache_wastes_little_on_answers_and_one_with_other_pages_is_used(
    tmp_path: Path,
) -> None:
    for directory, asked, pages in (("new", None, 8192), ("old", 4096, 4096)):
        (tmp_path / directory).mkdir()
        if asked is not None:
            with closing(sqlite3.connect(tmp_path / directory / "cache.db")) as connection:
                connection.execute(f"PRAGMA page_size = {asked}")
                connection.execute("PRAGMA journal_mode = wal")
        save(tmp_path / directory, ["a:0"], b"x" * 2_000)
        with closing(database(tmp_path / directory)) as connection:
            assert connection.execute("PRAGMA page_size").fetchone() == (pages,)
        with Reader(tmp_path / directory) as reader:
            assert reader.get("a:0") == b"x" * 2_000


def test_every_setting_of_diskcache_is_ours() -> None:
    assert set(diskcache.DEFAULT_SETTINGS) == set(SETTINGS)


def test_large_answers_stay_in_the_database(tmp_path: Path) -> None:
    save(tmp_path, ["a:0"], b"x" * 100_000)
    assert {path.name for path in tmp_path.iterdir()} <= {
        ".gitignore",
        "cache.db",
        "cache.db-wal",
        "cache.db-shm",
    }


def test_diskcache_itself_reads_the_format(tmp_path: Path) -> None:
    save(tmp_path, ["a:0"], b"answer")
    with diskcache.Cache(str(tmp_path), disk=closed_disk(), **SETTINGS) as plain:
        assert plain["a:0"] == b"answer"
        assert list(plain) == ["a:0"]
        plain["b:0"] = b"more"
        del plain["a:0"]
    with Reader(tmp_path) as reader:
        assert list(reader.keys()) == ["b:0"]


def test_a_planted_pickle_is_never_executed(tmp_path: Path) -> None:
    """CVE-2025-69872."""
    boom = tmp_path / "boom"
    bomb = pickle.dumps(Bomb(boom))
    save(tmp_path, ["good:0"])
    plant(tmp_path, mode=4, value=bomb)
    plant(tmp_path, key=bomb, raw=0)
    with Reader(tmp_path) as reader:
        assert reader.get("planted:0") is None
        assert not reader.contains("planted:0")
        assert list(reader.keys()) == ["good:0"]
    with diskcache.Cache(str(tmp_path), disk=closed_disk(), **SETTINGS) as plain:
        with pytest.raises(ValueError, match="not plain bytes"):
            plain.get("planted:0")
        with pytest.raises(ValueError, match="not a text"):
            list(plain)
    save(tmp_path, ["planted:0"], b"paid")
    with Reader(tmp_path) as reader:
        assert reader.get("planted:0") == b"paid"
    assert prune(tmp_path, {"good:0", "planted:0"}.__contains__).entries == 1
    assert not boom.exists()


def test_a_planted_file_name_is_neither_read_nor_deleted(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    directory = tmp_path / "cache"
    save(directory, ["good:0"])
    for mode, key in enumerate(("raw:0", "binary:0", "text:0", "pickle:0"), start=1):
        plant(directory, key=key, mode=mode, filename="../secret", value=None)
    keys = ["raw:0", "binary:0", "text:0", "pickle:0"]
    with Reader(directory) as reader:
        assert [reader.get(key) for key in keys] == [None] * 4
    with diskcache.Cache(str(directory), disk=closed_disk(), **SETTINGS) as plain:
        for key in keys:
            with pytest.raises(ValueError, match="not plain bytes"):
                plain.get(key)
    save(directory, keys, b"paid")
    with Reader(directory) as reader:
        assert [reader.get(key) for key in keys] == [b"paid"] * 4
    plant(directory, key="again:0", mode=2, filename="../secret", value=None)
    assert prune(directory, {"good:0"}.__contains__).entries == 5
    assert secret.read_bytes() == b"secret"


def test_planted_settings_are_refused(tmp_path: Path) -> None:
    """diskcache would set an attribute of that name, or run it as a pragma."""
    save(tmp_path, ["a:0"])
    with closing(database(tmp_path)) as connection:
        connection.execute("INSERT INTO Settings VALUES ('_directory', '/elsewhere')")
    with pytest.raises(RunnerError, match="Cache of another program"):
        save(tmp_path, ["b:0"])


@pytest.mark.parametrize("value", ["text", None, 1, bytearray(b"x"), [b"x"]])
def test_the_disk_takes_nothing_but_bytes_under_text(tmp_path: Path, value: object) -> None:
    with diskcache.Cache(str(tmp_path), disk=closed_disk(), **SETTINGS) as plain:
        with pytest.raises(TypeError):
            plain.set("a:0", value)
        with pytest.raises(TypeError):
            plain.set(b"a:0", b"value")
        with pytest.raises(TypeError):
            plain.get(1)
        with pytest.raises(TypeError):
            plain.set("a:0", b"value", read=True)


def test_a_full_disk_is_told_to_each_save_and_keeps_what_was_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    said = done.stdout.split("\n")
    assert said[0] in {"No space left", "Cache cannot be used"}
    assert said[1] == said[0]
    with Reader(tmp_path) as reader:
        assert reader.get("first:0") == b"kept"
        assert list(reader.keys()) == ["first:0"]


def empty(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()


def put_another(directory: Path) -> None:
    empty(directory)
    (directory / "cache.db").touch()


@pytest.mark.parametrize("meddle", [empty, put_another])
def test_a_cache_deleted_meanwhile_is_noticed_by_every_later_save(
    tmp_path: Path, meddle: Callable[[Path], None]
) -> None:
    async def main() -> None:
        async with Cache(tmp_path) as opened:
            await opened.save("a:0", b"x")
            meddle(tmp_path)
            saves = [opened.save(f"{number}:0", b"x") for number in range(10)]
            found = await asyncio.gather(*saves, return_exceptions=True)
            assert all(isinstance(one, RunnerError) for one in found)
            assert "Cache was deleted" in str(found[0])
            with pytest.raises(RunnerError, match="Cache was deleted"):
                await opened.save("later:0", b"x")

    asyncio.run(main())


def test_a_damaged_cache_says_how_to_go_on_and_can_be_cleared(tmp_path: Path) -> None:
    content = b"no database at all, but long enough to have a header" * 99
    (tmp_path / "cache.db").write_bytes(content)
    for use in (
        lambda: Reader(tmp_path),
        lambda: save(tmp_path, ["a:0"]),
        lambda: info(tmp_path),
        lambda: prune(tmp_path, lambda _: False),
    ):
        with pytest.raises(RunnerError, match="runner cache clear") as refused:
            use()
        assert refused.value.problems[0].summary == "Cache is damaged"
    assert clear(tmp_path) is None
    save(tmp_path, ["a:0"])
    assert info(tmp_path).entries == 1


def test_damage_inside_is_an_error_and_no_other_exception(tmp_path: Path) -> None:
    save(tmp_path, [f"{number}:0" for number in range(200)], b"x" * 3000)
    path = tmp_path / "cache.db"
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(RunnerError, match="Cache is damaged"), Reader(tmp_path) as reader:
        list(reader.keys())


def test_a_cache_that_may_not_be_written_is_read_but_not_opened() -> None:
    with unwritable(lambda directory: save(directory, ["a:0"])) as directory:
        with Reader(directory) as reader:
            assert reader.get("a:0") == b"answer"
        with pytest.raises(RunnerError):
            save(directory, ["b:0"])


def test_an_unfinished_cache_that_may_not_be_written_is_not_read_in_part() -> None:
    """The last answers are in a file that only SQLite may put in its place, which is a write."""

    def killed(directory: Path) -> None:
        save(directory, ["a:0"])
        (directory / "cache.db-wal").write_bytes(b"the last answers")

    with unwritable(killed) as directory, pytest.raises(RunnerError, match="not writable"):
        Reader(directory)


def test_a_place_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with pytest.raises(RunnerError):
        save(tmp_path / "plain" / "cache", ["a:0"])


def test_info_counts_and_prune_keeps_what_is_asked_for(tmp_path: Path) -> None:
    save(tmp_path, [f"{number}:0" for number in range(100)], b"x" * 5000)
    before = info(tmp_path)
    assert (before.entries, before.bytes) == (100, 500_000)
    removed = prune(tmp_path, {"7:0", "8:0", "unknown:0"}.__contains__)
    after = info(tmp_path)
    assert (removed.entries, removed.bytes) == (98, 490_000)
    assert (after.entries, after.bytes) == (2, 10_000)
    assert 0 < after.file_bytes < before.file_bytes / 5
    cleared = clear(tmp_path)
    assert cleared is not None
    assert cleared.entries == 2
    assert [path.name for path in tmp_path.iterdir()] == [".gitignore"]


def test_reading_imports_neither_diskcache_nor_asyncio() -> None:
    script = (
        "import sys; from pathlib import Path; from runner.io.cache.reader import Reader;"
        "Reader(Path('missing')).get('a:0'); print({'asyncio', 'diskcache'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("code", "summary"),
    [
        (sqlite3.SQLITE_FULL, "No space left"),
        (sqlite3.SQLITE_BUSY, "Cache is in use"),
        (sqlite3.SQLITE_LOCKED, "Cache is in use"),
        (sqlite3.SQLITE_READONLY, "Cache is not writable"),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, "Cache is not writable"),
        (sqlite3.SQLITE_PERM, "Cache is not writable"),
        (sqlite3.SQLITE_IOERR_WRITE, "Cache cannot be used"),
        (sqlite3.SQLITE_CORRUPT, "Cache is damaged"),
        (sqlite3.SQLITE_NOTADB, "Cache is damaged"),
        (0, "Cache is damaged"),
    ],
)
def test_every_fault_of_the_database_has_its_words(code: int, summary: str) -> None:
    cause = sqlite3.OperationalError("what sqlite says")
    cause.sqlite_errorcode = code
    (problem,) = database_failure(Path("state/cache/cache.db"), cause).problems
    assert problem.summary == summary
    assert "what sqlite says" in problem.detail


def test_another_program_that_writes_is_named_as_the_reason(tmp_path: Path) -> None:
    async def main() -> None:
        async with Cache(tmp_path, busy_seconds=0.01) as opened:
            with closing(database(tmp_path)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(RunnerError, match="Cache is in use"):
                    await opened.save("a:0", b"x")

    asyncio.run(main())


def test_a_bug_is_told_to_whoever_waits_and_stays_a_bug(tmp_path: Path) -> None:
    async def main() -> None:
        async with Cache(tmp_path) as opened:
            with pytest.raises(TypeError):
                await opened.save("a:0", "text")  # type: ignore[arg-type]

    asyncio.run(main())


def test_a_directory_whose_name_holds_a_variable_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """diskcache would expand it, and keep the answers where nobody looks for them."""
    monkeypatch.setenv("ANSWERS", "elsewhere")
    with pytest.raises(RunnerError, match=r"without \$"):
        save(tmp_path / "$ANSWERS", ["a:0"])


def test_a_cache_that_may_not_be_looked_at_is_no_empty_one() -> None:
    """It would be planned to pay for all of it again."""
    with unwritable(lambda directory: (directory / "cache").mkdir()) as directory:
        user = os.geteuid()
        os.seteuid(os.getuid())
        (directory / "cache").chmod(0)
        os.seteuid(user)
        with pytest.raises(RunnerError, match="Permission denied"):
            Reader(directory / "cache")


def test_after_a_first_failure_nothing_that_waited_is_saved(tmp_path: Path) -> None:
    """Not even if it could be: the run ends, and what it received goes elsewhere as a whole."""

    async def main() -> list[BaseException | None]:
        async with Cache(tmp_path, busy_seconds=0.5) as opened:
            with closing(database(tmp_path)) as other:
                other.execute("BEGIN IMMEDIATE")
                first = [asyncio.ensure_future(opened.save(f"{n}:0", b"x")) for n in range(1024)]
                await asyncio.sleep(0)  # so many are one commit
                await asyncio.sleep(0)
                second = asyncio.ensure_future(opened.save("late:0", b"x"))
                await asyncio.wait(first)
                other.execute("ROLLBACK")
                return await asyncio.gather(*first, second, return_exceptions=True)

    assert all(isinstance(one, RunnerError) for one in asyncio.run(main()))
    assert info(tmp_path).entries == 0
