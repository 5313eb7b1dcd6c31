"""What has to happen to a data source, given what is known now; and what was read, as a record."""

from collections.abc import Iterable
from typing import Any

from runner.core.address import with_key
from runner.core.api.exchange import Answered
from runner.core.canonical import canonical, digest
from runner.core.expansion.scope import blocks_at
from runner.core.expansion.session import Instance
from runner.core.expressions.template import Constant, Masked
from runner.core.plan.actions import Keep, Read
from runner.core.plan.known import Known, provider_of
from runner.core.request.backends import backend_settings
from runner.core.request.provider import ELSEWHERE, Provider
from runner.core.secrets.redact import redact
from runner.core.secrets.texts import yielded_secrets
from runner.core.state.records import Record
from runner.core.values import NotKnown, TemplateError, plain
from runner.errors import Problem, RunnerError


def decide_data(instance: Instance, known: Known) -> Keep | Read:
    """Keep what was read for the same arguments (in this run, if it reads; offline: last), else
    read. NotKnown while an answer that it hangs on has not come.
    """
    _require_answers(instance)
    provider = provider_of(instance, known)
    if not provider.type.stores and provider is not ELSEWHERE:
        raise RunnerError(_no_store(instance, provider))
    try:
        asked = _asked(instance)
        recorded = canonical(_asked(instance, instance.scope.masks))
    except TemplateError as exc:
        raise instance.fault(exc) from exc
    _check_asked(instance, asked)
    arguments = canonical(asked)
    asks = digest(b"data/1 %b %b" % (provider.identity_json, arguments))
    held = (known.records if known.reads is None else known.reads).get(instance.address)
    if held is not None and held.fingerprint == asks:
        return Keep(held)
    return Read(arguments, recorded, asks)


def _require_answers(instance: Instance) -> None:
    """NotKnown while what depends_on names has yet to happen: it may change what is read."""
    session = instance.scope.session
    for named in instance.scope.order(instance.declared):
        for address in blocks_at(session, named):
            keys = session.keys.get(address)
            for one in [address] if keys is None else [with_key(address, key) for key in keys]:
                if one in session.changing:
                    raise NotKnown(one)
                session.answer(one)


def _asked(instance: Instance, masked: Masked | None = None) -> dict[str, Any]:
    """What a data source asks for."""
    names = instance.names()
    params = instance.declared.params
    return {name: plain(node.render(names, masked)) for name, node in params.items()}


def _check_asked(instance: Instance, asked: dict[str, Any]) -> None:
    """What expressions yielded has the type and the bounds that a written value must have."""
    block = instance.declared.block
    if instance.declared.reads_state and isinstance(
        fault := backend_settings(asked["backend"]), str
    ):
        raise RunnerError(block.problem("Invalid backend", fault, ("backend",)))
    if all(isinstance(node, Constant) for node in instance.declared.params.values()):
        return
    from runner.core.language.check import check_source  # noqa: PLC0415  # pydantic, 50 ms

    problems = [
        block.problem(found.summary, f"In {instance.address}: {found.detail}", found.path)
        for found in check_source(instance.declared.name.split(".", 1)[0], asked)
    ]
    if problems:
        raise RunnerError(*problems)


def _no_store(instance: Instance, provider: Provider) -> Problem:
    said = (
        f"{instance.address} would be read from the provider {provider.name}, and the model in "
        "this process stores no completions. Name one that does: provider = .. in this block."
    )
    return instance.declared.block.problem("No store", said, ("provider",))


def data_record(
    instance: Instance, provider: Provider, read: Read, answer: Answered, secrets: Iterable[str]
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
