"""Who holds the lock of a state, in the form that Terraform gives it and reads."""

import os
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from runner import __version__
from runner.core.state.written import UNREADABLE
from runner.io import files

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")
_PID = re.compile(r"pid ([0-9]{1,9})\b")
_NAMES = {
    "identifier": "ID",
    "operation": "Operation",
    "info": "Info",
    "who": "Who",
    "version": "Version",
    "created": "Created",
    "path": "Path",
}


class LockInfo(Struct, frozen=True, rename=_NAMES):
    """`operation` is a command, `who` a user and a host, `info` the process and the start of the
    machine that it runs on; `created` is RFC 3339 in UTC, `path` what messages call the state.
    """

    identifier: str = ""
    operation: str = ""
    info: str = ""
    who: str = ""
    version: str = ""
    created: str = ""
    path: str = ""

    def __str__(self) -> str:
        found = _PID.match(self.info)
        pid = f" ({found[0]})" if found else ""
        runs = f", which runs `{self.operation}`" if self.operation else ""
        return f"{self.who or 'somebody'}{pid}{runs} since {self.created or 'nobody knows when'}"


def lock_info(command: str, name: str) -> LockInfo:
    """This process, as the holder of the lock of the state of this name."""
    import getpass  # noqa: PLC0415 - only writers lock
    import platform  # noqa: PLC0415
    from uuid import uuid4  # noqa: PLC0415

    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        user = "unknown user"
    return LockInfo(
        identifier=str(uuid4()),
        operation=command,
        info=" ".join((f"pid {files.process_id()}", *_machine())),
        who=f"{user}@{platform.node()}",
        version=__version__,
        created=now(),
        path=name,
    )


def read_lock_info(data: bytes) -> LockInfo | None:
    """The holder that bytes tell of; None if they are of another form."""
    with suppress(*UNREADABLE):
        found = msgspec.json.decode(data, type=LockInfo)
        return found if found.identifier else None
    return None


def has_ended(info: LockInfo) -> bool:
    """Whether the holder is known to be no more: a process of this host, since this start of it
    and among the same processes, that is gone. What cannot be told for sure is no.
    """
    import platform  # noqa: PLC0415

    found, machine = _PID.match(info.info), _machine()
    if found is None or not machine or info.who.rpartition("@")[2] != platform.node():
        return False
    return all(part in info.info for part in machine) and not _runs(int(found[1]))


def now() -> str:
    """The time, RFC 3339 in UTC."""
    return at(datetime.now(UTC).timestamp())


def at(seconds: float) -> str:
    """A time since the epoch, RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _machine() -> tuple[str, ...]:
    """What tells this start of this machine, and of a container its processes, from any other;
    nothing where that cannot be told.
    """
    try:
        return f"boot {_BOOT.read_text().strip()}", f"processes {_PROCESSES.readlink()}"
    except OSError:
        return ()


def _runs(pid: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
