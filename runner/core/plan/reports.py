"""What servers reported of prompts they answered, and what follows for others."""

from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import islice
from math import ceil, log, sqrt
from typing import Any, Literal, get_args

from msgspec import Struct

from runner.core.api.usage import usage_of
from runner.core.plan.prompt import Prompt, prompt_of, read_by_model
from runner.core.plan.tokens import TokenRange
from runner.core.received import table_of
from runner.core.request.outline import Outline
from runner.core.state.records import Record
from runner.core.values import MASK

_NEAREST = 8
_LOOKED_AT = 1000  # records: enough for every ratio, and no plan of 100,000 waits for it

TokenBasis = Literal["script", "reports", "same prompt"]
BASES: tuple[TokenBasis, ...] = get_args(TokenBasis)


class PromptTokens(Struct, frozen=True):
    """How many tokens a prompt has, and what that rests on; nothing may bound them from above, as
    where more than its text is read: what was reported of that very prompt counts there as well.
    """

    low: int
    high: int | None
    basis: TokenBasis


class _Ratios(Struct):
    """How far the reports of alike requests are from what their scripts let expect, by the length
    of each (its logarithm).
    """

    held: list[tuple[float, float]] = []
    _is_sorted: bool = False

    def add(self, found: TokenRange, reported: int) -> None:
        """One more report of a prompt that its script lets expect so much of."""
        middle = _middle(found)
        self.held.append((log(middle), reported / middle))
        self._is_sorted = False

    def applied(self, found: TokenRange) -> TokenRange:
        """What the reports of the prompts nearest in length make of another one: the more and the
        nearer there are, the narrower; and no wider than its script lets expect, unless the reports
        are beyond that already.
        """
        middle = _middle(found)
        nearest = self._nearest(log(middle))
        ratios = [ratio for _, ratio in nearest]
        apart = min(abs(length - log(middle)) for length, _ in nearest)
        room = min(0.05 + 0.15 / sqrt(len(ratios)) + 0.5 * apart, 0.9)
        low = middle * min(ratios) * (1 - room) - 2
        high = middle * max(ratios) * (1 + room) + 2
        if middle * min(ratios) >= found.low:
            low = max(low, found.low)
        if middle * max(ratios) <= found.high:
            high = min(high, found.high)
        return TokenRange(low, high)

    def _nearest(self, length: float) -> list[tuple[float, float]]:
        if not self._is_sorted:
            self.held.sort()
            self._is_sorted = True
        at = bisect(self.held, (length,))
        around = self.held[max(at - _NEAREST, 0) : at + _NEAREST]
        return sorted(around, key=lambda one: abs(one[0] - length))[:_NEAREST]


class Reports(Struct):
    """The reports of a state's records, which are read when the first prompt is asked for."""

    records: Iterable[Record]
    _ratios: "dict[_Kind, _Ratios] | None" = None
    _same: dict[tuple[str, bytes], int] = {}
    _all: bool = True  # whether all of them were looked at

    def tokens(
        self, identity: str, outline: Outline, texts: Sequence[str] = (), old: Record | None = None
    ) -> PromptTokens:
        """The tokens of a prompt for a provider; `old` is the last answer at its address."""
        ratios = self._read() if self._ratios is None else self._ratios
        reported = self._reported(identity, outline, texts, old) if self._same else None
        if reported is not None:
            return PromptTokens(reported, reported, "same prompt")
        prompt = prompt_of(outline)
        found = prompt.tokens(texts)
        if not prompt.is_text:
            return PromptTokens(int(found.low), None, "script")
        alike = ratios.get(_kind(identity, prompt)) if ratios else None
        if alike is None:
            return PromptTokens(int(found.low), ceil(found.high), "script")
        nearer = alike.applied(found)
        return PromptTokens(max(int(nearer.low), 1), ceil(nearer.high), "reports")

    def _read(self) -> "dict[_Kind, _Ratios]":
        self._ratios = {}
        left = iter(self.records)
        for record in islice(left, _LOOKED_AT):
            asked = _asked(record)
            if asked is None:
                continue
            body, reported = asked
            self._same[record.identity, read_by_model(body)] = reported
            prompt = prompt_of(Outline(body))
            if prompt.is_text:
                kind = _kind(record.identity, prompt)
                ratios = self._ratios.setdefault(kind, _Ratios())
                ratios.add(prompt.tokens(), reported)
        self._all = next(left, None) is None
        return self._ratios

    def _reported(
        self, identity: str, outline: Outline, texts: Sequence[str], old: Record | None
    ) -> int | None:
        """What was reported of this very prompt."""
        prompt = read_by_model(outline.whole(texts))
        reported = self._same.get((identity, prompt))
        if reported is not None or old is None or self._all:
            return reported
        asked = _asked(old)  # it may not be among those that were looked at
        if asked is None or old.identity != identity or read_by_model(asked[0]) != prompt:
            return None
        return asked[1]


def _asked(record: Record) -> tuple[dict[str, Any], int] | None:
    """What was asked, and the tokens of its prompt as reported; None where that is not known. What
    is masked has not the length of what was sent.
    """
    used = usage_of(record.response)
    if used is None or not used.prompt or MASK.encode() in record.request:
        return None
    return table_of(record.request), used.prompt


_Kind = tuple[str, str, bool]  # who answers, the model, whether it has tools


def _kind(identity: str, prompt: Prompt) -> _Kind:
    return identity, prompt.model, prompt.has_tools


def _middle(found: TokenRange) -> float:
    return max(found.low + found.high, 1.0) / 2
