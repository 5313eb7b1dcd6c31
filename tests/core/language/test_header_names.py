import pytest

from runner.core.language.check import check
from runner.core.language.header_names import fault

TAKEN = (
    "Host", "hOST", "Content-Length", "Transfer-Encoding", "transfer_encoding", "Connection", "TE",
    "Upgrade", "Trailer", "Expect", "Proxy-Authorization", "Forwarded", "X-Forwarded-Host",
    "X-Forwarded-For", "a:b", " Host", "Host ", "Host:", "", "x\r\nHost", "\u212aeep-alive",
)  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_no_header_says_to_whom_a_request_goes_or_where_it_ends(name: str) -> None:
    messages = [{"role": "user", "content": "hi"}]
    asked = {"model": "m", "messages": messages, "extra_headers": {name: "x"}}
    (found,) = check("completion", asked)
    assert (found.path, found.summary) == (("extra_headers", name), "Invalid header")
    (found,) = check("provider", {"headers": {name: "x"}}, name="openai")
    assert (found.path, found.summary) == (("headers", name), "Invalid header")
    if name:
        (found,) = check("provider", {"auth_header": name}, name="openai")
        assert (found.path, found.summary) == (("auth_header",), "Invalid header")


@pytest.mark.parametrize("name", ["X-Team", "api-key", "Cookie", "OpenAI-Beta", "x_team", "Hosts"])
def test_any_other_header_is_the_user_s_affair(name: str) -> None:
    assert fault(name) is None


@pytest.mark.parametrize("name", ["content-type", "Content_Type", "Cookie", "User-Agent", "Accept"])
def test_a_key_takes_the_place_of_no_other_header(name: str) -> None:
    (found,) = check("provider", {"auth_header": name}, name="openai")
    assert (found.path, found.summary) == (("auth_header",), "Invalid header")
    assert not [*check("provider", {"auth_header": "Ocp-Apim-Subscription-Key"}, name="openai")]
