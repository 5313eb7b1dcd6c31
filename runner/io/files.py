"""Files: read whole, written whole or not at all."""

import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from runner.errors import RunnerError, Where, error

PROBE_BYTES = 64 * 1024
LEFTOVER_SECONDS = 3600.0

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_RIGHT = {errno.EACCES, errno.EPERM}
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF}  # a directory, on some systems
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # a pipe that nobody writes to would be waited for
_BEING_READ = {5, 32}  # Windows: a file that somebody has open cannot be replaced just now
_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # seconds
PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
IGNORING = ".gitignore"

_NamedAct = tuple[str, Callable[[Path], object]]

if (
    sys.platform == "darwin"
):  # fsync ends in the drive's own memory there, which a power cut empties
    from fcntl import F_FULLFSYNC, fcntl

    def _sync(fd: int) -> None:
        try:
            fcntl(fd, F_FULLFSYNC)
        except OSError:  # a file system that does not know it
            os.fsync(fd)
else:
    _sync = os.fsync


@dataclass(frozen=True, slots=True)
class Identity:
    """Which file a name stands for, and whether it was written since (time in nanoseconds)."""

    device: int
    inode: int
    size: int
    modified: int

    def same_file(self, other: "Identity") -> bool:
        """Whether it is the same file, whatever was written to it."""
        return (self.device, self.inode) == (other.device, other.inode)


def read(path: Path) -> bytes | None:
    """The file's bytes, or None if there is no such file; RunnerError if it cannot be read, or is a
    pipe or a device, which may have no end.
    """
    with _opened(path) as file:
        return None if file is None else file.read()


def read_named(name: str, advice: str = "") -> bytes:
    """As `read`, for what the user names on the command line, which may be a pipe: <(command).
    RunnerError, with the advice, if there is none.
    """
    path = Path(name)
    try:
        return path.read_bytes()
    except FileNotFoundError as cause:
        said = " ".join(filter(None, (f'There is no file "{name}".', advice)))
        raise error("No such file", said, Where(name)) from cause
    except OSError as cause:
        raise failure("read", path, cause) from cause


def first_line(path: Path) -> bytes | None:
    """The first line of a file, as `read` reads it."""
    with _opened(path) as file:
        return None if file is None else file.readline()


def text_of(name: str, data: bytes) -> str:
    """Text less a byte order mark; RunnerError names the line that is not UTF-8."""
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as cause:
        line = cause.object.count(b"\n", 0, cause.start) + 1
        detail = (
            f"The byte {cause.object[cause.start]:#04x} in this line is not UTF-8 "
            f"({cause.reason}). Save it as UTF-8."
        )
        raise error("File is not UTF-8", detail, Where(name, line)) from cause


