"""The file in which a running apply tells what it does."""

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner.io.state.run_file import RunFile, RunLines, reading_runs, run_file

NONE = RunLines()


def running(*lines: bytes, anew: bool = False) -> RunLines:
    return RunLines(lines, anew, is_running=True)


def test_a_reader_has_each_line_once_and_the_last_ones_of_a_run_that_ended(tmp_path: Path) -> None:
    path = tmp_path / "events"
    file = RunFile(path)
    with reading_runs(path) as look:
        assert look() == NONE
        file.begin(b"one\ntwo\nthr")
        assert look() == running(b"one", b"two", anew=True)
        assert look() == running()
        file.add(b"ee\n")
        assert look() == running(b"three")
        file.add(b"last\n")
        file.end()
        assert look() == RunLines((b"last",))
        assert look() == NONE
        file.begin(b"another\n")
        assert look() == running(b"another", anew=True)
        file.end()
    assert not path.exists()


def test_a_run_that_begins_anew_is_read_from_its_first_line(tmp_path: Path) -> None:
    file = RunFile(tmp_path / "events", most=10)
    with reading_runs(tmp_path / "events") as look:
        file.begin(b"one\n")
        assert not file.is_full()
        file.add(b"much more\n")
        assert file.is_full()
        assert look().lines == (b"one", b"much more")
        file.begin(b"two\n")
        assert not file.is_full()
        assert not look().is_running  # the end of the first part
        assert look() == running(b"two", anew=True)
        file.end()


def test_a_run_knows_whether_anybody_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "events"
    file = RunFile(path)
    file.begin(b"one\n")
    assert not file.is_followed()
    with reading_runs(path) as look, reading_runs(path) as other:
        look()
        other()
        assert file.is_followed()
        file.begin(b"two\n")
        assert not look().is_running
        assert file.is_followed()  # who read the first part reads the second
        assert look() == running(b"two", anew=True)
        file.end(lambda: b"last\n")
        assert look() == RunLines((b"last",))
        assert look() == NONE
    file.begin(b"three\n")
    assert not file.is_followed()
    file.end(lambda: pytest.fail("nobody reads it"))
    assert not [*tmp_path.iterdir()]


def test_whoever_saw_a_run_begin_hears_its_last_word(tmp_path: Path) -> None:
    """However its end falls between what a look asks."""
    path, seen = tmp_path / "events", [threading.Event() for _ in range(300)]

    def run() -> None:
        file = RunFile(path)
        for number, each in enumerate(seen):
            file.begin(b"first %d\n" % number)
            assert each.wait(60)
            file.add(b"last %d\n" % number)
            file.end()

    heard: list[bytes] = []
    with reading_runs(path) as look, ThreadPoolExecutor(1) as pool:
        told = pool.submit(run)
        while not told.done():
            heard += look().lines
            if heard:
                seen[int(heard[-1].split()[1])].set()
        told.result()
        heard += look().lines
    assert heard == [b"%b %d" % (word, n) for n in range(300) for word in (b"first", b"last")]


def test_what_a_crash_left_is_no_run_and_goes_with_the_next(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"left\n")
    with reading_runs(path) as look:
        assert look() == NONE
        file = RunFile(path)
        file.begin(b"new\n")
        assert look() == running(b"new", anew=True)
        file.end()


def test_it_is_for_nobody_else_and_follows_no_link(tmp_path: Path) -> None:
    path, other = tmp_path / "events", tmp_path / "other"
    other.write_bytes(b"precious\n")
    path.symlink_to(other)
    with reading_runs(path) as look:
        assert look() == NONE
    file = RunFile(path)
    file.begin(b"new\n")
    assert not path.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file.end()
    assert other.read_bytes() == b"precious\n"


def test_only_its_own_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "events"
    file = RunFile(path)
    file.begin(b"one\n")
    path.unlink()
    path.write_bytes(b"another's\n")
    file.end()
    assert path.read_bytes() == b"another's\n"


def test_a_pipe_is_no_run_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "events")
    with reading_runs(tmp_path / "events") as look:
        assert look() == NONE


def test_a_folder_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    file = RunFile(tmp_path / "missing" / "events")
    with pytest.raises(OSError, match="missing"):
        file.begin(b"one\n")
    file.end()


def test_states_that_share_a_cache_have_a_file_each(tmp_path: Path) -> None:
    one, other = (run_file(tmp_path, tmp_path / name) for name in ("one", "other"))
    assert one != other
    assert one == run_file(tmp_path, tmp_path / "other" / ".." / "one")
