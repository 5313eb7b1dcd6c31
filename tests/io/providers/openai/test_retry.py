import orjson
import pytest

from runner.io.providers.openai.bodies import error_in, readable, said, said_by
from runner.io.providers.openai.retry import LONGEST_DELAY, Verdict, classify, delay
from runner.io.providers.openai.waits import go_duration, grown, named_wait, reset_wait, worded_wait

WALL = 1_800_000_000.0


def verdict(
    status: int,
    code: str | int | None = None,
    kind: str | None = None,
    message: str = "no",
    **headers: str,
) -> Verdict:
    words = said_by(status, {"message": message, "type": kind, "code": code})
    return classify(words, {k.replace("_", "-"): v for k, v in headers.items()}, WALL)


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504, 520, 524, 529, 599])
def test_passing_trouble_is_tried_again(status: int) -> None:
    assert verdict(status) == Verdict("retry")


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415, 422, 425, 451, 499, 501, 505])
def test_what_will_not_change_is_never_tried_again(status: int) -> None:
    assert verdict(status) == Verdict("fail")


@pytest.mark.parametrize("status", [401, 402, 403])
def test_what_every_request_would_meet_is_fatal(status: int) -> None:
    assert verdict(status).action == "fatal"


@pytest.mark.parametrize(
    "error",
    [
        {"code": 403, "message": "no", "metadata": {"reasons": ["violence"], "flagged_input": "x"}},
        {"code": "content_policy_violation", "message": "no"},
        {"code": None, "message": "Your input was flagged by moderation"},
    ],
)
def test_a_403_for_one_request_s_content_is_not_fatal(error: dict[str, object]) -> None:
    assert classify(said_by(403, error), {}, WALL).action == "fail"


@pytest.mark.parametrize(
    "code",
    [
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    ],
)
def test_no_money_is_fatal_whatever_the_status_and_the_headers(code: str) -> None:
    assert verdict(429, code, retry_after="1", x_should_retry="true").action == "fatal"
    assert verdict(200, code).action == "fatal"
    assert verdict(429, None, code).action == "fatal"


def test_a_402_that_names_a_wait_is_waited_for() -> None:
    assert verdict(402, retry_after="3") == Verdict("wait", 3, hold=True)


def test_a_rate_limit_with_a_named_wait_is_waited_for_by_all() -> None:
    expected = Verdict("wait", 2, hold=True, limited=True)
    assert verdict(429, "rate_limit_exceeded", "tokens", retry_after="2") == expected
    assert verdict(429, "slow_down", "rate_limit_error", retry_after="2") == expected
    assert verdict(429, retry_after="2") == expected
    assert verdict(200, 429, retry_after="2") == expected


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Limit 30000, Used 29000. Please try again in 7m12s. Visit https://x", 432),
        ("Please try again in 842ms.", 0.842),
        ("Please try again in 20s.", 20),
        ("Please try again in 2m59.56s. Need more tokens?", 179.56),
        ("Please retry after 26 seconds.", 26),
        ("Please retry in 34.074824224s.", 34.074824224),
        ("Try again in 1 hour and 5 minutes.", 3900),
        ("Please wait 30 seconds before retrying", 30),
        ("Please try again in 1h2m3s", 3723),
        ("Please try again later.", None),
        ("You requested 20000 tokens, try again with fewer", None),
        ("Please retry 3 times", None),
    ],
)
def test_a_wait_in_words_is_a_named_wait(words: str, seconds: float | None) -> None:
    wait = worded_wait(words)
    assert wait == (None if seconds is None else pytest.approx(seconds))
    expected = "retry" if seconds is None else "wait"
    assert verdict(429, "rate_limit_exceeded", "tokens", words).action == expected


def test_a_wait_in_a_member_of_the_error_is_a_named_wait() -> None:
    """As Gemini has it, which answers with a list."""
    told = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
    error = {"code": 429, "message": "exhausted", "status": "RESOURCE_EXHAUSTED"}
    body = orjson.dumps([{"error": error | {"details": [{"@type": "x"}, told]}}])
    assert classify(said(429, body), {}, WALL) == Verdict("wait", 34, hold=True, limited=True)
    for member in ({"retry_after": 3}, {"metadata": {"retry_after_seconds": "3"}}):
        assert classify(said_by(429, error | member), {}, WALL).wait == 3
    assert classify(said_by(429, error | {"details": "none"}), {}, WALL).wait is None


def test_the_longest_of_the_named_waits_counts() -> None:
    words = "Please retry after 60 seconds."
    assert verdict(429, None, None, words, retry_after="1").wait == 60
    assert verdict(429, None, None, words, retry_after="90").wait == 90
    assert verdict(400, None, None, words).action == "fail"


def test_a_wait_grows_when_it_is_named_again_and_again() -> None:
    assert [grown(1, times) for times in (1, 2, 3, 4, 8, 9, 99)] == [1, 1, 2, 4, 60, 60, 60]
    assert [grown(90, times) for times in (1, 3, 99)] == [90, 90, 90]


def test_a_rate_limit_without_a_named_wait_is_a_counted_retry() -> None:
    assert verdict(429, "rate_limit_exceeded") == Verdict("retry", limited=True)
    assert verdict(429, retry_after="0") == Verdict("retry", limited=True)


def test_a_used_up_limit_names_a_wait_where_retry_after_does_not() -> None:
    headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}
    words = said_by(429, {"message": "Rate limit reached"})
    assert classify(words, headers, WALL) == Verdict("wait", 360, hold=True, limited=True)