def write_atomic(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Writes a file so that a crash at any moment leaves the old content or the new one.

    On return the content is on the disk. `data` may come in pieces. A file that exists keeps its
    mode. RunnerError if it cannot be written, or is a link: then the old content stands and
    nothing is left beside it.
    """
    pieces = (data,) if isinstance(data, bytes) else data
    try:
        remove_leftovers(path.parent, f".{path.name}.")
        _replace(path, pieces)
        _sync_directory(path.parent)
    except OSError as cause:
        raise failure("write", path, cause) from cause


def is_stream(path: Path) -> bool:
    """Whether a name leads to a pipe, a terminal or another device: nothing there can be replaced,
    and what is written goes on at once.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # ValueError: no file has such a name
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def write_named(path: Path, data: bytes) -> None:
    """As `write_atomic`, for what the user names on the command line, which may be a pipe or a
    device: >(command), /dev/stdout. RunnerError if that takes not all of it.
    """
    if not is_stream(path):
        write_atomic(path, data)
        return
    try:
        with path.open("wb", buffering=0) as stream:
            _write_all(stream.fileno(), data)
    except OSError as cause:
        raise failure("write", path, cause) from cause


def write_each(folder: Path, contents: Iterable[tuple[str, bytes]]) -> None:
    """Writes files of a folder by their names, each as `write_atomic` does: a crash leaves some of
    them old and some new. On return all of them are on the disk.
    """

    def replacements() -> Iterator[_NamedAct]:
        remove_leftovers(folder, ".")
        for name, data in contents:
            yield name, partial(_replace, pieces=(data,))

    _act_in(folder, replacements())


def write_new(path: Path, data: bytes) -> None:
    """As `write_atomic`, where there is nothing yet; RunnerError if there is something by now."""
    try:
        with _beside(path) as new:
            _write_new(new, None, (data,))
            _name_once(new, path)
        _sync_directory(path.parent)
    except OSError as cause:
        raise failure("write", path, cause) from cause


def keep_copy(path: Path, copy: Path) -> None:
    """Makes `copy` the file at `path` as it is now, atomically; it must be replaced, not changed.

    Costs nothing where the file system knows hard links.
    """
    _act_in(copy.parent, [(copy.name, partial(_copy, path))])


def keep_copies(folder: Path, names: Iterable[tuple[str, str]]) -> None:
    """As `keep_copy`, for each file of a folder that is there, and the name of its copy."""
    _act_in(folder, ((copy, partial(_copy_if_there, folder / name)) for name, copy in names))


def rename_each(folder: Path, names: Iterable[tuple[str, str]]) -> None:
    """Gives files of a folder other names, in the place of what had them."""
    _act_in(folder, ((other, partial(_rename, folder / name)) for name, other in names))


def followed(path: Path) -> Path:
    """What a name leads to that the user gave: where he made it a link, he meant its target.

    RunnerError for one that no file has.
    """
    try:
        return Path(os.path.realpath(path))
    except ValueError as cause:
        raise _unnameable(path, cause) from cause
    except FileNotFoundError as cause:  # a relative name, and the current folder is deleted
        raise _nowhere() from cause


def is_link(path: Path) -> bool:
    """Whether the name itself is a link, or on Windows a junction, wherever it leads."""
    try:
        found = path.lstat()
    except OSError:
        return False
    junction: int = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == junction


def write_private(path: Path, data: Iterable[bytes]) -> None:
    """As `write_atomic`, for a file that nobody else may read. What stands under the name, a link
    too, is replaced and not written through.
    """
    try:
        with _beside(path) as new:
            _write_new(new, None, data, PRIVATE)
            insist(lambda: new.replace(path))
        _sync_directory(path.parent)
    except OSError as cause:
        raise failure("write", path, cause) from cause


def hide_from_git(folder: Path, patterns: Iterable[str] = ("*",)) -> None:
    """Says in a folder itself what of it git does not see, whatever the project's own .gitignore
    says; what somebody says there already stays.
    """
    path = folder / IGNORING
    if identity(path) is None:
        write_atomic(path, "".join(f"{pattern}\n" for pattern in patterns).encode())


def append_line(path: Path, line: bytes, *, new: bool = False) -> None:
    """Adds one line and its end to a private file, on the disk at return; with `new` there must be
    none yet. Never through a link. RunnerError leaves the file as it was, and none where there was
    none.
    """
    flags = os.O_CREAT | os.O_EXCL if new else 0
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | _BINARY | _NO_LINK | flags, PRIVATE)
        try:
            before = os.fstat(fd).st_size
            try:
                _write_all(fd, line + b"\n")
                _sync(fd)
            except OSError:
                os.ftruncate(fd, before)
                if not before:
                    path.unlink()
                raise
        finally:
            os.close(fd)
        _sync_directory(path.parent)
    except OSError as cause:
        raise failure("write", path, cause) from cause


