"""The git program, as it is started: nothing that a repository's own configuration names is run,
nothing is fetched, and no variable of a hook that this runs in says which repository is meant.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from runner.errors import RunnerError, error
from runner.io import programs

# What git would run or ask on the word of .git/config, which a stranger may have written. The
# commands below are git's own plumbing besides, which neither filter nor convert what they read.
_SETTINGS = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    "core.askPass=",
    "core.sshCommand=false",
    "core.gitProxy=",
    "core.pager=",
    "credential.helper=",
    "diff.external=",
    "gpg.program=false",
    "log.showSignature=false",
    "log.follow=false",
    "maintenance.auto=false",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
)
_VARIABLES = {
    "GIT_ALLOW_PROTOCOL": "",  # above protocol.NAME.allow, which stands above protocol.allow
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LANGUAGE": "C",  # what it says of an error is read
    "LC_ALL": "C",
    "TZ": "UTC0",
}
_FETCHING = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    "core.askPass=",
    "core.pager=",
    "fetch.recurseSubmodules=false",
    "gpg.program=false",
    "http.followRedirects=false",  # the host that was agreed to, and no other
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "maintenance.auto=false",
    "gc.auto=0",
)
_REACHING = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "SSH_AUTH_SOCK")
_LOCATING = ("GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")


class GitProgram:
    """The git program at work in one folder."""

    def __init__(
        self,
        program: str,
        folder: Path,
        settings: Sequence[str] = _SETTINGS,
        variables: Mapping[str, str] = _VARIABLES,
    ) -> None:
        self.folder, self._program, self._variables = folder, program, variables
        given = (word for setting in settings for word in ("-c", setting))
        self._begin = (program, "--no-pager", *given)

    def at(self, folder: Path) -> "GitProgram":
        """The same in another folder."""
        return GitProgram(self._program, folder)

    def output(self, *words: str, empty_if: int | None = None) -> bytes:
        """What a command writes; nothing where it ends with the status `empty_if`. RunnerError if
        it ends otherwise than well.
        """
        with self.talking(*words) as talk:
            talk.asked.close()
            written, ended = talk.told.read(), talk.ended()
        if ended.status == 0:
            return written
        if ended.status == empty_if:
            return b""
        raise refused(words[0], ended)

    @contextmanager
    def talking(self, *words: str) -> Iterator[programs.Talk]:
        """A command that runs; it is over when this is left."""
        try:
            with programs.talking(
                (*self._begin, *words), self.folder, self._surroundings()
            ) as talk:
                yield talk
        except FileNotFoundError as cause:
            raise error("Git cannot be started", f"{cause.filename}: {cause.strerror}.") from cause

    def _surroundings(self) -> Mapping[str, str]:
        kept = {name: os.environ[name] for name in _LOCATING if name in os.environ}
        return {**self._variables, **kept}


def git_program(folder: Path) -> GitProgram | None:
    """Git in a folder; None where git is not installed."""
    program = programs.find("git")
    return None if program is None else GitProgram(program, folder)


def refused(command: str, ended: programs.Ended) -> RunnerError:
    """The error of a command of git that ended otherwise than well."""
    said = " ".join(ended.err.split()) or f"it ended with status {ended.status}"
    return error("Git failed", f"git {command}: {said[:600]}")


def fetching_program(folder: Path, scheme: str) -> GitProgram | None:
    """Git in an empty repository of its own, into which it may fetch over this protocol alone. How
    it reaches a host is the user's: their credential helpers, and their keys for ssh. It asks
    nothing at the terminal. None where git is not installed.
    """
    program = programs.find("git")
    named = {name: os.environ[name] for name in _REACHING if name in os.environ}
    variables = {**_VARIABLES, "GIT_ALLOW_PROTOCOL": scheme, **named}
    if program is not None and scheme == "ssh" and "GIT_SSH_COMMAND" not in named:
        own = GitProgram(program, folder, (), _VARIABLES)
        ssh = own.output("config", "--get", "core.sshCommand", empty_if=1).decode().strip()
        variables["GIT_SSH_COMMAND"] = ssh or "ssh -o BatchMode=yes"
    return None if program is None else GitProgram(program, folder, _FETCHING, variables)
