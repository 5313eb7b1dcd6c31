"""No secret in what is kept of others' words."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.secrets.redact import Sieve, redact, redact_text
from runner.core.values import MASK


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


ENCODINGS: dict[str, Callable[[str], str]] = {
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 after a byte": lambda s: base64.b64encode(b"x" + s.encode() + b"yz").decode(),
    "base64 after two": lambda s: base64.b64encode(b"xx" + s.encode() + b"y").decode(),
    "base64 of URLs": lambda s: base64.urlsafe_b64encode(b">?" + s.encode() + b">?").decode(),
    "Basic": lambda s: base64.b64encode(f"user:{s}".encode()).decode(),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "any case": lambda s: "".join(c.upper() if i % 3 else c.lower() for i, c in enumerate(s)),
    "percent": lambda s: "".join(f"%{byte:02x}" for byte in s.encode()),
    "percent, some": lambda s: quote(s, safe="").lower(),
    "form": quote_plus,
    "escapes": lambda s: "".join(f"\\u{ord(c):04X}" for c in s),
    "an escape": lambda s: f"\\u{ord(s[0]):04x}{s[1:]}",
    "escapes twice": lambda s: "".join(f"\\\\u{ord(c):04x}" for c in s),
    "JSON twice": lambda s: json.dumps(json.dumps(s))[3:-3],
    "JSON thrice": lambda s: json.dumps(json.dumps(json.dumps(s)))[7:-7],
    "JSON in a URL": lambda s: quote(json.dumps(s)[1:-1], safe=""),
    "bytes": lambda s: "".join(f"\\x{ord(c):02x}" if ord(c) < 128 else c for c in s),
    "HTML": html.escape,
    "HTML, numbers": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "HTML, hex": lambda s: "".join(f"&#x{ord(c):X};" for c in s),
    "base64 in URLs": lambda s: quote(base64.b64encode(s.encode() + b"yz").decode(), safe=""),
}


@pytest.mark.parametrize("way", ENCODINGS)
@pytest.mark.parametrize(
    "secret", ["hunter2-Pass/word+1", 'a"b\\c & d<e>', "Ünï-çödé 漢字", "correct horse battery"]
)
def test_an_encoded_secret_is_masked(way: str, secret: str) -> None:
    """In a text, in a body that is JSON, and in a stream, however it is cut."""
    written = ENCODINGS[way](secret)
    for around in ("", "see: ", "1 "):
        text = f"{around}{written} end"
        masked = redact_text(text, (secret,))
        assert masked.startswith(around)
        assert masked.endswith(" end")
        assert MASK in masked
        assert len(masked.replace(MASK, "")) <= len(around) + 4 + 9 * (
            "base64" in way.lower() or way == "Basic"
        )
        body = json.dumps({"a": [text]}).encode()
        assert json.loads(redact(body, (secret,))) == {"a": [masked]}
        told: list[str] = []
        sieve = Sieve(told.append, (secret,))
        for character in text:
            sieve.feed(character)
        sieve.close()
        assert MASK in "".join(told)
        assert len("".join(told).replace(MASK, "")) <= len(masked.replace(MASK, "")) + 2


@pytest.mark.parametrize(
    "text", ["The blues", "Ymx1", "626c75", "50% blu", "&lt;b&gt; \\u2019", "abcdefgh" * 9]
)
def test_a_short_secret_masks_no_word_of_its_own(text: str) -> None:
    assert redact_text(text, ("gray", "1234")) == text


def test_what_follows_is_not_masked_with_it() -> None:
    assert redact_text("\\u0073ecret1\\u0073", ("secret1",)) == "(sensitive)\\u0073"


@given(st.text(max_size=40), st.text(min_size=4, max_size=8))
def test_nothing_but_secrets_is_masked(text: str, secret: str) -> None:
    """What is left says the same as before, around the masks."""
    masked = redact_text(text, (secret,))
    rest, at = masked.split(MASK), 0
    for part in rest:
        at = text.index(part, at) + len(part)
    if len(rest) == 1:
        assert masked == text