@contextmanager
def private_directory() -> Iterator[Path]:
    """A new folder among temporary files, of no name that can be guessed and for nobody else; it
    is gone again if what is done with it fails. RunnerError if there can be none.
    """
    import tempfile  # noqa: PLC0415 - costly, and only for the worst case

    try:
        made = Path(tempfile.mkdtemp(prefix="runner-"))
    except OSError as cause:
        raise failure("create", Path(tempfile.gettempdir()), cause) from cause
    try:
        yield made
    except BaseException:
        with suppress(OSError):
            made.rmdir()
        raise


def insist(replace: Callable[[], object]) -> None:
    """Does it, and tries again for two seconds where Windows refuses because the file is open."""
    for pause in _PAUSES:
        try:
            replace()
        except PermissionError as cause:
            if getattr(cause, "winerror", None) not in _BEING_READ:
                raise
            time.sleep(pause)
        else:
            return
    replace()


def make_directory(path: Path, mode: int = 0o777) -> tuple[Path, ...]:
    """Creates a directory and those above it, for good; RunnerError if it cannot. One that is
    there keeps its mode. Those that were missing, the deepest first.
    """
    try:
        missing = [place for place in (path, *path.parents) if not place.exists()]
        path.mkdir(mode, parents=True, exist_ok=True)
        for place in reversed(missing):
            _sync_directory(place.parent)
    except OSError as cause:
        raise failure("create", path, cause) from cause
    return tuple(missing)


def probe_writable(directory: Path, mode: int = 0o777) -> None:
    """Creates the directory if need be and really writes in it; RunnerError if that fails."""
    make_directory(directory, mode)
    name = directory / f".probe.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _write_all(fd, bytes(PROBE_BYTES))
            _sync(fd)
        finally:
            os.close(fd)
            name.unlink()
    except OSError as cause:
        raise failure("write in", directory, cause) from cause


def remove(path: Path) -> bool:
    """Removes a file; whether there was one. RunnerError if it cannot be removed."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as cause:
        raise failure("remove", path, cause) from cause
    return True


def remove_leftovers(folder: Path, begin: str = ".") -> None:
    """Removes what killed processes were writing in a folder, to names that begin so: what is an
    hour old, so that nobody is still writing it. OSError if the folder cannot be read.
    """
    now = time.time()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(begin) and entry.name.endswith(".tmp"):
                with suppress(OSError):
                    if now - entry.stat().st_mtime > LEFTOVER_SECONDS:
                        Path(entry).unlink()


def identity(path: Path) -> Identity | None:
    """Which file stands under this name now; None if there is none or it cannot be reached."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: no file has such a name
        return None
    return Identity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def exists(path: Path) -> bool:
    """Whether there is such a file; RunnerError where that cannot be told."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as cause:
        raise failure("read", path, cause) from cause
    return True


def process_id() -> int:
    """This process's number."""
    return os.getpid()


def unusable(cause: OSError) -> RunnerError:
    """An OSError in words that nothing nearer to it has put it into."""
    return failure("use", Path(cause.filename), cause)


def failure(verb: str, path: Path, cause: OSError) -> RunnerError:
    """An OSError in words: what could not be done with which file, why, and what helps."""
    where = Where(str(path))
    reason = f"Cannot {verb} {path}: {(cause.strerror or str(cause)).lower()}."
    match cause.errno:
        case code if code in _NO_ROOM:
            detail = f"{reason} Free some space (or raise the quota), then try again."
            return error("No space left", detail, where)
        case code if code in _NO_RIGHT:
            detail = f"{reason} Give yourself the right to it, or choose another directory."
            return error("Permission denied", detail, where)
        case errno.EROFS:
            detail = f"{reason} The file system is read-only: choose a directory on another."
            return error("Read-only file system", detail, where)
        case errno.ENOENT | errno.ENOTDIR:
            detail = f"{reason} Create the directory {path.parent}, or correct the path."
            return error("No such directory", detail, where)
        case errno.EEXIST:
            return error("File is in the way", f"{reason} Move away what is there.", where)
        case errno.ENAMETOOLONG | errno.ELOOP:
            return error("Invalid path", f"{reason} Correct the path.", where)
        case errno.EPIPE:
            return error("Pipe is closed", f"{reason} Whatever read from it has ended.", where)
        case errno.EISDIR:
            detail = f"{reason} A file is expected there: move the directory away."
            return error("File is a directory", detail, where)
        case _:
            detail = f"{reason} Check the disk it is on."
            return error("File cannot be used", detail, where)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO | None]:
    """A regular file; None if there is none of that name."""
    try:
        fd = os.open(path, os.O_RDONLY | _BINARY | _NO_WAIT)
    except FileNotFoundError:
        yield None
        return
    except OSError as cause:
        raise failure("read", path, cause) from cause
    except ValueError as cause:
        raise _unnameable(path, cause) from cause
    try:
        with _reading(path, fd) as file:
            yield file
    except OSError as cause:
        raise failure("read", path, cause) from cause


