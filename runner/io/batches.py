"""The batches under way: what is needed to take their answers, on the disk before they are sent."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from runner.core.state.sent_batches import (
    SentBatch,
    SentLine,
    batch_document,
    line_documents,
    read_document,
    read_lines,
)
from runner.core.state.written import UNREADABLE
from runner.errors import RunnerError, Where, counted, error
from runner.io import files

FOLDER = "batches"
_LINES = ".entries"


class BatchJournal:
    """The batches of one cache, a pair of files each. No body of a request is among them: what is
    masked in a record is masked there.
    """

    def __init__(self, cache: Path) -> None:
        self.directory = cache / FOLDER

    def all(self) -> tuple[SentBatch, ...]:
        """Every batch under way, the oldest first; RunnerError if one cannot be read."""
        try:
            names = sorted(self.directory.glob("*.json"))
        except OSError as cause:
            raise files.failure("read", self.directory, cause) from cause
        found = (self._read(path) for path in names)
        return tuple(sorted((one for one in found if one is not None), key=lambda one: one.at))

    def lines(self, batch: SentBatch) -> Iterator[SentLine]:
        """The requests of a batch; none where somebody else has done with it. RunnerError where
        some are missing of one that was sent.
        """
        path = self._path(batch.key, _LINES)
        data, held = files.read(path), 0
        try:
            for line in read_lines(data or b""):
                yield line
                held += 1
        except UNREADABLE as cause:
            raise _unknown(path, cause, _forget(batch)) from cause
        is_there = data is not None or self._path(batch.key, ".json").exists()
        if is_there and batch.reached != "intent" and held != batch.requests:
            missing = f"it holds {held} of {counted(batch.requests, 'request')}"
            raise _unknown(path, missing, _forget(batch))

    def begin(self, batch: SentBatch, lines: Iterable[SentLine]) -> None:
        """A batch will be sent. What is left by a kill in between is a batch without requests."""
        files.make_directory(self.directory, files.PRIVATE_FOLDER)
        self.note(batch)
        files.write_atomic(self._path(batch.key, _LINES), line_documents(lines))

    def note(self, batch: SentBatch) -> None:
        """It got further."""
        files.write_atomic(self._path(batch.key, ".json"), batch_document(batch))

    def tidy(self) -> None:
        """What killed runs left is removed: requests of no batch, and files that were never whole.

        A batch is written down before its requests, and removed before them: what stands alone is
        wanted by nobody.
        """
        if not self.directory.is_dir():
            return
        try:
            lines = [*self.directory.glob(f"*{_LINES}")]
            batches = {path.stem for path in self.directory.glob("*.json")}
            files.remove_leftovers(self.directory)
        except OSError as cause:
            raise files.failure("read", self.directory, cause) from cause
        for path in lines:
            if path.stem not in batches:
                files.remove(path)

    def close(self, batch: SentBatch) -> None:
        """Nothing is to be awaited of it any more. What is left by a kill in between is requests
        that nobody looks for.
        """
        files.remove(self._path(batch.key, ".json"))
        files.remove(self._path(batch.key, _LINES))

    def _path(self, key: str, end: str) -> Path:
        return self.directory / f"{key}{end}"

    def _read(self, path: Path) -> SentBatch | None:
        data = files.read(path)
        if data is None:  # just done with
            return None
        try:
            found = read_document(data)
        except UNREADABLE as cause:
            raise _damaged(path, cause) from cause
        if found.key != path.stem:
            raise _damaged(path, f"it is about {found.key[:40]!r}")
        return found


def _damaged(path: Path, cause: object) -> RunnerError:
    return _unknown(path, cause, "remove it")


def _forget(batch: SentBatch) -> str:
    return f"run `runner batch forget {batch.batch or batch.key}`"


def _unknown(path: Path, cause: object, mend: str) -> RunnerError:
    said = (
        f"{path} cannot be read: {str(cause)[:200]}. It says which requests are under way in a "
        f"batch, so nothing is asked for until that is known. If its answers are not wanted, {mend}"
        ": they would be asked for, and paid for, again."
    )
    return error("Batch is not known", said, Where(str(path)))
