"""Sensitive values out of what others sent back: a server may repeat a prompt."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass, field
from functools import lru_cache
from html import escape
from string import ascii_letters, digits
from typing import Any

from runner.core.digest import encoded
from runner.core.received import value_of
from runner.core.values import MASK


def redact(response: bytes, secrets: Iterable[str]) -> bytes:
    """A JSON body with every occurrence of a secret inside its texts masked; verbatim if there
    is none, and then not even parsed: there is an API key in most runs, and an answer in none.
    """
    wanted = _longest_first(tuple(secrets))
    if not _may_hold(response, wanted):
        return response
    held = value_of(response)
    masked = _masked(held, wanted)
    return response if masked == held else encoded(masked)


def redact_text(text: str, secrets: Iterable[str]) -> str:
    """A message with every secret masked."""
    return _replaced(text, _longest_first(tuple(secrets)))


@dataclass(slots=True)
class Sieve:
    """A text that comes in pieces, passed on to `tell` with every secret masked.

    The end of what has come waits as long as it may be the beginning of a secret.
    """

    tell: Callable[[str], None]
    secrets: InitVar[Iterable[str]]
    _wanted: tuple[str, ...] = field(init=False)
    _waiting: str = ""

    def __post_init__(self, secrets: Iterable[str]) -> None:
        self._wanted = _longest_first(tuple(secrets))

    def feed(self, piece: str) -> None:
        """The next piece."""
        text = self._waiting + piece
        end = _certain(text, self._wanted)
        self._waiting = text[end:]
        if end:
            self.tell(_replaced(text[:end], self._wanted))

    def close(self) -> None:
        """No piece comes any more."""
        if self._waiting:
            self.tell(_replaced(self._waiting, self._wanted))
            self._waiting = ""


def _certain(text: str, secrets: tuple[str, ...]) -> int:
    """How much of a text no secret can reach into, whatever follows."""
    longest = len(secrets[0]) if secrets else 0
    ends = range(max(0, len(text) - longest + 1), len(text))
    end = next((at for at in ends if _may_begin(text[at:], secrets)), len(text))
    while True:  # a whole secret is not cut where another one may begin in it
        found = [text.find(s, max(0, end - len(s) + 1), end + len(s) - 1) for s in secrets]
        cut = [at for at in found if at >= 0 and end < len(text)]
        if not cut:
            return end
        end = min(cut)


def _may_begin(text: str, secrets: tuple[str, ...]) -> bool:
    return any(len(secret) > len(text) and secret.startswith(text) for secret in secrets)


_FREELY_ESCAPED = re.compile(rb"\\[u/]")  # what JSON lets one write as it is


def _may_hold(response: bytes, wanted: tuple[str, ...]) -> bool:
    """Whether the bytes of a JSON body show a secret, or may hide one in escapes."""
    if not any(form in response for form in _in_json(wanted)):
        return bool(wanted) and _FREELY_ESCAPED.search(response) is not None
    return True


@lru_cache(maxsize=1024)
def _in_json(wanted: tuple[str, ...]) -> tuple[bytes, ...]:
    texts = (json.dumps(text, ensure_ascii=False)[1:-1] for text in wanted)
    return tuple(text.encode(errors="surrogatepass") for text in texts)


@lru_cache(maxsize=1024)
def _longest_first(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Every spelling of each, so that of a secret that holds another one nothing is left."""
    found = {spelling for secret in secrets if secret for spelling in _spellings(secret)}
    return tuple(sorted(found, key=lambda spelling: (-len(spelling), spelling)))


@lru_cache(maxsize=1024)
def _spellings(secret: str) -> frozenset[str]:
    """A text as an expression or a server may write it: in another case, in JSON, in a URL, in
    HTML.
    """
    found = {secret, secret.upper(), secret.lower(), secret.title(), secret.capitalize()}
    found |= {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    found |= {_in_url(secret, ""), _in_url(secret, "/"), escape(secret), secret[::-1]}
    return frozenset(found)


def _in_url(text: str, safe: str) -> str:
    """Percent-encoded (RFC 3986 section 2.1), as urllib does it, which is not for this room."""
    plain = f"{_UNRESERVED}{safe}".encode()
    return "".join(
        chr(byte) if byte in plain else f"%{byte:02X}" for byte in text.encode(errors="replace")
    )


_UNRESERVED = f"{ascii_letters}{digits}-._~"


def _replaced(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _masked(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return _replaced(value, secrets)
    if isinstance(value, dict):
        return {_replaced(key, secrets): _masked(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, secrets) for inner in value]
    return value
