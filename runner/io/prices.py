"""What tokens cost: offline, from what a package carries."""

from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from runner.core.request.declared_prices import DeclaredPrices, Tariff
from runner.core.request.provider_types import type_of
from runner.core.state.records import Lane
from runner.io.price_list import LIST, PriceList

_LOCAL = ("127.", "localhost", "[::1]", "0.0.0.0")  # noqa: S104  # addresses looked for, not bound
_NONE, _LIST = DeclaredPrices(), PriceList()


class Prices(Struct, frozen=True):
    """The prices of a project: what it declares, then those of a list that comes with a package.

    `identity` is a provider's: `openai https://..` or `embedded SHA256`. They are those of one
    lane; `discounts` is what a batch costs, for each dollar, where no list knows it.
    """

    declared: DeclaredPrices = _NONE
    listed: PriceList = _LIST
    discounts: Mapping[str, float] = {}
    lane: Lane = "live"

    def of_lane(self, lane: Lane) -> "Prices":
        """Those of requests that travel so."""
        return self if lane == self.lane else replace(self, lane=lane)

    @property
    def of_list(self) -> "Prices":
        """Those that nobody declared."""
        return Prices(listed=self.listed, lane=self.lane)

    def price(self, identity: str, model: str, tokens_in: int, tokens_out: int) -> float | None:
        """USD for one request; None if nobody knows the price. One may hang on the length of a
        request, so requests are priced one by one.
        """
        return self.tariff(identity, model)(tokens_in, tokens_out)

    def tariff(self, identity: str, model: str) -> Tariff:
        """The price of any request to a model, by its tokens."""
        rates, place = self.declared.rates(identity, model), _place(identity)
        if rates is not None:
            return _discounted(rates.cost, self.discount(identity))
        if place.is_free:
            return lambda *_: 0.0
        if place.is_local and identity not in self.declared.held:
            return lambda *_: None
        listed = self.listed.tariff(place.url, model, self.lane)
        if self.lane == "live" or self.listed.knows_batch(place.url, model):
            return listed
        return _discounted(listed, self.discount(identity))

    def discount(self, identity: str) -> float:
        """What a dollar of the usual price comes to."""
        return self.discounts.get(identity, 1.0) if self.lane == "batch" else 1.0

    def knows_lane(self, identity: str, model: str) -> bool:
        """Whether whoever says what a model costs says it of this lane."""
        if self.lane == "live" or identity in self.discounts or self.is_free(identity, model):
            return True
        if self.price(identity, model, 1, 1) is None:
            return True
        if self.declared.rates(identity, model) is not None:
            return False
        return self.listed.knows_batch(_place(identity).url, model)

    def most(self, identity: str, model: str, tokens_in: int, tokens_out: int) -> float | None:
        """As `price`, for a limit: a project that says less than the list does not widen it."""
        own = self.price(identity, model, tokens_in, tokens_out)
        return dearer(own, self.of_list.price(identity, model, tokens_in, tokens_out))

    def priced(self, identity: str) -> bool:
        """Whether a provider may have prices: the list has none of a server on this machine."""
        place = _place(identity)
        return place.is_free or not place.is_local or identity in self.declared.held

    def is_free(self, identity: str, model: str) -> bool:
        """Whether what a model answers costs nothing."""
        rates = self.declared.rates(identity, model)
        return type_of(identity).is_free if rates is None else rates.is_free

    def source(self, identity: str, model: str) -> str:
        """Who says what a request costs, where it is known."""
        rates = self.declared.rates(identity, model)
        if rates is not None:
            return rates.source
        return "embedded model" if type_of(identity).is_free else LIST


def _discounted(tariff: Tariff, discount: float) -> Tariff:
    """A tariff at which a dollar comes to so much."""

    def cost(tokens_in: int, tokens_out: int) -> float | None:
        usual = tariff(tokens_in, tokens_out)
        return None if usual is None else usual * discount

    return cost


class _Place(Struct, frozen=True):
    """Who answers, as far as a price hangs on it."""

    url: str
    is_free: bool
    is_local: bool


@lru_cache(maxsize=256)
def _place(identity: str) -> _Place:
    is_local = identity.partition("://")[2].startswith(_LOCAL)
    return _Place(identity.partition(" ")[2], type_of(identity).is_free, is_local)


def dearer(*costs: float | None) -> float | None:
    """The greatest of those that are known."""
    return max((cost for cost in costs if cost is not None), default=None)
