"""Nodes of a Ray cluster on this machine: processes of a test's own, which it stops."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tests.harness.object_stores import need
from tests.harness.project import HANG

TOKEN = "0123456789abcdef" * 4
STARTED = "Ray runtime started"


def need_ray() -> None:
    """Skips a test where there is no Ray; fails where CI is set."""
    need(None if find_spec("ray") and sys.platform == "linux" else "ray (pip install '.[ray]')")


@dataclass
class Nodes:
    """A cluster whose nodes have one CPU each. `variables` are what a driver needs."""

    folder: Path  # short: a socket's path has 107 bytes at most
    port: int
    extra: dict[str, str]
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Of its head."""
        return f"127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """What every process that joins has in its environment."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}

    def join(self) -> subprocess.Popen[bytes]:
        """One more node, once it is there."""
        is_head = not self.started
        where = (
            [
                "--head",
                f"--port={self.port}",
                f"--temp-dir={self.folder}",
                "--include-dashboard=false",
            ]
            if is_head
            else [f"--address={self.address}"]
        )
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *where, "--num-cpus=1"]
        command += ["--object-store-memory=80000000", "--disable-usage-stats", "--block"]
        log = self.folder / f"node{len(self.started)}.txt"
        with log.open("wb") as file:
            node = subprocess.Popen(
                command,
                env={**os.environ, **self.variables, **self.extra},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=self.folder,
            )
        self.started.append(node)
        end = time.monotonic() + HANG
        while STARTED not in log.read_text(errors="replace"):
            assert node.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < end, log.read_text(errors="replace")
            time.sleep(0.05)
        return node

    def logs(self) -> Iterator[tuple[Path, bytes]]:
        """Every file that Ray keeps."""
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield path, path.read_bytes()

    def stop(self) -> None:
        """No process of it is left."""
        below = [pid for node in self.started for pid in descendants(node.pid)]
        for node in self.started:
            node.terminate()
        for node in self.started:
            try:
                node.wait(20)
            except subprocess.TimeoutExpired:
                node.kill()
                node.wait()
        for pid in below:
            kill(pid)


def kill(pid: int) -> None:
    """SIGKILL, to a process that may be gone by now."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that these have."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(re.sub(r".*\)", "", path.read_text(errors="replace")).split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(path.parent.name))
    found, todo = [], [pid]
    while todo:
        todo += parents.get(todo[0], [])
        found += parents.get(todo.pop(0), [])
    return found


def named(pids: list[int], what: str) -> list[int]:
    """Those whose command line has this text."""
    return [pid for pid in pids if what in _command(pid)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


@contextmanager
def ray_nodes(**variables: str) -> Iterator[Nodes]:
    """A cluster with a head, whose nodes have these variables besides; stopped at the end."""
    need_ray()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    nodes = Nodes(folder, port, variables)
    try:
        nodes.join()
        yield nodes
    finally:
        nodes.stop()
        shutil.rmtree(folder, ignore_errors=True)
