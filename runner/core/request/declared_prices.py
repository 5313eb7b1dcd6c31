"""What a project says that its providers cost, where no price list knows it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from runner.core.modules.folder import Block
from runner.core.request.provider_blocks import DeclaredProvider
from runner.core.secrets.trust import is_loopback, origin
from runner.errors import Problem

Tariff = Callable[[int, int], float | None]  # (tokens in, out) -> USD, where it is known

_MILLION = 1_000_000


class Rates(Struct, frozen=True):
    """USD for a million tokens, and who says so; `cached_input` is for those of the prompt that the
    server had in its cache.
    """

    input: float
    output: float
    cached_input: float | None
    source: str

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing, whatever it is."""
        return not (self.input or self.output or self.cached_input)

    def cost(self, tokens_in: int, tokens_out: int, cached: int = 0) -> float:
        """USD for one request, `cached` of whose tokens were in the server's cache."""
        read = 0 if self.cached_input is None else min(cached, tokens_in)
        dear = (tokens_in - read) * self.input + tokens_out * self.output
        return (dear + read * (self.cached_input or 0.0)) / _MILLION


class DeclaredPrices(Struct, frozen=True):
    """By the identity of a provider, for single models, and under None for all others."""

    held: Mapping[str, Mapping[str | None, Rates]] = {}

    def rates(self, identity: str, *models: str) -> Rates | None:
        """What holds for the first of these names that a price is declared for, or for any."""
        known = self.held.get(identity)
        if known is None:
            return None
        return next((known[name] for name in (*models, None) if name in known), None)


def declared_prices(
    providers: Iterable[DeclaredProvider],
    problems: list[Problem],
    environment: Mapping[str, str],
) -> DeclaredPrices:
    """What provider blocks say, and that a preset is free that asks this machine alone; a mistake
    where two blocks give one server two prices. `environment` is the user's own.
    """
    held: dict[str, dict[str | None, Rates]] = {}
    for provider in providers:
        identity = f"{provider.type.name} {provider.identity}"
        for model, rates in _rates(provider, environment):
            before = held.setdefault(identity, {}).setdefault(model, rates)
            if _amounts(before) != _amounts(rates) and provider.block is not None:
                problems.append(_twice(provider.block, before, model))
    return DeclaredPrices(held)


def _rates(
    provider: DeclaredProvider, environment: Mapping[str, str]
) -> Iterator[tuple[str | None, Rates]]:
    source, models = f"provider.{provider.name}", provider.table.get("models")
    tables: dict[str | None, Any] = {None: provider.table}
    tables.update(models if isinstance(models, Mapping) else {})
    for model, settings in tables.items():
        price = settings.get("price") if isinstance(settings, Mapping) else None
        rates = _of(price, source) if isinstance(price, Mapping) else None
        if rates is not None:
            yield model, rates
    here = all(is_loopback(origin(url) or "") for url in provider.asked_at(environment))
    if provider.preset.free and here and "price" not in provider.table:
        yield None, Rates(0.0, 0.0, None, f"{provider.preset.name} on this machine")


def _of(table: Mapping[str, Any], source: str) -> Rates | None:
    """None for what is no price (yet): the check of the block says why."""
    amounts = [table.get(name) for name in ("input", "output", "cached_input")]
    read, said, cached = (float(n) if isinstance(n, int | float) else None for n in amounts)
    return None if read is None or said is None else Rates(read, said, cached, source)


def _amounts(rates: Rates) -> tuple[float, float, float | None]:
    return rates.input, rates.output, rates.cached_input


def _twice(block: Block, before: Rates, model: str | None) -> Problem:
    what = f'of "{model}" ' if model is not None else ""
    said = (
        f"The price {what}differs from that of {before.source}, which is the same server: what was "
        "recorded there costs one or the other. Write it once, or the same in both."
    )
    path = ("price",) if model is None else ("models", model, "price")
    return block.problem("Two prices", said, path)