def test_a_request_larger_than_the_limit_is_never_tried_again() -> None:
    text = "Request too large for gpt-4o on tokens per min (TPM): Limit 10000, Requested 20000"
    assert verdict(429, "rate_limit_exceeded", "tokens", text).action == "fail"


def test_an_overloaded_server_s_wait_is_for_all_but_counted() -> None:
    assert verdict(503, retry_after="7") == Verdict("retry", 7, hold=True)
    assert verdict(500, retry_after="7") == Verdict("retry", 7)


@pytest.mark.parametrize(
    "message",
    [
        "image input is not supported - hint: ...",
        "audio input is not supported",
        "Unsupported tool type",
    ],
)
def test_a_500_that_is_permanent_is_not_tried_again(message: str) -> None:
    assert verdict(500, 500, "server_error", message).action == "fail"


def test_the_code_is_read_before_the_type_before_the_status() -> None:
    assert verdict(403, "model_not_found", "invalid_request_error").action == "fail"
    assert verdict(400, "server_error").action == "retry"
    assert verdict(400, None, "server_error").action == "retry"
    assert verdict(429, "context_length_exceeded", "tokens").action == "fail"
    assert verdict(400, 502).action == "retry"
    assert verdict(401, None, "invalid_request_error").action == "fatal"


@pytest.mark.parametrize(
    ("error", "action"),
    [
        ({"code": "content_filter", "status": 400, "message": "blocked"}, "fail"),
        ({"code": 502, "message": "Provider returned error"}, "retry"),
        ({"code": "429", "message": "slow"}, "retry"),
        ({"message": "bad", "type": "invalid_request_error"}, "fail"),
        ({"message": "something"}, "retry"),
        ({"code": "tool_use_failed", "status_code": 400, "message": "bad"}, "fail"),
    ],
)
def test_an_error_under_a_200_is_read_by_what_it_holds(
    error: dict[str, object], action: str
) -> None:
    assert classify(said_by(200, error), {}, WALL).action == action


def test_x_should_retry_overrides() -> None:
    assert verdict(400, x_should_retry="true").action == "retry"
    assert verdict(401, x_should_retry="true").action == "retry"
    assert verdict(500, x_should_retry="false").action == "fail"
    held = verdict(429, retry_after="5", x_should_retry="false")
    assert held == Verdict("fail", 5, hold=True, limited=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "300", "retry-after": "9"}, 0.3),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:10 GMT"}, 10),
        (
            {
                "retry-after": "Fri, 15 Jan 2027 08:00:10 GMT",
                "date": "Fri, 15 Jan 2027 08:00:03 GMT",
            },
            7,
        ),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after-ms": "x", "retry-after": "2"}, 2),
        ({}, None),
    ],
)
def test_a_named_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert named_wait(headers, WALL) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360),
        ("17.399999999s", 17.399999999),
        ("2ms", 0.002),
        ("0s", 0),
        ("1h2m3.5s", 3723.5),
        ("250us", 0.00025),
        ("12", 12),
        ("-1", None),
        ("", None),
        ("later", None),
        ("6mx", None),
    ],
)
def test_a_go_duration(text: str, seconds: float | None) -> None:
    assert go_duration(text) == (None if seconds is None else pytest.approx(seconds))


def test_a_limit_that_is_not_used_up_names_no_wait() -> None:
    left = {"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "6m0s"}
    unknown = {"x-ratelimit-remaining-requests": "-1", "x-ratelimit-reset-requests": "6m0s"}
    assert reset_wait(left) is None
    assert reset_wait(unknown) is None
    assert reset_wait({"x-ratelimit-remaining-requests": "0"}) is None


def test_the_backoff_has_full_jitter_and_an_end() -> None:
    assert [delay(n, lambda: 1.0) for n in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert delay(3, lambda: 0.0) == 0
    assert delay(10_000, lambda: 1.0) == LONGEST_DELAY
    assert delay(0, lambda: 0.1, wait=3) == 3


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "the words"}}', "the words"),
        (b'{"error": "the words"}', "the words"),
        (b'{"message": "the words", "code": 400}', "the words"),
        (b'{"detail": "the words"}', "the words"),
        (b'[{"error": {"message": "the words", "status": "RESOURCE_EXHAUSTED"}}]', "the words"),
        (
            b'{"error": {"message": "Provider", "metadata": {"raw": "the words"}}}',
            "Provider: the words",
        ),
        (b"the words\n", "the words"),
        (b"", "Bad Gateway"),
        (b"null", "null"),
        (b'{"detail": [{"msg": "the words"}]}', '[{"msg": "the words"}]'),
    ],
)
def test_the_server_s_own_words_are_found(body: bytes, message: str) -> None:
    assert said(502, body, "Bad Gateway").message == message


def test_a_page_is_told_by_its_words() -> None:
    page = b"<!DOCTYPE html><html><title>Log in</title><style>p{}</style><p>Hotel &amp; Spa</p>"
    assert said(200, page).message == "an HTML page, not JSON: Log in Log in Hotel & Spa"


def test_a_choice_that_carries_an_error_is_an_error() -> None:
    broken = {"choices": [{"finish_reason": "error", "error": {"code": 502, "message": "x"}}]}
    assert error_in(broken) == {"code": 502, "message": "x"}
    assert error_in({"error": None, "choices": [{}]}) is None


def test_secrets_are_taken_out_before_the_text_is_cut() -> None:
    secret = "s3cret" * 10
    text = readable("x" * 480 + " " + secret, (secret, "", "s3cret"))
    assert text.endswith("(sensitive)")
    assert len(readable("word " * 1000, ())) == 500
