"""What a plan may cost: from below, from above, and never an unknown price as $0."""

from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.plan.estimate import (
    Bound,
    Estimate,
    Price,
    bound,
    compact,
    dollars,
    most_cost,
    terms_of,
)
from runner.core.plan.prompt import prompt_ceiling
from runner.core.plan.reports import PromptTokens, Reports, TokenBasis
from runner.core.request.build import Request, outline_of
from runner.core.state.records import Record
from tests.harness.lab import completion_body


def request(**body: Any) -> Request:
    held = {"model": "m", "messages": [{"role": "user", "content": "one two three"}], **body}
    sent = orjson.dumps(held)
    return Request("openai", "openai x", "f", sent, sent, None)


SEVEN = PromptTokens(7, 9, "script")


def price(_: str, model: str, prompt: int, answer: int) -> float | None:
    return None if model == "unknown" else prompt * 1.0 + answer * 10.0


def bounded(asked: Request, old: Record | None, prompt: PromptTokens, cost: Price) -> Bound:
    terms = terms_of(asked, outline_of(asked), lambda *who: partial(cost, *who))
    return bound(prompt, old, terms)


def counted(asked: Request, *records: Record) -> PromptTokens:
    return Reports(records).tokens(asked.identity, outline_of(asked))


def test_a_bound_is_the_prompt_and_what_the_answer_may_take() -> None:
    found = bounded(request(max_tokens=100, n=2), None, SEVEN, price)
    assert (found.tokens_low, found.tokens_high) == (7 + 1, 9 + 200)
    assert (found.cost_low, found.cost_high) == (17.0, 2009.0)


def test_the_last_answer_says_what_the_next_will_use() -> None:
    response = completion_body(1, "x", {}).replace(
        b'"completion_tokens":1', b'"completion_tokens":9'
    )
    old = Record("completion.a", "openai", "i", "f", 0, b"{}", response, "")
    assert bounded(request(), old, SEVEN, price).tokens_low == 7 + 9
    assert bounded(request(max_tokens=5), old, SEVEN, price).tokens_low == 7 + 5


def test_without_a_limit_there_is_no_upper_bound() -> None:
    found = bounded(request(), None, SEVEN, price)
    assert (found.tokens_high, found.cost_high) == (None, None)
    total = Estimate()
    total.add(found)
    assert total.text() == "at least 8 tokens (prompts ~7 to 9, by script), at least $17.00"


def test_of_many_unknown_prices_some_are_named() -> None:
    total = Estimate()
    for number in range(9):
        total.add(Bound(f"m{number}", PromptTokens(1, 1, "script"), 1, None, None, None))
    assert total.text().endswith(", price of m0, m1, m2, m3, m4 and 4 more unknown")


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
        {"audio": {"voice": "alloy", "format": "mp3"}},
        {"web_search_options": {"search_context_size": "high"}},
    ],
)
def test_nothing_bounds_what_is_more_than_text(body: dict[str, Any]) -> None:
    asked = request(max_tokens=10, **body)
    found = bounded(asked, None, counted(asked), price)
    assert (found.tokens_high, found.cost_high) == (None, None)


def test_what_is_free_needs_no_limit_to_stay_free() -> None:
    assert bounded(request(), None, SEVEN, lambda *_: 0.0).cost_high == 0.0


def test_an_unknown_price_is_said() -> None:
    total = Estimate()
    total.add(bounded(request(model="unknown", max_tokens=1), None, SEVEN, price))
    assert "price of unknown unknown" in total.text()
    assert "$0" not in total.text()
    total.add(bounded(request(max_tokens=1), None, SEVEN, price))
    assert "price of unknown unknown" in total.text()
    assert "$17.00" in total.text()


def test_what_is_free_says_so() -> None:
    total = Estimate()
    total.add(Bound("m", PromptTokens(1, 1, "script"), 1, 2, 0.0, 0.0))
    assert "no cost" in total.text()


