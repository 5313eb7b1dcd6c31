"""No secret in what is kept of others' words."""

import json
from collections.abc import Callable
from urllib.parse import quote

import orjson
from hypothesis import given
from hypothesis import strategies as st

from runner.core.redact import Sieve, redact, redact_text


def test_a_response_without_a_secret_stays_as_it_came() -> None:
    raw = b'{ "b" : 1,  "a": "text \\u00e9" }'
    assert redact(raw, ()) is raw
    assert redact(raw, ("absent",)) == raw


def test_a_secret_is_masked_wherever_it_stands() -> None:
    raw = orjson.dumps({"k secret1": ["x secret1 y", {"a": "secret1"}], "n": 1, "z": None})
    masked = redact(raw, ("secret1",))
    assert b"secret1" not in masked
    assert orjson.loads(masked)["n"] == 1


def test_a_secret_that_json_writes_with_escapes_is_masked() -> None:
    secret = 'a"b\nü\\'
    assert orjson.loads(redact(orjson.dumps({"a": f"x{secret}y"}), (secret,))) == {
        "a": "x(sensitive)y"
    }


@given(st.text(min_size=4, max_size=8, alphabet="abc"), st.text(alphabet="abc", max_size=40))
def test_no_secret_stays(secret: str, text: str) -> None:
    assert secret not in redact_text(text, (secret,))


def test_a_longer_secret_is_masked_before_a_shorter_one_in_it() -> None:
    assert redact_text("x-abcdef-y", ("abcdef", "abcd")) == "x-(sensitive)-y"


@given(st.text(min_size=4, max_size=12), st.integers(0, 7))
def test_a_secret_in_another_spelling_is_masked(secret: str, way: int) -> None:
    """As the filters of the language write it, or a server that quotes a URL or JSON."""
    written = (
        secret.upper(), secret.lower(), secret.title(), secret[::-1], json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret), quote(secret, safe=""),
    )[way]  # fmt: skip
    assert redact_text(f"<{written}>", (secret,)) == "<(sensitive)>"


@given(
    st.lists(st.text(min_size=2, max_size=6, alphabet="abc"), max_size=3),
    st.lists(st.text(max_size=5, alphabet="abc"), max_size=12),
)
def test_however_a_text_is_cut_no_secret_comes_through(
    secrets: list[str], pieces: list[str]
) -> None:
    told: list[str] = []
    sieve = Sieve(told.append, secrets)
    for piece in pieces:
        sieve.feed(piece)
    sieve.close()
    text = "".join(pieces)
    assert not [secret for secret in secrets if secret in "".join(told)]
    if redact_text(text, secrets) == text:
        assert "".join(told) == text


def test_a_text_waits_only_while_it_may_become_a_secret() -> None:
    told: list[str] = []
    sieve = Sieve(told.append, ["hunter2"])
    for piece in ("one ", "hu", "man, hunt", "er2", "!", " hunt"):
        sieve.feed(piece)
    assert told == ["one ", "human, ", "(sensitive)!", " "]
    sieve.close()
    assert told[-1] == "hunt"


WRITERS = st.sampled_from(
    (
        orjson.dumps,
        lambda value: json.dumps(value).encode(),
        lambda value: json.dumps(value, ensure_ascii=False, indent=2).encode(),
        lambda value: json.dumps(value).replace("/", "\\/").encode(),
        lambda value: b'{"a": "%b"}' % "".join(f"\\u{ord(c):04x}" for c in value["a"]).encode(),
    )
)


@given(st.text('aB9/"\\\n<é', min_size=4, max_size=6), st.text("xé/\n", max_size=6), WRITERS)
def test_however_a_server_writes_json_no_secret_stays(
    secret: str, around: str, write: Callable[[dict[str, str]], bytes]
) -> None:
    raw = write({"a": f"{around}{secret}{around}"})
    assert secret not in orjson.loads(redact(raw, (secret,)))["a"]


def test_an_answer_that_holds_no_secret_is_not_read() -> None:
    assert redact(b'{"a": "no JSON', ("a secret",)) == b'{"a": "no JSON'
