"""What a plan may cost: tokens and dollars, from below and from above."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from msgspec import Struct

from runner.core.address import first_few
from runner.core.api.usage import usage_of
from runner.core.plan.prompt import can_be_counted, prompt_ceiling, prompt_of
from runner.core.plan.reports import BASES, PromptTokens, TokenBasis
from runner.core.request.build import Request
from runner.core.request.declared_prices import Tariff
from runner.core.request.outline import Outline
from runner.core.request.sketch import UNKNOWN, Sketch
from runner.core.state.records import Record

CountPrompt = Callable[[str, Outline], PromptTokens]  # (identity, body) -> its prompt's tokens
FindTariff = Callable[[str, str], Tariff]  # (identity, model) -> what it costs
PriceSource = Callable[[str, str], str]  # (identity, model) -> who says what it costs
Price = Callable[[str, str, int, int], float | None]  # (identity, model, in, out) -> USD

_NAMED = 5  # models whose price is not known
_IN_WORDS: dict[TokenBasis, str] = {
    "script": "by script",
    "reports": "by reports",
    "same prompt": "as reported",
}


class Estimate(Struct):
    """Sums over the requests: from below over those that are certain, from above over those as
    well that hang on an answer. An upper bound that nothing limits is None. The prompts are those
    of the certain ones; `rests_on` counts them by what their number of tokens rests on, `batched`
    those that go in batches: None where nobody asked for any.
    """

    requests: int = 0
    tokens_low: int = 0
    tokens_high: int | None = 0
    cost_low: float = 0.0
    cost_high: float | None = 0.0
    unpriced: set[str] = set()
    free: bool = True
    sources: set[str] = set()
    prompt_low: int = 0
    prompt_high: int | None = 0
    rests_on: dict[TokenBasis, int] = {}
    batched: int | None = None

    def add(self, bound: "Bound") -> None:
        """One more request."""
        self.requests += 1
        self.tokens_low += bound.tokens_low
        self.tokens_high = _sum(self.tokens_high, bound.tokens_high)
        self.prompt_low += bound.prompt.low
        self.prompt_high = _sum(self.prompt_high, bound.prompt.high)
        self.rests_on[bound.prompt.basis] = self.rests_on.get(bound.prompt.basis, 0) + 1
        if bound.cost_low is None:
            self.unpriced.add(bound.model)
            self.cost_high, self.free = None, False
        else:
            self.cost_low += bound.cost_low
            self.cost_high = _sum(self.cost_high, bound.cost_high)
            self.free = self.free and bound.cost_low == 0.0
            self.sources.update(() if bound.source is None else (bound.source,))

    def add_later(self, bound: "Bound") -> None:
        """One more request that may be sent once an answer is known."""
        self.tokens_high = _sum(self.tokens_high, bound.tokens_high)
        if bound.cost_low is None:
            self.unpriced.add(bound.model)
            self.cost_high, self.free = None, False
        else:
            self.cost_high = _sum(self.cost_high, bound.cost_high)
            self.free = self.free and bound.cost_high == 0.0
            self.sources.update(() if bound.source is None else (bound.source,))

    def unbound(self) -> None:
        """Nobody knows how many more requests there will be."""
        self.tokens_high = None
        if not self.free:
            self.cost_high = None

    def text(self) -> str:
        """The estimate in words: an unknown price is said, never shown as $0."""
        return f"{self._tokens()}, {self._cost()}{self._lanes()}"

    def _lanes(self) -> str:
        if self.batched is None or not self.requests:
            return ""
        if self.batched == self.requests:
            return ", in batches"
        return (
            f", {self.batched} of {self.requests} in batches"
            if self.batched
            else ", none in batches"
        )

    def _tokens(self) -> str:
        total = _range(self.tokens_low, self.tokens_high)
        if not self.rests_on:
            return f"{total} tokens"
        prompts = _range(self.prompt_low, self.prompt_high)
        basis = ", ".join(_IN_WORDS[basis] for basis in BASES if basis in self.rests_on)
        return f"{total} tokens (prompts {prompts}, {basis})"

    def _cost(self) -> str:
        names = [name or "the server's own model" for name in sorted(self.unpriced)]
        unknown = f"price of {first_few(names, _NAMED)} unknown" if names else ""
        if self.requests and len(self.unpriced) and not self.cost_low:
            return unknown
        if self.free:
            return f"no cost{self._by()}" if self.requests else "no cost known"
        if self.cost_high is None:
            cost = f"at least {dollars(self.cost_low)}"
        elif self.cost_high == self.cost_low:
            cost = f"about {dollars(self.cost_low)}"
        else:
            cost = f"{dollars(self.cost_low)} to {dollars(self.cost_high)}"
        return f"{cost}{self._by(unknown)}"

    def _by(self, *besides: str) -> str:
        said = ", ".join(filter(None, (*sorted(self.sources), *besides)))
        return f" ({said})" if said else ""


class Bound(Struct, frozen=True):
    """What one request may use and cost; a cost of None is an unknown price. `source` says whose
    price it is; `longest` is the most that its answer may take, if anything bounds that.
    """

    model: str
    prompt: PromptTokens
    tokens_low: int
    tokens_high: int | None
    cost_low: float | None
    cost_high: float | None
    source: str | None = None
    longest: int | None = None


class Terms(Struct, frozen=True, eq=False):
    """What a request may cost besides its prompt: the same for all of an outline that travel alike.
    The model is as it is shown; `longest` is the most that an answer may take, and `most` the same
    where nothing is read or written but text; `source` says whose price the tariff is.
    """

    model: str
    longest: int | None
    most: int | None
    tariff: Tariff
    source: str | None = None


def terms_of(
    request: Request, outline: Outline, tariff: FindTariff, source: PriceSource | None = None
) -> Terms:
    """The terms of a request, and of all that have its outline."""
    body = outline.body
    asked = request.identity, str(body.get("model", ""))
    longest = most_tokens(body)
    most = longest if prompt_of(outline).is_text else None
    # A sensitive model stays masked.
    shown = body if request.recorded is request.body else orjson.loads(request.recorded)
    named = None if source is None else source(*asked)
    return Terms(str(shown.get("model", "")), longest, most, tariff(*asked), named)


def bound(prompt: PromptTokens, old: Record | None, terms: Terms) -> Bound:
    """From below: the prompt, and what the last answer used. From above: max tokens, n times;
    nothing bounds what a picture, a sound, a file or a search of the web takes.
    """
    most = terms.most
    least = 1 if old is None else _used(old)
    if most is not None and most < least:
        least = most
    low = terms.tariff(prompt.low, least)
    high = None if low else low  # what costs nothing costs nothing, however long it becomes
    total: int | None = None
    if most is not None and prompt.high is not None:
        total = prompt.high + most
        high = terms.tariff(prompt.high, most)
    source = None if low is None else terms.source
    return Bound(terms.model, prompt, prompt.low + least, total, low, high, source, terms.longest)


def most_cost(request: Request, price: Price) -> float | None:
    """What a request costs at the very most, whatever vocabulary its model has; None where nothing
    bounds it.
    """
    body = orjson.loads(request.body)
    model = str(body.get("model", ""))
    prompt = prompt_ceiling(request.body)
    if price(request.identity, model, prompt, 1) == 0.0:
        return 0.0
    most = most_tokens(body) if can_be_counted(body) else None
    return None if most is None else price(request.identity, model, prompt, most)


def bound_later(
    known: Sketch,
    identity: str,
    longest: int | None,
    count: CountPrompt,
    price: Price,
    source: PriceSource | None = None,
) -> Bound:
    """From above, what a request may use some of whose values are not known yet: each is taken for
    an answer of so many tokens at most.
    """
    body, shown = known.sent, str(known.shown.get("model", ""))
    if body.get("extra_body") == UNKNOWN:  # and it may replace the model as well
        body, shown = {**body, "model": UNKNOWN}, UNKNOWN
    model = str(body.get("model", ""))
    open_ones = orjson.dumps(body).count(UNKNOWN.encode())
    most = most_tokens(body) if longest is not None and can_be_counted(body) else None
    prompt = count(identity, Outline(body))
    low = price(identity, model, prompt.low, 1)
    high = None if low else low
    total: int | None = None
    if most is not None and prompt.high is not None:
        read = prompt.high + open_ones * (longest or 0)
        total, high = read + most, price(identity, model, read, most)
    named = None if source is None or low is None else source(identity, model)
    return Bound(shown, prompt, 0, total, low, high, named)


def most_tokens(body: Mapping[str, Any]) -> int | None:
    """The most that an answer may take, where the request says so."""
    number = body.get("n")
    if body.get("extra_body") == UNKNOWN:
        return None
    return _most(body) if number is None or isinstance(number, int) else None


def foreseen(body: bytes) -> int:
    """About how many tokens a rate has to allow for: the prompt and all that may be answered, as
    servers count it themselves before they answer.
    """
    held = orjson.loads(body)
    return len(body) // 4 + (_most(held) or 0)


def compact(number: int) -> str:
    """A count as people read it: 510, 12.4k, 3.1M."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return str(number)


def dollars(amount: float) -> str:
    """USD with as many digits as tell something."""
    if amount >= 100:
        return f"${amount:,.0f}"
    if amount >= 0.1:
        return f"${amount:.2f}"
    if amount >= 0.001:
        return f"${amount:.4f}".rstrip("0")
    if 0 < amount < 1e-6:
        return "less than $0.000001"
    return f"${amount:.6f}".rstrip("0").rstrip(".") if amount else "$0"


def _range(low: int, high: int | None) -> str:
    if high is None:
        return f"at least {compact(low)}"
    if compact(low) == compact(high):
        return compact(low) if low == high else f"~{compact(low)}"
    return f"~{compact(low)} to {compact(high)}"


def _sum(one: Any, other: Any) -> Any:
    return None if one is None or other is None else one + other


def _most(body: Mapping[str, Any]) -> int | None:
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    number = body.get("n")
    times = number if isinstance(number, int) and number else 1
    return limit * times if isinstance(limit, int) else None


def _used(record: Record) -> int:
    used = usage_of(record.response)
    return 1 if used is None else used.completion