@given(st.lists(st.tuples(st.integers(1, 99), st.none() | st.integers(0, 99)), max_size=5))
def test_the_lower_bound_is_never_above_the_upper(pairs: list[tuple[int, int | None]]) -> None:
    total = Estimate()
    for used, limit in pairs:
        response = completion_body(1, "x", {}).replace(
            b'"completion_tokens":1', b'"completion_tokens":%d' % used
        )
        old = Record("completion.a", "openai", "i", "f", 0, b"{}", response, "")
        more = {} if limit is None else {"max_tokens": limit}
        total.add(bounded(request(**more), old, SEVEN, price))
    if total.tokens_high is not None:
        assert total.tokens_low <= total.tokens_high
    if total.cost_high is not None:
        assert total.cost_low <= total.cost_high
    assert total.requests == len(pairs)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (12_400, "12.4k"), (3_100_000, "3.1M")],
)
def test_a_count_is_short(number: int, text: str) -> None:
    assert compact(number) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "$0"), (0.03, "$0.03"), (0.11, "$0.11"), (0.0004, "$0.0004"), (1234.5, "$1,234"),
     (0.000002, "$0.000002"), (2.5, "$2.50")],
)  # fmt: skip
def test_money_has_as_many_digits_as_tell_something(amount: float, text: str) -> None:
    assert dollars(amount) == text


def test_an_amount_that_is_not_nothing_is_not_shown_as_nothing() -> None:
    assert dollars(1e-9) != "$0"


@pytest.mark.parametrize(
    "body", [{"messages": None}, {"messages": "x"}, {"messages": [5], "max_tokens": 3, "n": "2"}]
)
def test_what_extra_body_holds_is_estimated_whatever_it_is(body: dict[str, Any]) -> None:
    total = Estimate()
    total.add(bounded(request(**body), None, SEVEN, lambda *_: None))
    assert total.requests == 1


def test_a_server_that_is_told_of_no_model_has_its_own() -> None:
    total = Estimate()
    total.add(bounded(request(model=""), None, SEVEN, lambda *_: None))
    assert total.text().endswith("price of the server's own model unknown")


def test_the_most_is_a_token_a_byte_whatever_was_reported() -> None:
    asked = request(max_tokens=100, n=2)
    most = most_cost(asked, price)
    assert most == prompt_ceiling(asked.body) + 2000.0
    reported = Record("completion.a", "o", asked.identity, "f", 0, asked.body, REPORTED, "")
    told = bounded(asked, reported, counted(asked, reported), price)
    assert (told.prompt.low, told.prompt.high) == (5, 5)
    assert told.cost_high == 2005.0
    assert most_cost(asked, price) == most


REPORTED = b'{"usage":{"prompt_tokens":5,"completion_tokens":1}}'


def test_nothing_is_the_most_of_what_has_no_limit() -> None:
    assert most_cost(request(), price) is None
    assert most_cost(request(max_tokens=1, audio={"voice": "alloy"}), price) is None
    assert most_cost(request(model="unknown", max_tokens=1), price) is None
    assert most_cost(request(), lambda *_: 0.0) == 0.0


def test_the_words_say_what_the_prompts_rest_on() -> None:
    def words(*prompts: tuple[int, int | None, TokenBasis]) -> str:
        total = Estimate()
        for low, high, basis in prompts:
            total.add(Bound("m", PromptTokens(low, high, basis), low, None, 0.0, 0.0))
        return total.text().partition("(")[2].partition(")")[0]

    assert words((510, 640, "script")) == "prompts ~510 to 640, by script"
    assert words((510, 510, "same prompt")) == "prompts 510, as reported"
    assert words((5, 9, "reports"), (1, 1, "same prompt"), (1, 2, "reports")) == (
        "prompts ~7 to 12, by reports, as reported"
    )
    assert words((12_410, 12_440, "reports")) == "prompts ~12.4k, by reports"
    assert words((60, None, "script")) == "prompts at least 60, by script"
