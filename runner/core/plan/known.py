"""What a decision may look at, and the request that follows from it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from runner.core.api.answer import answer_in, require_named
from runner.core.expansion.session import Instance, Session
from runner.core.language.names import PRESETS
from runner.core.plan.drafts import Drafts
from runner.core.plan.forms import Forms
from runner.core.plan.samples import Held, Samples
from runner.core.received import table_of
from runner.core.request.build import Request, build
from runner.core.request.provider import ELSEWHERE, Provider
from runner.core.state.cache_entry import Owner
from runner.core.state.line import may_hold
from runner.core.state.records import Record
from runner.core.suggest import did_you_mean, there_are
from runner.core.values import MASK, TemplateError
from runner.errors import RunnerError

_MASK = MASK.encode()

Lookup = Callable[[str, int], bytes | None]  # (fingerprint, sample) -> a cached entry

Sweep = Callable[[Sequence[Held]], Collection[Held]]
"""Looks farther away for answers that Lookup has not; those that it has from then on."""


class Known(Struct, frozen=True):
    """What a decision may look at besides the completion itself. What `lookup` gives may be stored
    at a server for somebody else than `owner`; without a `sweep` there is nothing farther away.
    """

    session: Session
    records: Mapping[str, Record]
    providers: Mapping[str, Provider]
    default_provider: str
    lookup: Lookup
    samples: Samples
    replace: Callable[[str], bool] = lambda _: False
    reads: Mapping[str, Record] | None = None  # data sources read in this run; None: offline
    drafts: Drafts = field(default_factory=Drafts)
    forms: Forms = field(default_factory=Forms)
    owner: Owner | None = None
    sweep: Sweep | None = None


def provider_of(instance: Instance, known: Known) -> Provider:
    """The provider that a completion names, or the project's own."""
    if instance.declared.reads_state:
        return ELSEWHERE
    node = instance.declared.meta.get("provider")
    name: Any = known.default_provider
    if node is not None:
        try:
            named = node.render(instance.names())
        except TemplateError as exc:
            raise instance.fault(exc) from exc
        name = name if named is None else named
    if isinstance(name, str) and name in known.providers:
        return known.providers[name]
    said = unknown_provider(str(name), known.providers)
    path = ("provider",) if node is not None else ()
    raise RunnerError(instance.declared.block.problem("Unknown provider", said, path))


def unknown_provider(name: str, providers: Mapping[str, Provider]) -> str:
    """That there is no such provider, and which is near."""
    hint = did_you_mean(name, (*providers, *PRESETS), there_are(providers))
    return (
        f'There is no provider "{name}".{hint} `runner providers` lists those that are known by '
        f"name; any other is declared as [provider.{name}]."
    )


def answer_seen(record: Record, instance: Instance | None, known: Known) -> Any:
    """A recorded answer as the expressions of this run see it. Its transcript has what was asked,
    and where masks stand in that, what the same request is as it is filled now.
    """
    if instance is None or not may_hold(record, _MASK) or _MASK not in record.request:
        return answer_in(record)

    def asked() -> bytes:
        return _as_sent(instance, record, known)

    return answer_in(record, asked)


def _as_sent(instance: Instance, record: Record, known: Known) -> bytes:
    """The request that a record answers, without masks; what is secret in it is kept so."""
    request = build(instance, provider_of(instance, known), record)
    if request.fingerprint != record.fingerprint:
        raise TemplateError(
            f"the transcript of {instance.address} quotes sensitive values, which no record has, "
            "and today something else would be asked: apply it first"
        )
    if table_of(request.recorded).get("messages") != table_of(request.body).get("messages"):
        require_named(instance.declared.name)
        known.session.world.keep_secret(list(request.secrets))
    return request.body


def request_of(instance: Instance, known: Known) -> Request:
    """The request of a completion, filled."""
    record = known.records.get(instance.address)
    provider = provider_of(instance, known)
    return build(instance, provider, record)
