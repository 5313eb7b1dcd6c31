"""Attributes have the types that a collector takes, whatever a request or a server says."""

from typing import Any

import pytest

from runner.core.api.exchange import Failure
from runner.io.telemetry.attributes import answered_attributes, asked_attributes, error_type
from runner.io.telemetry.conventions import provider_at


def test_what_was_declared_is_told() -> None:
    request = {
        "model": "gpt-4o", "temperature": 1, "top_p": 0.5, "max_completion_tokens": 9, "n": 2,
        "stop": "END", "stream": True, "reasoning_effort": "low", "service_tier": "flex",
        "response_format": {"type": "json_schema"},
    }  # fmt: skip
    assert asked_attributes(request, of_openai=True) == {
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.temperature": 1.0,
        "gen_ai.request.top_p": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.stream": True,
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.output.type": "json",
        "openai.api.type": "chat_completions",
        "openai.request.service_tier": "flex",
    }
    assert not any(key.startswith("openai") for key in asked_attributes(request, of_openai=False))


@pytest.mark.parametrize(
    "odd",
    [
        {"temperature": "(sensitive)", "seed": "(sensitive)", "n": True, "model": 3},
        {"temperature": True, "max_tokens": 2**64, "stream": False, "n": 1},
    ],
)
def test_a_mask_or_what_nothing_can_hold_is_not_told(odd: dict[str, Any]) -> None:
    assert asked_attributes(odd, of_openai=False) == {}


@pytest.mark.parametrize(
    "odd",
    [
        {"id": 1, "model": None, "choices": 3, "usage": []},
        {"choices": [1, {"finish_reason": {}}], "usage": {"prompt_tokens": True}},
        {"usage": {"prompt_tokens": 2**63, "prompt_tokens_details": "x"}},
    ],
)
def test_what_a_server_says_otherwise_than_it_should_is_not_told(odd: dict[str, Any]) -> None:
    assert answered_attributes(odd, of_openai=True) == {}


@pytest.mark.parametrize(
    ("failure", "fault", "word"),
    [
        (Failure("m", status=429, code="rate_limit_exceeded", type="requests"), "429",
         "rate_limit_exceeded"),
        (Failure("m", status=500, type="server_error"), "500", "server_error"),
        (Failure("m", status=500, code="a whole sentence of the server's"), "500", "500"),
        (Failure("m"), "no_response", "no_response"),
        (Failure("m"), None, "_OTHER"),
    ],
)  # fmt: skip
def test_an_error_is_one_of_few_words(failure: Failure, fault: str | None, word: str) -> None:
    assert error_type(failure, fault) == word


def test_a_provider_is_called_as_the_conventions_do_or_as_its_block() -> None:
    assert provider_at("https://api.groq.com/v1", "fast") == "groq"
    assert provider_at("https://x.openai.azure.com/v1", "mine") == "azure.ai.openai"
    assert provider_at("https://eu.api.openai.com/v1", "mine") == "openai"
    assert provider_at("https://api.openai.com.evil.example/v1", "mine") == "mine"
