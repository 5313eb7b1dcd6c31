"""What servers say of a request that is too long, in the words of each."""

import pytest

from runner.core.api.exchange import Failure
from runner.io.providers.openai.bodies import said_by
from runner.io.providers.openai.lengths import excess, is_too_long
from tests.harness.faults import error
from tests.io.providers.openai.test_client import failed


@pytest.mark.parametrize(
    ("words", "tokens"),
    [
        (
            (
                "This model's maximum context length is 1048565 tokens. However, you requested "
                "1250025 tokens (1250025 in the messages, 0 in the completion)."
            ),
            201460,
        ),
        (
            (
                "This endpoint's maximum context length is 200000 tokens. However, you requested "
                "about 2500021 tokens (2500021 of text input)."
            ),
            2300021,
        ),
        (
            (
                "This model's maximum context length is 8,192 tokens. However, your messages "
                "resulted in 10,000 tokens."
            ),
            1808,
        ),
        (
            (
                "Input tokens exceed the configured limit of 272000 tokens. Your messages "
                "resulted in 300012 tokens."
            ),
            28012,
        ),
        ("prompt is too long: 210000 tokens > 200000 maximum", 10000),
        (
            (
                "The input token count (1200000) exceeds the maximum number of tokens allowed "
                "(1048576)."
            ),
            151424,
        ),
        (
            (
                "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum "
                "context length is 4096 tokens and your request has 12 input tokens"
            ),
            916,
        ),
        (
            (
                "This model's maximum context length is 4096 tokens. However, you requested 100 "
                "output tokens and your prompt contains at least 4000 input tokens, for a total of"
            ),
            4,
        ),
        (
            "This model's maximum prompt length is 131072 but the request contains 150000 tokens.",
            18928,
        ),
        (
            "Prompt contains 35000 tokens, too large for model with 32768 maximum context length",
            2232,
        ),
        ("request (5000 tokens) exceeds the available context size (4096 tokens)", 904),
        ("Request too large for gpt-4o: Limit 30000, Requested 150000.", 120000),
        ("The total length of all messages is too long.", None),
    ],
)
def test_the_server_s_numbers_say_by_how_much_a_request_is_too_long(
    words: str, tokens: int | None
) -> None:
    assert excess(words) == tokens
    assert is_too_long(said_by(400, {"message": words, "type": "too_many_prompt_tokens"}))


def test_the_embedded_server_s_numbers_are_told() -> None:
    words = {
        "code": 400,
        "message": "the request exceeds the available context size, try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 5000,
        "n_ctx": 4096,
    }
    said = said_by(400, words)
    assert is_too_long(said)
    assert excess(said.message) == 904


@pytest.mark.parametrize(
    "words",
    [
        "prompt too long; exceeded max context length by 1119046 tokens",  # says it
        "Invalid value: 'x'",
        "Rate limit reached: Limit 30000, Used 29000, Requested 2000",
    ],
)
def test_nothing_is_added_to_what_says_it_or_is_about_something_else(words: str) -> None:
    assert not is_too_long(said_by(400, {"message": words}))


def test_a_request_that_is_too_long_says_by_how_much() -> None:
    words = "This model's maximum context length is 10 tokens. However, you requested 12 tokens"
    failure = failed(error(400, "context_length_exceeded", message=words))
    assert isinstance(failure, Failure)
    assert failure.hint == "That is 2 tokens too many."
    bare = failed(error(400, "context_length_exceeded", message="too long"))
    assert bare.hint is not None
    assert "about 15 tokens" in bare.hint
