"""What tokens cost: offline, from what a package carries."""

from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from runner.core.request.declared_prices import DeclaredPrices
from runner.core.request.provider_types import type_of

_LOCAL = ("127.", "localhost", "[::1]", "0.0.0.0")  # noqa: S104  # addresses looked for, not bound
_LIST = "genai-prices"
_NONE = DeclaredPrices()


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of a project: what it declares, then those of a list that comes with a package.

    `identity` is a provider's: `openai https://..` or `embedded SHA256`.
    """

    declared: DeclaredPrices = field(default=_NONE)

    def price(self, identity: str, model: str, tokens_in: int, tokens_out: int) -> float | None:
        """USD for one request; None if nobody knows the price. One may hang on the length of a
        request, so requests are priced one by one.
        """
        rates = self.declared.rates(identity, model)
        if rates is not None:
            return rates.cost(tokens_in, tokens_out)
        if type_of(identity).is_free:
            return 0.0
        url = identity.partition(" ")[2]
        return _listed(url, model, tokens_in, tokens_out) if self.priced(identity) else None

    def most(self, identity: str, model: str, tokens_in: int, tokens_out: int) -> float | None:
        """As `price`, for a limit: a project that says less than the list does not widen it."""
        own = self.price(identity, model, tokens_in, tokens_out)
        return dearer(own, Prices().price(identity, model, tokens_in, tokens_out))

    def priced(self, identity: str) -> bool:
        """Whether a provider may have prices: the list has none of a server on this machine."""
        host = identity.partition("://")[2]
        known = type_of(identity).is_free or identity in self.declared.held
        return known or not host.startswith(_LOCAL)

    def is_free(self, identity: str, model: str) -> bool:
        """Whether what a model answers costs nothing."""
        rates = self.declared.rates(identity, model)
        return type_of(identity).is_free if rates is None else rates.is_free

    def source(self, identity: str, model: str) -> str:
        """Who says what a request costs, where it is known."""
        rates = self.declared.rates(identity, model)
        if rates is not None:
            return rates.source
        return "embedded model" if type_of(identity).is_free else _LIST


def dearer(*costs: float | None) -> float | None:
    """The greatest of those that are known."""
    return max((cost for cost in costs if cost is not None), default=None)


def _listed(url: str, model: str, tokens_in: int, tokens_out: int) -> float | None:
    per_million = _per_million(url, model)
    if per_million is None:
        return _calculated(url, model, tokens_in, tokens_out)
    read, said = per_million
    return float((tokens_in * read + tokens_out * said) / 1_000_000)


@lru_cache(maxsize=1024)
def _per_million(url: str, model: str) -> tuple[Decimal, Decimal] | None:
    """What a million tokens cost, read and said, where a price is nothing else: it hangs on no
    length, no hour and no number of requests. The list takes 50 us to reckon a price, of each
    answer anew.
    """
    try:
        found = _in_list(url, model, 1000, 1000)
    except LookupError:
        return None
    price = found.model_price
    rates = price.input_mtok or Decimal(0), price.output_mtok or Decimal(0)
    changes = isinstance(found.model.prices, list)
    if changes or not all(isinstance(rate, Decimal) for rate in rates):
        return None
    return rates if sum(rates) / 1000 == found.total_price else None


@lru_cache(maxsize=65_536)
def _calculated(url: str, model: str, tokens_in: int, tokens_out: int) -> float | None:
    try:
        return float(_in_list(url, model, tokens_in, tokens_out).total_price)
    except LookupError:
        return None


def _in_list(url: str, model: str, tokens_in: int, tokens_out: int) -> Any:
    from genai_prices import Usage, calc_price  # noqa: PLC0415  # 0.1 s, only where money counts

    usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
    return calc_price(usage, model, provider_api_url=url)
