"""Caches that came with a repository: nothing in them is obeyed, nothing hangs, nothing is lost."""

import asyncio
import os
import shutil
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.io.cache.reader import Reader
from runner.io.cache.upkeep import clear, info, prune
from runner.io.cache.writer import Cache
from tests.harness.project import Project, completion, provider, serving

FOREIGN = "Cache of another program"
DAMAGED = "Cache is damaged"
PAGE = 4096


def save(directory: Path, *keys: str) -> None:
    async def go() -> None:
        async with Cache(directory) as cache:
            await asyncio.gather(*(cache.save(key, b"answer") for key in keys))

    asyncio.run(go())


def run(path: Path, *statements: str) -> None:
    """Statements in the database, also of what is in no schema otherwise."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def altered(name: str, old: str, new: str) -> tuple[str, ...]:
    """The definition of a table as it is, but for this."""
    said = f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}') WHERE name = '{name}'"
    return ("PRAGMA writable_schema = 1", said)


ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT 1 AS raw, 1 AS mode, NULL AS filename, 'k' AS key, x'00' AS value FROM n"
)
COLUMNS = "key BLOB, raw INTEGER, store_time REAL, expire_time REAL, access_time REAL"
PLANTED = {
    "a trigger that deletes": (
        "CREATE TRIGGER t AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END",
    ),
    "a trigger that refuses": (
        "CREATE TRIGGER t BEFORE INSERT ON Cache BEGIN SELECT RAISE(IGNORE); END",
    ),
    "another trigger under a known name": (
        "DROP TRIGGER Settings_count_insert",
        "CREATE TRIGGER Settings_count_insert AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END",
    ),
    "a view that never ends": ("DROP TABLE Cache", f"CREATE VIEW Cache AS {ENDLESS}"),
    "a view beside": ("CREATE VIEW v AS SELECT 1",),
    "a table beside": ("CREATE TABLE t (x)",),
    "an index over an expression": ("CREATE INDEX i ON Cache (length(zeroblob(raw)))",),
    "a generated column": altered("Cache", "value BLOB", "value BLOB AS (zeroblob(9))"),
    "a check": altered("Cache", "raw INTEGER", "raw INTEGER CHECK (raw = 7)"),
    "a default": altered("Cache", "raw INTEGER", "raw INTEGER DEFAULT (abs(1))"),
    "a unique column": ("CREATE UNIQUE INDEX u ON Cache (raw) WHERE raw = 1",),
    "a setting that is a pragma": (
        "UPDATE Settings SET value = 'off' WHERE key = 'sqlite_journal_mode'",
    ),
    "an attribute": ("INSERT INTO Settings VALUES ('_directory', '/elsewhere')",),
    "settings without end": ("DROP TABLE Settings", f"CREATE VIEW Settings AS {ENDLESS}"),
}


def refused(directory: Path, summary: str) -> None:
    """By who reads, who writes and who prunes; and it can be set aside."""
    for use in (Reader, lambda at: save(at, "b:0"), info, lambda at: prune(at, lambda _: False)):
        with pytest.raises(RunnerError, match=summary):
            use(directory)


@pytest.mark.parametrize("planted", PLANTED)
def test_what_the_runner_does_not_make_is_refused_and_can_be_cleared(
    tmp_path: Path, planted: str
) -> None:
    save(tmp_path, "a:0")
    run(tmp_path / "cache.db", *PLANTED[planted])
    refused(tmp_path, FOREIGN)
    clear(tmp_path)
    save(tmp_path, "b:0")
    with Reader(tmp_path) as reader:
        assert list(reader.keys()) == ["b:0"]


def test_what_stands_in_a_log_beside_counts_as_in_the_database(tmp_path: Path) -> None:
    made, planted = tmp_path / "made", tmp_path / "planted"
    save(made, "a:0")
    planted.mkdir()
    with closing(sqlite3.connect(made / "cache.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(PLANTED["a trigger that deletes"][0])
        for name in ("cache.db", "cache.db-wal"):
            shutil.copy(made / name, planted / name)
    refused(planted, FOREIGN)


def test_a_journal_that_names_a_file_deletes_none(tmp_path: Path) -> None:
    """SQLite takes the name for a journal of several databases, and deletes it when it is done."""
    save(tmp_path / "cache", "a:0")
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    name = os.fsencode(victim)
    head = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + struct.pack(">5I", 0, 1, 1, 512, PAGE)
    tail = struct.pack(">I", 0x40000000 // PAGE + 1) + name
    tail += struct.pack(">2I", len(name), sum(name)) + head[:8]
    journal = tmp_path / "cache/cache.db-journal"
    journal.write_bytes(head.ljust(512, b"\0") + tail)
    refused(tmp_path / "cache", FOREIGN)
    assert victim.read_bytes() == b"precious"
    clear(tmp_path / "cache")
    assert not journal.exists()


def test_what_a_killed_process_began_to_make_is_made(tmp_path: Path) -> None:
    """An empty database with a journal, or some of the tables: no answer was in it."""
    (tmp_path / "cache.db").touch()
    (tmp_path / "cache.db-journal").write_bytes(bytes(512))
    save(tmp_path, "a:0")
    run(tmp_path / "cache.db", "DROP TRIGGER Settings_size_delete", "DROP INDEX Cache_key_raw")
    with Reader(tmp_path) as reader:
        assert reader.get("a:0") == b"answer"
    save(tmp_path, "b:0")
    with Reader(tmp_path) as reader:
        assert sorted(reader.keys()) == ["a:0", "b:0"]


ODD: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a link": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_a_file_that_is_none_is_not_opened(tmp_path: Path, odd: str, end: str) -> None:
    """Whoever opened a pipe would wait for ever."""
    save(tmp_path, "a:0")
    path = tmp_path / f"cache.db{end}"
    path.unlink(missing_ok=True)
    ODD[odd](path)
    refused(tmp_path, FOREIGN)
    with pytest.raises(RunnerError) as told:
        info(tmp_path)
    assert ("runner cache clear" in str(told.value)) is (odd != "a folder")
    assert "Move " in str(told.value)


def page(database: Path, number: int, content: bytes) -> None:
    with database.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(content.ljust(PAGE, b"\0"))


def root_of(database: Path, name: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return int(connection.execute(query, (name,)).fetchone()[0])


def inner(child: int) -> bytes:
    """A page of a table's tree with 400 branches, all to the same page."""
    count = 400
    cells = struct.pack(">IB", child, 1) * count
    at = [PAGE - len(cells) + 5 * number for number in range(count)]
    head = struct.pack(">BHHHBI", 5, 0, count, at[0], 0, child)
    pointers = struct.pack(f">{count}H", *at)
    return (head + pointers).ljust(PAGE - len(cells), b"\0") + cells


