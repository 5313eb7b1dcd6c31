"""What a whole process used: CPU of it and its children, wall time, peak memory."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import ROOT


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU (user and system) and wall time in seconds, peak resident memory in bytes; `server` is
    the CPU that the server used meanwhile.

    Linux counts a child's memory from its parent's at the time of the start on, so that nothing
    below the size of this process (20 MB) is told apart.
    """

    cpu: float
    wall: float
    memory: int
    server: float = 0.0


@dataclass(frozen=True, slots=True)
class Contestant:
    """A command, and what puts the files in order before each start (not measured). It runs the
    code that is in `root`.
    """

    name: str
    command: tuple[str, ...]
    prepare: Callable[[], None] = lambda: None
    at_most: int = 5  # a peer that takes minutes is not started again
    root: Path = ROOT


class FailedError(Exception):
    """A command that did not do what is measured; its figures would mean nothing."""


def measure(
    command: Sequence[str],
    environment: Mapping[str, str],
    server: int | None = None,
    root: Path = ROOT,
) -> Usage:
    """Runs a command to its end, its output thrown away; FailedError with what it said. `server`
    is the process of the server that it asks.
    """
    before = cpu_of(server)
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise FailedError(f"{' '.join(command)}\n{said.decode(errors='replace')[-2000:]}")
    cpu = used.ru_utime + used.ru_stime
    return Usage(cpu, wall, used.ru_maxrss * 1024, cpu_of(server) - before)


def interleaved(
    contestants: Sequence[Contestant],
    rounds: int,
    environment: Mapping[str, str],
    server: int | None = None,
) -> dict[str, list[Usage]]:
    """Every contestant in turn, round after round: what disturbs the machine disturbs all."""
    found: dict[str, list[Usage]] = {one.name: [] for one in contestants}
    for turn in range(rounds):
        for one in contestants:
            if turn < one.at_most:
                one.prepare()
                found[one.name].append(measure(one.command, environment, server, one.root))
    return found


def median(usages: Sequence[Usage]) -> Usage:
    """Of each figure, its median."""
    return Usage(
        statistics.median(usage.cpu for usage in usages),
        statistics.median(usage.wall for usage in usages),
        int(statistics.median(usage.memory for usage in usages)),
        statistics.fmean(usage.server for usage in usages),  # told in hundredths of a second
    )


def cpu_of(pid: int | None) -> float:
    """Seconds of CPU that a running process has used, as Linux tells them; 0 elsewhere."""
    if pid is None:
        return 0.0
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def python(module: str, *arguments: object) -> tuple[str, ...]:
    """The command that runs a module of ours."""
    return (sys.executable, "-m", module, *map(str, arguments))
