"""What was read from a data source, as a record."""

from collections.abc import Iterable

from runner.core.api.exchange import Answer
from runner.core.expansion.scope import Instance
from runner.core.plan.actions import Read
from runner.core.request.provider import Provider
from runner.core.secrets.redact import redact
from runner.core.secrets.texts import yielded_secrets
from runner.core.state.records import Record


def data_record(
    instance: Instance, provider: Provider, read: Read, answer: Answer, secrets: Iterable[str]
) -> Record:
    """What was read, as a record without the secrets that a server was told; its time is the
    caller's.
    """
    params = instance.declared.params.values()
    asked = yielded_secrets(params, instance.scope.masks, instance.names())
    return Record(
        address=instance.address,
        provider=provider.name,
        identity=provider.identity,
        fingerprint=read.fingerprint,
        sample=0,
        request=read.recorded,
        response=redact(answer.response, (*secrets, *asked, *provider.secrets)),
        issued_at="",
        attempts=answer.attempts,
    )


def unless_same(old: Record | None, read: Record) -> Record:
    """What was read; the old record if it says the same, so that nothing has to be written."""
    if old is None or _said(old) != _said(read):
        return read
    return old


def _said(record: Record) -> tuple[str, bytes, bytes]:
    return record.fingerprint, record.request, record.response