def _reading(path: Path, fd: int) -> BinaryIO:
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(fd, "rb")
    os.close(fd)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    detail = f"{path} is a pipe or a device, and only a file is read there. Take it away."
    raise error("Not a file", detail, Where(str(path)))


def _nowhere() -> RunnerError:
    detail = "The folder that you are in was deleted. Go to one that is there: cd .."
    return error("No current directory", detail)


def _unnameable(path: Path, cause: ValueError) -> RunnerError:
    shown = ascii(str(path))[1:-1]
    return error("Invalid path", f"No file has the name {shown} ({cause}). Correct the path.")


def _name_once(new: Path, path: Path) -> None:
    """Gives a file its name if that is free: a hard link replaces nothing. Where the file system
    has none, there is a gap between the look and the rename.
    """
    try:
        path.hardlink_to(new)
    except FileExistsError:
        raise
    except OSError:
        if path.exists() or is_link(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        insist(lambda: new.replace(path))
    else:
        new.unlink()


def _refuse_link(path: Path) -> None:
    if is_link(path):
        detail = f"{path} is a link, and nothing is written through one. Take it away."
        raise error("File is a link", detail, Where(str(path)))


def _replace(path: Path, pieces: Iterable[bytes]) -> None:
    _refuse_link(path)
    with _beside(path) as new:
        _write_new(new, path, pieces)
        insist(lambda: new.replace(path))


def _copy(path: Path, copy: Path) -> None:
    _refuse_link(path)
    _refuse_link(copy)
    with _beside(copy) as new:
        try:
            new.hardlink_to(path)
        except OSError:
            _write_new(new, path, (path.read_bytes(),))
        insist(lambda: new.replace(copy))
        new.unlink(missing_ok=True)  # a rename onto the same file does nothing


def _copy_if_there(path: Path, copy: Path) -> None:
    if path.exists():
        _copy(path, copy)


def _rename(path: Path, other: Path) -> None:
    insist(lambda: path.replace(other))


def _act_in(folder: Path, acts: Iterable[_NamedAct]) -> None:
    """Does something under each name of a folder, and makes all of it last."""
    path = folder
    try:
        for name, act in acts:
            path = folder / name
            act(path)
        _sync_directory(folder)
    except OSError as cause:
        raise failure("write", path, cause) from cause


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _write_new(new: Path, like: Path | None, pieces: Iterable[bytes], mode: int = 0o666) -> None:
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
    with os.fdopen(fd, "wb", 1024 * 1024) as file:
        if like is not None:
            with suppress(FileNotFoundError):
                new.chmod(like.stat().st_mode & 0o7777)
        file.writelines(pieces)
        file.flush()
        _sync(file.fileno())


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A new name in the target's directory, which is gone afterwards if something fails."""
    new = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        yield new
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def _sync_directory(directory: Path) -> None:
    """Makes a rename last through a power cut, where directories can be synced."""
    try:
        fd = os.open(directory, os.O_RDONLY)
    except OSError:
        return
    try:
        _sync(fd)
    except OSError as cause:
        if cause.errno not in _NO_SYNC:
            raise
    finally:
        os.close(fd)
