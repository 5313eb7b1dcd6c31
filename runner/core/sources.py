"""What was read from a data source, as a record."""

from runner.core.decide import Read
from runner.core.exchange import Answer
from runner.core.expand import Instance
from runner.core.state import Record


def data_record(
    instance: Instance, provider: str, identity: str, read: Read, answer: Answer
) -> Record:
    """What was read, as a record; its time is the caller's."""
    return Record(
        address=instance.address,
        provider=provider,
        identity=identity,
        fingerprint=read.fingerprint,
        sample=0,
        request=read.arguments,
        response=answer.response,
        issued_at="",
        attempts=answer.attempts,
    )


def unless_same(old: Record | None, read: Record) -> Record:
    """What was read; the old record if it says the same, so that nothing has to be written."""
    if old is None or (old.fingerprint, old.response) != (read.fingerprint, read.response):
        return read
    return old
