"""The limits of one run: requests and dollars, kept before they are crossed."""

from collections.abc import Callable

import orjson
from msgspec import Struct

from runner.core.api.usage import Used, asked_model, cached_tokens, usage_of
from runner.core.plan.estimate import dollars, most_cost
from runner.core.request.build import Request
from runner.core.state.records import Lane, Record
from runner.io.apply.ports import Refusal
from runner.io.prices import Prices, dearer


class Purse(Struct):
    """What was spent, and what is in flight at its upper bound."""

    max_cost: float | None
    max_requests: int | None
    prices: Prices
    started: int = 0
    spent: float = 0.0
    _reserved: dict[int, float] = {}
    _in_flight: float = 0.0

    def may_start(self, request: Request, lane: Lane) -> Refusal | None:
        """Why this request must not be sent; None if it may. It may be later if it is only for
        what is in flight, which may turn out to cost less.
        """
        if self.max_requests is not None and self.started >= self.max_requests:
            return Refusal(f"--max-requests {self.max_requests} is reached")
        if self.max_cost is not None:
            most = most_cost(request, self.prices.of_lane(lane).most)
            if most is None:
                model = orjson.loads(request.recorded).get("model")
                return Refusal(
                    f"--max-cost cannot be kept: nothing bounds the cost of a request to {model} "
                    "(it takes max_completion_tokens, a known price, and a prompt of text alone)"
                )
            if self.spent + self._in_flight + most > self.max_cost:
                return Refusal(
                    f"--max-cost {dollars(self.max_cost)} would be crossed: "
                    f"{dollars(self.spent)} spent, up to {dollars(most)} for the next request",
                    passing=self.spent + most <= self.max_cost,
                )
            self._reserved[id(request)] = most
            self._in_flight += most
        self.started += 1
        return None

    def settled(self, request: Request, record: Record | None, maybe_billed: int) -> None:
        """The request ended; what it really cost counts from here on. An answer that does not say
        what it used counts at its most, as do attempts that may have been billed.
        """
        if self.max_cost is None:
            return
        most = self._reserved.pop(id(request), 0.0)
        self._in_flight = self._in_flight - most if self._reserved else 0.0
        self.spent += most * maybe_billed
        if record is not None:
            cost = dearer(cost_of(record, self.prices), cost_of(record, self.prices.of_list))
            self.spent += most if cost is None else cost


class Paid(Struct, frozen=True, gc=False):
    """What one answer used, and its cost in USD; None of what is not known."""

    used: Used | None
    cost: float | None


AskPaid = Callable[[Record], Paid]
"""Whoever says what an answer came to."""


def paid_for(record: Record, prices: Prices) -> Paid:
    """What one answer came to."""
    used = usage_of(record.response)
    return Paid(used, cost_of(record, prices, used))


class Ledger:
    """What each answer of one run came to: reckoned once, whoever asks first."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self._paid: dict[str, Paid] = {}

    def paid(self, record: Record) -> Paid:
        """Of the answer that the run got for a record's address."""
        found = self._paid.get(record.address)
        if found is None:
            found = self._paid[record.address] = paid_for(record, self.prices)
        return found

    def closing(self, record: Record) -> Paid:
        """As `paid`, for the last time: it is kept for nobody."""
        return self._paid.pop(record.address, None) or paid_for(record, self.prices)


def cost_of(record: Record, prices: Prices, used: Used | None = None) -> float | None:
    """What one answer cost in USD; None where its price or usage is not known."""
    identity, prices = record.identity, prices.of_lane(record.lane)
    if not prices.priced(identity):
        return None
    used = used or usage_of(record.response)
    if used is None:
        return None
    told = used.model or ""
    if identity in prices.declared.held:
        rates = prices.declared.rates(identity, asked_model(record.request), told)
        if rates is not None:
            cached = 0 if rates.cached_input is None else cached_tokens(record.response)
            discount = prices.discount(identity)
            return rates.cost(used.prompt, used.completion, cached) * discount
    found = prices.price(identity, told, used.prompt, used.completion)
    if found is None:  # a dated or unlisted name: the one that was asked for may be listed
        asked = asked_model(record.request)
        found = prices.price(identity, asked, used.prompt, used.completion)
    return found


def costs(prices: Prices) -> Callable[[Record], float | None]:
    """As `cost_of`, at some prices."""
    return lambda record: cost_of(record, prices)
