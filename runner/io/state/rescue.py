"""The last places for what was paid: files of a run that cannot write its cache or its state."""

import secrets
import shlex
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from runner.errors import Problem, RunnerError, Where
from runner.io import files
from runner.io.state.lock_info import now


class UnsavedError(RunnerError):
    """Answers that could be written nowhere: `content` is for stdout, the last place left."""

    def __init__(self, problems: tuple[Problem, ...], content: bytes) -> None:
        super().__init__(*problems)
        self.content = content


class Rescue:
    """The files of one run, one of each ending, in its own folder or among temporary files.
    `runner` is how a command about this very state begins.
    """

    def __init__(self, directory: Path, runner: str) -> None:
        self._directory = directory
        self._runner = runner
        self._run = f"{now().replace(':', '')}-{files.process_id()}"
        self._places: dict[str, Path] = {}  # by ending

    def add(self, lines: Iterable[bytes]) -> Path:
        """Adds records, one a line; UnsavedError if they can be written nowhere."""
        content = b"\n".join(lines)

        def append(place: Path) -> None:
            files.append_line(place, content, new=place not in self._places.values())

        place = self._kept(".jsonl", append)
        if place is None:
            raise UnsavedError((self._nowhere(),), content + b"\n")
        return place

    def replaced(self, pieces: Callable[[], Iterable[bytes]], failed: RunnerError) -> RunnerError:
        """The error of a state that was not written, and is in a file of its own instead; an
        UnsavedError if that cannot be either. `pieces` are those of the state, anew at each call.
        """
        place = self._kept(".json", lambda place: files.write_private(place, pieces()))
        if place is None:
            return UnsavedError((*failed.problems, self._nowhere()), b"".join(pieces()))
        detail = (
            f"The new state is in {place} instead, with every answer in it. When the "
            f"cause is removed, put it back: {self.push(str(place))}"
        )
        return RunnerError(
            *failed.problems, Problem("State was not written", detail, Where(str(place)))
        )

    def push(self, place: str) -> str:
        """The command that brings a rescued file back."""
        return f"{self._runner} state push {shlex.quote(place)}"

    def _nowhere(self) -> Problem:
        detail = (
            f"Neither {self._directory} nor the directory of temporary files can be written. What "
            "was received follows on stdout: keep it in a file, make room, then: "
            f"{self.push('FILE')}"
        )
        return Problem("Answers were not saved", detail)

    def _kept(self, ending: str, write: Callable[[Path], None]) -> Path | None:
        """The file that `write` wrote: this run's, in its own folder or in a private one among
        temporary files; None if it could be written nowhere. Its name cannot be guessed: who may
        write in the folder too could have put a link there.
        """
        name = f"errored-{self._run}-{secrets.token_hex(8)}{ending}"
        for place in (self._places.get(ending), self._directory / name):
            if place is not None:
                with suppress(RunnerError):
                    write(place)
                    self._places[ending] = place
                    return place
        with suppress(RunnerError), files.private_directory() as folder:
            write(folder / name)
            self._places[ending] = folder / name
            return folder / name
        return None
