import errno
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.io import files
from tests.harness.folders import names, unwritable

CROWDED = """
import resource, signal, sys
from pathlib import Path
from runner.errors import RunnerError
from runner.io import files
from tests.harness.folders import names, unwritable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    files.{call}
except RunnerError as refused:
    print(refused.problems[0].summary)
"""


def crowded(call: str, *arguments: str) -> str:
    """What a call says in a process that may not write files above 20,000 bytes."""
    script = CROWDED.replace("{call}", call)
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert files.read(path) is None
    files.write_atomic(path, b"one")
    assert files.read(path) == b"one"
    files.write_atomic(path, (piece for piece in (b"t", b"wo")))
    assert files.read(path) == b"two"
    assert names(tmp_path) == ["a.json"]


def test_a_file_keeps_its_mode_and_a_new_one_obeys_the_mask(tmp_path: Path) -> None:
    path = tmp_path / "a"
    before = os.umask(0o027)
    try:
        files.write_atomic(path, b"1")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(before)
    path.chmod(0o604)
    files.write_atomic(path, b"2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    target, link = tmp_path / "elsewhere" / "real", tmp_path / "link"
    target.parent.mkdir()
    target.write_bytes(b"old")
    link.symlink_to(target)
    with pytest.raises(RunnerError, match="is a link"):
        files.write_atomic(link, b"new")
    assert (link.is_symlink(), target.read_bytes()) == (True, b"old")
    files.write_atomic(files.followed(link), b"new")  # one that the user named
    assert (link.is_symlink(), target.read_bytes()) == (True, b"new")
    assert names(target.parent) == ["real"]


def test_a_failing_source_leaves_the_old_file_and_nothing_beside(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise ValueError

    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match=r"^$"):
        files.write_atomic(path, pieces())
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_full_disk_leaves_the_old_file_and_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    said = crowded("write_atomic(Path(sys.argv[1]), b'x' * 3_000_000)", str(path))
    assert said == "No space left"
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_line_that_does_not_fit_is_not_there_in_part(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    files.append_line(path, b"first", new=True)
    assert crowded("append_line(Path(sys.argv[1]), b'x' * 30_000)", str(path)) == "No space left"
    files.append_line(path, b"second")
    assert path.read_bytes() == b"first\nsecond\n"


def test_a_first_line_that_does_not_fit_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    said = crowded("append_line(Path(sys.argv[1]), b'x' * 3_000_000, new=True)", str(path))
    assert said == "No space left"
    assert names(tmp_path) == []


def test_a_line_goes_to_a_new_file_or_to_that_one_and_through_no_link(tmp_path: Path) -> None:
    path, link = tmp_path / "a.jsonl", tmp_path / "link"
    with pytest.raises(RunnerError):
        files.append_line(path, b"first")
    files.append_line(path, b"first", new=True)
    link.symlink_to(path)
    for name, new in ((path, True), (link, True), (link, False)):
        with pytest.raises(RunnerError):
            files.append_line(name, b"second", new=new)
    assert path.read_bytes() == b"first\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_open_elsewhere_is_replaced_once_it_is_not() -> None:
    """As on Windows, where a reader keeps a file from being replaced."""
    left = [32, 5]

    def replace() -> None:
        if left:
            refused = PermissionError(errno.EACCES, "is being used by another process")
            vars(refused)["winerror"] = left.pop()
            raise refused

    files.insist(replace)
    assert left == []
    tries: list[int] = []

    def forbidden() -> None:
        tries.append(1)
        raise PermissionError(errno.EACCES, "permission denied")

    with pytest.raises(PermissionError):
        files.insist(forbidden)
    assert len(tries) == 1


def test_a_full_disk_fails_the_probe_and_leaves_nothing(tmp_path: Path) -> None:
    assert crowded("probe_writable(Path(sys.argv[1]))", str(tmp_path)) == "No space left"
    assert names(tmp_path) == []


def test_the_probe_creates_the_directory_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    files.probe_writable(tmp_path / "a" / "b")
    assert names(tmp_path / "a" / "b") == []


def test_what_killed_writers_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    old, young, other = (tmp_path / f".{name}.tmp" for name in ("a.9.x", "a.9.y", "b.9.x"))
    for leftover in (old, young, other):
        leftover.write_bytes(b"")
    for leftover in (old, other):
        os.utime(leftover, (0, 0))
    files.write_atomic(tmp_path / "a", b"")
    assert not old.exists()
    assert young.exists()
    assert other.exists()


def test_the_world_s_faults_are_told_apart(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    for summary, path in (
        ("No such directory", tmp_path / "missing" / "a"),
        ("No such directory", plain / "a"),
        ("File is a directory", tmp_path),
    ):
        with pytest.raises(RunnerError, match=summary) as refused:
            files.write_atomic(path, b"")
        assert str(path) in refused.value.problems[0].detail
    for path in (plain / "a", tmp_path):
        with pytest.raises(RunnerError):
            files.read(path)
    for call in (files.probe_writable, files.make_directory):
        with pytest.raises(RunnerError):
            call(plain / "a")
    with pytest.raises(RunnerError):
        files.append_line(plain / "a", b"")
    with pytest.raises(RunnerError):
        files.remove(plain / "a")


@pytest.mark.parametrize(
    ("number", "summary"),
    [
        (28, "No space left"),
        (122, "No space left"),
        (27, "No space left"),
        (13, "Permission denied"),
        (1, "Permission denied"),
        (30, "Read-only file system"),
        (2, "No such directory"),
        (20, "No such directory"),
        (21, "File is a directory"),
        (17, "File is in the way"),
        (36, "Invalid path"),
        (40, "Invalid path"),
        (5, "File cannot be used"),
    ],
)
def test_every_error_number_has_its_words(number: int, summary: str) -> None:
    cause = OSError(number, os.strerror(number))
    (problem,) = files.failure("write", Path("state/a"), cause).problems
    assert problem.summary == summary
    assert "state/a" in problem.detail


def test_a_directory_that_one_may_not_write_in_is_refused() -> None:
    with unwritable() as directory:
        with pytest.raises(RunnerError, match="Permission denied"):
            files.write_atomic(directory / "a", b"")
        with pytest.raises(RunnerError, match="Permission denied"):
            files.probe_writable(directory)


def test_a_copy_is_the_file_as_it_was(tmp_path: Path) -> None:
    path, copy = tmp_path / "a", tmp_path / "a.backup"
    for content in (b"one", b"two", b"two", b"three"):
        files.write_atomic(path, content)
        files.keep_copy(path, copy)
        assert copy.read_bytes() == content
        files.keep_copy(path, copy)
        files.write_atomic(path, b"later")
        assert copy.read_bytes() == content
    assert names(tmp_path) == ["a", "a.backup"]


def test_no_copy_is_made_of_a_link_or_through_one(tmp_path: Path) -> None:
    target, link = tmp_path / "real", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    for pair in ((link, tmp_path / "copy"), (target, link)):
        with pytest.raises(RunnerError, match="is a link"):
            files.keep_copy(*pair)
    with pytest.raises(RunnerError):
        files.keep_copy(tmp_path / "missing", tmp_path / "copy")
    assert names(tmp_path) == ["link", "real"]


def test_text_is_utf8_and_a_wrong_byte_has_its_line() -> None:
    assert files.text_of("a.toml", "\ufeffé\r\n☀\n".encode()) == "é\r\n☀\n"
    with pytest.raises(RunnerError, match="0xe9") as refused:
        files.text_of("a.toml", b"fine\nalso\nbad \xe9\n")
    assert str(refused.value.problems[0].where) == "a.toml:3"


def test_removing_says_whether_there_was_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"")
    assert files.remove(path)
    assert not files.remove(path)


def test_a_name_s_identity_changes_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert files.identity(path) is None
    files.write_atomic(path, b"1")
    first = files.identity(path)
    assert first is not None
    assert first == files.identity(path)
    with path.open("ab") as file:
        file.write(b"2")
    grown = files.identity(path)
    assert grown is not None
    assert grown != first
    assert grown.same_file(first)
    (tmp_path / "old").hardlink_to(path)  # or its number could be given again
    files.write_atomic(path, b"12")
    replaced = files.identity(path)
    assert replaced is not None
    assert not replaced.same_file(first)


def test_a_copy_may_be_on_another_file_system(tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one file system")
    with tempfile.TemporaryDirectory(dir=shared) as other:
        source = Path(other) / "a"
        source.write_bytes(b"one")
        source.chmod(0o640)
        files.keep_copy(source, tmp_path / "copy")
        source.write_bytes(b"two")
    assert (tmp_path / "copy").read_bytes() == b"one"
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o640
    assert names(tmp_path) == ["copy"]


@pytest.mark.parametrize("read", [files.read, files.first_line])
def test_what_has_no_end_is_not_read(tmp_path: Path, read: Callable[[Path], object]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to("/dev/zero")
    for path in (pipe, tmp_path / "link"):
        with pytest.raises(RunnerError, match="is a pipe or a device"):
            read(path)
    with pytest.raises(RunnerError, match="No file has the name"):
        read(tmp_path / "x\0y")
    with pytest.raises(RunnerError, match="A file is expected there"):
        read(tmp_path)
