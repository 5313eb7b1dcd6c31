"""Programs that are started: by their own name, in an empty folder, without a key; those of a
project where the user has said so.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

# What a program needs to work as it does for its user: where it is, who the user is, the network
# and the language. A name that is not here is not passed on: most keys have names nobody knows.
_NAMES = frozenset(
    """
    PATH PATHEXT HOME USER LOGNAME USERNAME USERPROFILE HOMEDRIVE HOMEPATH APPDATA LOCALAPPDATA
    PROGRAMDATA PROGRAMFILES SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC TMPDIR TMP TEMP LANG LANGUAGE TZ
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE
    CURL_CA_BUNDLE VIRTUAL_ENV
    """.split()  # noqa: SIM905 - a list of words
)
_FAMILIES = ("LC_", "XDG_", "PIP_", "UV_")
_READING = ("TERM", "LESS", "COLORTERM", "COLUMNS", "LINES", "MORE")  # what a pager goes by
_KEYS = ("_KEY", "_TOKEN", "_SECRET")


class Ended(Struct, frozen=True):
    """How a program ended, and what it said."""

    status: int
    out: str
    err: str


def start(command: Sequence[str]) -> Ended:
    """Runs a program to its end: in an empty folder, so that nothing of a project counts.

    The first word is a whole path. OSError if there is no such program.
    """
    with tempfile.TemporaryDirectory(prefix="runner-") as empty:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell
            command,
            cwd=empty,
            env=clean(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    return Ended(done.returncode, done.stdout, done.stderr)


def answer(
    command: Sequence[str], folder: Path, lines: Sequence[bytes], seconds: float
) -> Ended | None:
    """Runs a program of the user's project in a folder of it, which reads these lines; None if it
    took longer than that. The user has said that it may be started.

    The first word is a whole path. OSError if there is no such program.
    """
    environment = {**clean(os.environ), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - trusted by the user, no shell
            command,
            cwd=folder,
            env=environment,
            input=b"".join(line + b"\n" for line in lines),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    return Ended(done.returncode, out, err)


class Talk(Struct, frozen=True):
    """A program that runs: what it reads and what it writes, as bytes."""

    asked: IO[bytes]
    told: IO[bytes]
    _process: subprocess.Popen[bytes]
    _said: IO[bytes]

    def ended(self) -> Ended:
        """How it ended, once it has nothing more to read; what it wrote is read by then."""
        with suppress(BrokenPipeError):
            self.asked.close()
        status = self._process.wait()
        self._said.seek(0)
        return Ended(status, "", self._said.read().decode(errors="replace"))

    def stop(self) -> None:
        """Ends it now."""
        self._process.kill()


@contextmanager
def talking(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Iterator[Talk]:
    """Starts a program in a folder, with these variables besides those that every program gets; it
    is over when this is left. What it runs on behalf of that folder is for its caller to forbid.

    The first word is a whole path. OSError if there is no such program.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 - a fixed command, no shell
            command,
            cwd=folder,
            env={**clean(os.environ), **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
        try:
            yield Talk(process.stdin, process.stdout, process, said)
        finally:
            process.kill()  # nothing is lost: it only reads, or it has ended
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.stdout.close()
            process.wait()


def read_in(command: Sequence[str], text: str) -> None:
    """Runs a program in which a person reads a text at this terminal, until they leave it.

    The first word is a whole path. OSError if there is no such program.
    """
    # As git starts it: colours are shown, and a text that fits on the screen just stands there.
    shown = {"LESS": "FRX", **{n: v for n, v in os.environ.items() if n.startswith(_READING)}}
    started = subprocess.Popen(  # noqa: S603 - what the user names, no shell
        command,
        env={**clean(os.environ), **shown},
        stdin=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with suppress(BrokenPipeError, KeyboardInterrupt):  # whoever has read enough leaves early
        started.communicate(text)
    while started.returncode is None:  # Ctrl-C is the program's affair: it has the terminal
        with suppress(KeyboardInterrupt):
            started.wait()


def find(name: str) -> str | None:
    """The program's path; never one in the folder where the command runs."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    whole = [place for place in places if Path(place).is_absolute()]
    found = shutil.which(name, path=os.pathsep.join(whole)) if whole else None
    # Windows looks in the folder where the command runs before it looks in the path.
    return found if found is not None and Path(found).parent != Path.cwd() else None


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a program gets: none that holds a key, or that names code to load."""
    return {name: value for name, value in environment.items() if _passes(name.upper())}


def _passes(name: str) -> bool:
    return name in _NAMES or (name.startswith(_FAMILIES) and not name.endswith(_KEYS))
