"""How a completion travels: by itself, or in a batch."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runner.core.expansion.session import Instance
from runner.core.request.provider import Provider
from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.state.records import Lane
from runner.core.values import TemplateError


def lane_of(instance: Instance, provider: Provider, *, batch: bool) -> Lane:
    """The lane of a completion where those that say nothing go in a `batch`, or not. RunnerError if
    its own word is none.

    A request in a batch has no headers of its own, and whose an answer is that a server stores
    would not be known if the run ended.
    """
    said = _own_word(instance)
    wanted = batch if said is None else said
    can = provider.type.leaves and "extra_headers" not in instance.declared.meta
    return "batch" if wanted and can and not _is_stored(instance, provider) else "live"


def batch_discounts(providers: Iterable[DeclaredProvider]) -> dict[str, float]:
    """What a dollar comes to in a batch, by the identity of each provider that says it."""
    return dict(_discounts(providers))


def _own_word(instance: Instance) -> bool | None:
    node = instance.declared.meta.get("batch")
    if node is None:
        return None
    try:
        value = node.render(instance.names())
        if not isinstance(value, bool):
            raise TemplateError("batch wants true or false", ("batch",))
    except TemplateError as exc:
        raise instance.fault(exc) from exc
    return value


def _is_stored(instance: Instance, provider: Provider) -> bool:
    """Whether it may be: what an expression yields is not looked at."""
    table = instance.declared.block.table
    more = table.get("extra_body")
    places: tuple[Mapping[str, Any], ...] = (
        table,
        more if isinstance(more, Mapping) else {},
        provider.defaults,
    )
    return any(place.get("store") not in (None, False) for place in places)


def _discounts(providers: Iterable[DeclaredProvider]) -> Iterator[tuple[str, float]]:
    for provider in providers:
        table = provider.table.get("batch")
        discount = table.get("discount") if isinstance(table, Mapping) else None
        if isinstance(discount, int | float):
            yield f"{provider.type.name} {provider.identity}", float(discount)
