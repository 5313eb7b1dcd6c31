"""What git holds of earlier answers: which of the recorded ones somebody may have chosen."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from runner.core.state.line import decode_record
from runner.core.state.records import Record
from runner.core.state.written import UNREADABLE
from runner.errors import Problem, RunnerError
from runner.operations.reading.loaded import Loaded
from runner.operations.recorded.revisions import StateHistory, history_of


class EarlierAnswers(Struct, frozen=True):
    """The records of all commits, each as it was written; `put_aside` are the fingerprints of
    requests that were answered otherwise than the state has it.
    """

    records: tuple[Record, ...] = ()
    put_aside: frozenset[str] = frozenset()


def earlier_answers(project: Loaded, records: Mapping[str, Record]) -> EarlierAnswers:
    """What the commits up to the current one hold; nothing, and a warning that says why, where
    there are none.
    """
    try:
        found = tuple(_committed(history_of(project.options.place)))
    except RunnerError as exc:
        said = " ".join(problem.detail for problem in exc.problems)
        detail = (
            f"{said} So an answer that was put aside for the recorded one is seen only where the "
            "cache still has it."
        )
        project.warnings.append(Problem("Git was not asked", detail, None, "warning"))
        return EarlierAnswers()
    held = {(record.fingerprint, record.response) for record in records.values()}
    asked = {record.fingerprint for record in records.values()}
    others = (one for one in found if one.fingerprint in asked)
    put_aside = {one.fingerprint for one in others if (one.fingerprint, one.response) not in held}
    return EarlierAnswers(found, frozenset(put_aside))


def _committed(history: StateHistory) -> Iterator[Record]:
    """Each line that is a record, once, however many commits have it. Others are another command's
    to tell of: what was committed cannot be mended.
    """
    seen = set[bytes]()
    commits = history.commits()
    blobs = dict.fromkeys(blob for one in commits for blob in one.blobs)
    for _, data in history.repository.blobs(blobs):
        lines = {line.removesuffix(b",") for line in data.split(b"\n")}
        for line in lines - seen:
            if line.startswith(b'{"address"'):
                try:
                    yield decode_record(line)
                except UNREADABLE:
                    continue
        seen |= lines
