"""Who is answered: nobody who is not given the address of this start."""

import pytest

from runner.io.web.guard import POLICY, TOKEN_HEADER, guard_of, is_local

GUARD = guard_of("127.0.0.1", 8123)
OURS = {"Host": "127.0.0.1:8123", TOKEN_HEADER: GUARD.token}


def test_whoever_has_the_token_is_answered() -> None:
    assert GUARD.refusal("GET", "/api/index", OURS) is None
    assert GUARD.refusal("GET", "/api/index", {**OURS, "Host": "localhost:8123"}) is None


def test_a_page_is_answered_without_the_token_and_a_resource_is_not() -> None:
    without = {"Host": "127.0.0.1:8123"}
    assert GUARD.refusal("GET", "/", without) is None
    refused = GUARD.refusal("GET", "/api/index", without)
    assert refused is not None
    assert refused[0] == 403


@pytest.mark.parametrize(
    "token",
    ["", "x", GUARD.token[:-1], f"{GUARD.token}x", "ü"],
    ids=["none", "short", "cut", "longer", "no ascii"],
)
def test_another_token_is_refused(token: str) -> None:
    refused = GUARD.refusal("GET", "/api/index", {**OURS, TOKEN_HEADER: token})
    assert refused is not None
    assert refused[0] == 403


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8123", "127.0.0.1", "127.0.0.1:80", "localhost.evil:8123"],
)
def test_a_name_that_only_leads_here_is_refused(host: str) -> None:
    """A stranger's name may be bound to 127.0.0.1, and its page then reads what it gets."""
    refused = GUARD.refusal("GET", "/", {**OURS, "Host": host})
    assert refused is not None
    assert refused[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_from_elsewhere_is_refused(site: str) -> None:
    refused = GUARD.refusal("GET", "/", {**OURS, "Sec-Fetch-Site": site})
    assert refused is not None
    assert refused[0] == 403


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_what_a_person_opens_is_answered(site: str) -> None:
    assert GUARD.refusal("GET", "/", {**OURS, "Sec-Fetch-Site": site}) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_nothing_but_reading_is_answered(method: str) -> None:
    refused = GUARD.refusal(method, "/api/index", OURS)
    assert refused is not None
    assert refused[0] == 405


def test_each_start_has_another_token() -> None:
    assert guard_of("127.0.0.1", 1).token != guard_of("127.0.0.1", 1).token


def test_a_host_that_is_named_is_answered_to() -> None:
    guard = guard_of("192.0.2.7", 80)
    assert guard.refusal("GET", "/", {"Host": "192.0.2.7:80"}) is None
    assert not is_local("192.0.2.7")
    assert is_local("127.0.0.1")


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    assert POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
    )
