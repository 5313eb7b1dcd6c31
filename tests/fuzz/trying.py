"""Runs commands on a folder of fuzzed files and says what must not have happened."""

import contextlib
import io
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from runner.cli.main import main
from runner.io.state.local import LOCK

SECONDS = 10  # of work, which a busy machine does not make more
BLOCKED = 120  # of a clock, for what waits and does not work
STATUSES = (0, 1, 2)
_PASSING = (".db-shm", ".db-wal")  # what the database keeps beside itself while somebody reads


class BrokenError(AssertionError):
    """A command that did what none may do; `sign` is the same for the same fault."""

    def __init__(self, sign: str, said: str) -> None:
        super().__init__(f"{sign}\n{said}")
        self.sign = sign


class _HangError(BaseException):
    """Time is up; no `except Exception` may swallow it."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended and what it wrote to both streams."""

    status: int
    out: str
    err: str


@dataclass(slots=True)
class Folder:
    """A project's folder that is filled anew for every input."""

    path: Path
    held: dict[str, bytes] = field(default_factory=dict)

    def fill(self, files: Mapping[str, bytes]) -> None:
        """Make the folder hold exactly these files."""
        shutil.rmtree(self.path, ignore_errors=True)
        for name, data in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def listing(self) -> dict[str, bytes]:
        """Every file below it, with its bytes."""
        return {
            str(Path(where, name).relative_to(self.path)): Path(where, name).read_bytes()
            for where, _, names in os.walk(self.path)
            for name in names
            if not name.endswith(_PASSING) and name != LOCK
        }

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Told:
        """A command that may write; BrokenError unless it ends well within its time."""
        with surroundings(env or {}):
            return _called(["-C", str(self.path), *arguments])

    def reads(self, *arguments: str, env: Mapping[str, str] | None = None) -> Told:
        """A command that only reads: nothing in the folder may change."""
        before = self.listing()
        told = self.run(*arguments, env=env)
        after = self.listing()
        if after != before:
            changed = sorted(n for n in {*before, *after} if before.get(n) != after.get(n))
            raise BrokenError(
                f"{arguments[0]} wrote {', '.join(map(_kind, changed))}", str(changed)
            )
        return told


@contextlib.contextmanager
def surroundings(more: Mapping[str, str]) -> Iterator[None]:
    """These environment variables, for a while."""
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def in_time(what: str, seconds: float = SECONDS) -> Iterator[None]:
    """BrokenError where the work takes longer, or stands still; only in the main thread."""

    def stop(_number: int, frame: FrameType | None) -> None:
        raise _HangError("".join(traceback.format_stack(frame)[-6:]))

    working = signal.signal(signal.SIGPROF, stop)
    blocked = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    left, _ = signal.setitimer(signal.ITIMER_REAL, BLOCKED)  # pytest-timeout's, if it runs
    try:
        yield
    except _HangError as exc:
        raise BrokenError(f"{what} hangs", str(exc)) from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGPROF, working)
        signal.signal(signal.SIGALRM, blocked)
        signal.setitimer(signal.ITIMER_REAL, left)


def fault_of(what: str, exc: BaseException) -> BrokenError:
    """What was raised, by its type and the last place in the program it passed through."""
    ours = [step for step in traceback.extract_tb(exc.__traceback__) if "/runner/" in step.filename]
    last = ours[-1] if ours else None
    where = f"{last.filename.partition('/runner/')[2]}:{last.name}" if last else "?"
    text = "".join(traceback.format_exception(exc)[-12:])
    return BrokenError(f"{what}: {type(exc).__name__} in {where}", text)


def _called(arguments: list[str]) -> Told:
    verb = arguments[2]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with _nobody_there(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            with in_time(verb):
                status = main(arguments)
        except SystemExit as exc:  # argparse
            status = exc.code if isinstance(exc.code, int) else 1
        except BrokenError:
            raise
        except BaseException as exc:
            raise fault_of(verb, exc) from exc
    told = Told(status, *(_text(stream) for stream in (out, err)))
    if status not in STATUSES:
        raise BrokenError(f"{verb} ends with {status}", told.err[-2000:])
    if "Traceback (most recent call last)" in told.out + told.err:
        raise BrokenError(f"{verb} prints a traceback", (told.out + told.err)[-3000:])
    if status == 1 and not (told.err.strip() or told.out.strip()):
        raise BrokenError(f"{verb} fails without a word", "")
    return told


@contextlib.contextmanager
def _nobody_there() -> Iterator[None]:
    """Standard input is at its end: no question waits for an answer."""
    before, sys.stdin = sys.stdin, io.StringIO()
    try:
        yield
    finally:
        sys.stdin = before


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer: Any = stream.buffer
    return str(buffer.getvalue().decode())


def _kind(name: str) -> str:
    return name if name.count("/") < 2 else "/".join(name.split("/")[:2]) + "/.."
