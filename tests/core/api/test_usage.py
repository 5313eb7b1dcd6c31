"""What an answer used, as its response says."""

import pytest

from runner.core.api.usage import Used, cached_tokens, usage_of


def response(tokens: int) -> bytes:
    details = b'"prompt_tokens_details":{"cached_tokens":%d}' % tokens
    return b'{"usage":{"prompt_tokens":%d,"completion_tokens":1,%b}}' % (tokens, details)


def test_tokens_are_counted_as_the_response_says() -> None:
    assert usage_of(response(10**12)) == Used(10**12, 1)
    assert cached_tokens(response(10**12)) == 10**12


@pytest.mark.parametrize("tokens", [-1, 10**12 + 1, 2**63 - 1, 2**64])
def test_a_number_that_nobody_answers_with_is_no_count(tokens: int) -> None:
    assert usage_of(response(tokens)) is None
    assert cached_tokens(response(tokens)) == 0
