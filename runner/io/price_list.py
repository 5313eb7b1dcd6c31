"""What tokens cost in the list of a package, which takes 0.1 s and 7 MB to import.

What a model was found to cost is kept in the user's cache: what is true of one list, by its files.
"""

from decimal import Decimal
from functools import cache, lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from runner.core.request.declared_prices import Tariff
from runner.core.state.records import Lane
from runner.io.user_cache import cache_file, keep_in, kept_in

LIST = "genai-prices"
_MOST = 1024  # models that are kept

_Rates = tuple[Decimal, Decimal]
_Found = _Rates | Literal["other"] | None


class _Kept(Struct, frozen=True):
    """By the digest of a server, a model and a lane; None: the list does not know it."""

    rates: dict[str, _Rates | None]


class PriceList(Struct, frozen=True):
    """The list, as `project` asks it; None asks the list itself, and keeps nothing."""

    project: Path | None = None

    def price(
        self, url: str, model: str, tokens_in: int, tokens_out: int, lane: Lane = "live"
    ) -> float | None:
        """USD for one request to the server at this address; None if the list does not know. Where
        it knows of no batches, they cost as much as any.
        """
        return self.tariff(url, model, lane)(tokens_in, tokens_out)

    def tariff(self, url: str, model: str, lane: Lane = "live") -> Tariff:
        """The price of any request there, by its tokens."""
        return _tariff(self, url, model, lane)

    def knows_batch(self, url: str, model: str) -> bool:
        """Whether it says what a model costs in a batch."""
        return self.price(url, model, 1000, 1000) != self.price(url, model, 1000, 1000, "batch")


@lru_cache(maxsize=1024)
def _tariff(held: PriceList, url: str, model: str, lane: Lane) -> Tariff:
    """Where a price is nothing but rates, it is reckoned in whole numbers: their quotient is the
    decimals' own, in a tenth of the time.
    """
    rates = _per_million(held, url, model, lane)
    if rates is None:
        return lambda *_: None
    if rates == "other":
        return lambda tokens_in, tokens_out: _calculated(url, model, tokens_in, tokens_out, lane)
    (read, a), (said, b) = (rate.as_integer_ratio() for rate in rates)
    of_read, of_said, dollar = read * b, said * a, a * b * 1_000_000
    return lambda tokens_in, tokens_out: (tokens_in * of_read + tokens_out * of_said) / dollar


def _per_million(held: PriceList, url: str, model: str, lane: Lane) -> _Found:
    path = cache_file("prices.json", held.project) if held.project is not None else None
    if path is None or not _edition():
        return _listed(url, model, lane)
    asked = f"{url}\n{model}" if lane == "live" else f"{url}\n{model}\n{lane}"
    name = sha256(asked.encode(errors="surrogatepass")).hexdigest()[:32]
    kept = _kept(path)
    if name in kept:
        return kept[name]
    found = _listed(url, model, lane)
    if found != "other":
        _keep(path, {**dict(list(kept.items())[1 - _MOST :]), name: found})
    return found


def _kept(path: Path) -> dict[str, _Rates | None]:
    """What is kept of this list; nothing of another one, nor from a file that is damaged."""
    head, _, body = kept_in(path).partition(b"\n")
    return msgspec.json.decode(body, type=_Kept).rates if head == _seal(body) else {}


def _keep(path: Path, rates: dict[str, _Rates | None]) -> None:
    body = msgspec.json.encode(_Kept(rates))
    keep_in(path, _seal(body) + b"\n" + body)


def _seal(body: bytes) -> bytes:
    """That a file is whole, and of this list."""
    return sha256(_edition() + body).hexdigest().encode()


@cache
def _edition() -> bytes:
    """What the package's files say, whatever version they are said to be of; empty where there are
    none to read.
    """
    spec = find_spec("genai_prices")
    folders = [Path(place) for place in (spec and spec.submodule_search_locations) or ()]
    every = (path for folder in folders for path in sorted(folder.glob("*.py")))
    held = b"".join(sha256(path.read_bytes()).digest() for path in every)
    return sha256(held).digest() if held else b""


def _listed(url: str, model: str, lane: Lane) -> _Found:
    """What a million tokens cost, read and said, where a price is nothing else: it hangs on no
    length, no hour and no number of requests. `other` is a price that does. The list takes 50 us
    to reckon one, of each answer anew.
    """
    try:
        found = _in_list(url, model, 1000, 1000, lane)
    except LookupError:
        return None
    price = found.model_price
    rates = price.input_mtok or Decimal(0), price.output_mtok or Decimal(0)
    changes = isinstance(found.model.prices, list)
    if changes or not all(isinstance(rate, Decimal) for rate in rates):
        return "other"
    return rates if sum(rates) / 1000 == found.total_price else "other"


@lru_cache(maxsize=65_536)
def _calculated(url: str, model: str, tokens_in: int, tokens_out: int, lane: Lane) -> float | None:
    try:
        return float(_in_list(url, model, tokens_in, tokens_out, lane).total_price)
    except LookupError:
        return None


def _in_list(url: str, model: str, tokens_in: int, tokens_out: int, lane: Lane) -> Any:
    from genai_prices import Usage, calc_price  # noqa: PLC0415  # 0.1 s, only where money counts

    usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
    context: Any = {"processing": "batch"} if lane == "batch" else None
    return calc_price(usage, model, provider_api_url=url, price_context=context)