def test_a_tree_that_leads_to_the_same_page_again_and_again_ends(tmp_path: Path) -> None:
    """Four levels of it: 400 ** 4 rows in 100 KB. A look for one answer is no longer for it."""
    save(tmp_path, "a:0")
    database = tmp_path / "cache.db"
    root = root_of(database, "Cache")
    data = database.read_bytes()
    leaf = len(data) // PAGE + 1
    with database.open("ab") as file:
        file.write(data[(root - 1) * PAGE : root * PAGE])
        file.write(bytes(3 * PAGE))
    for level in range(1, 4):
        page(database, leaf + level, inner(leaf + level - 1))
    page(database, root, inner(leaf + 3))
    with database.open("r+b") as file:  # the header's count of pages
        file.seek(28)
        file.write(struct.pack(">I", leaf + 3))
    for use in (info, lambda at: prune(at, lambda _: False), lambda at: save(at, "b:0")):
        with pytest.raises(RunnerError, match=DAMAGED):
            use(tmp_path)


def test_two_tables_in_one_place_are_no_cache(tmp_path: Path) -> None:
    """What is written to one would be gone from the other."""
    save(tmp_path, "a:0")
    database = tmp_path / "cache.db"
    settings = root_of(database, "Settings")
    moved = f"UPDATE sqlite_master SET rootpage = {settings} WHERE name = 'Cache'"
    run(database, "PRAGMA writable_schema = 1", moved)
    with pytest.raises(RunnerError, match=DAMAGED):
        save(tmp_path, "b:0")


@pytest.mark.parametrize("planted", ["a trigger that deletes", "a view that never ends"])
def test_no_command_pays_beside_a_planted_cache(tmp_path: Path, planted: str) -> None:
    """As processes: an error that says what to do, before anything is asked for."""
    project = Project(tmp_path)
    with serving() as api:
        project.write(provider(api) + completion("a", "one"))
        assert project.apply().status == 0
        run(tmp_path / "state/cache/cache.db", *PLANTED[planted])
        project.write(provider(api) + completion("a", "one") + completion("b", "two"))
        for verb in (["plan"], ["apply", "--auto-approve"], ["cache", "info"]):
            ran = project.run(*verb)
            assert ran.status == 1
            assert FOREIGN in ran.err
            assert "runner cache clear" in ran.err
            assert "Traceback" not in ran.err
        assert len(api.requests) == 1
        cleared = project.run("cache", "clear", "--auto-approve")
        assert (cleared.status, "Dropped" in cleared.err) == (0, False)
        assert "cache.db, which could not be read as a cache of the runner's" in cleared.err
        assert project.apply().status == 0
        assert len(api.requests) == 2
        assert len(project.records) == 2
