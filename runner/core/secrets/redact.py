"""Sensitive values out of what others sent back: a server may repeat a prompt.

What is looked for of each value: itself and its reverse, in any case; its base64, at each of the
three places where it may begin in three bytes and in either alphabet, from 6 characters on; its
hex, which has 8 at least. So a short value masks nothing that is a word of its own; below 4
characters it is not looked for at all (see `sensitive`). Anything of these may be escaped, as JSON,
URLs and HTML have it, and up to three times over.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import InitVar, dataclass, field
from functools import lru_cache
from typing import Any

from msgspec import Struct

from runner.core.canonical import encoded
from runner.core.received import value_of
from runner.core.secrets.forms import AnyOf, SecretForm, SecretSpan, folded, forms_of
from runner.core.values import MASK

_LAYERS = 3


def redact(response: bytes, secrets: Iterable[str]) -> bytes:
    """A JSON body with every occurrence of a secret inside its texts masked; verbatim if there
    is none, and then not even parsed: there is an API key in most runs, and an answer in none.
    """
    wanted = _wanted(tuple(secrets))
    if wanted is None or not wanted.may_be_in(response):
        return response
    held = value_of(response)
    masked = _masked(held, wanted)
    return response if masked == held else encoded(masked)


def redact_text(text: str, secrets: Iterable[str]) -> str:
    """A message with every secret masked."""
    wanted = _wanted(tuple(secrets))
    return text if wanted is None else _replaced(text, wanted)


@dataclass(slots=True)
class Sieve:
    """A text that comes in pieces, passed on to `tell` with every secret masked.

    The end of what has come waits as long as it may be the beginning of a secret.
    """

    tell: Callable[[str], None]
    secrets: InitVar[Iterable[str]]
    _wanted: "_Wanted | None" = field(init=False)
    _waiting: str = ""

    def __post_init__(self, secrets: Iterable[str]) -> None:
        self._wanted = _wanted(tuple(secrets))

    def feed(self, piece: str) -> None:
        """The next piece."""
        if self._wanted is None:
            self.tell(piece)
            return
        text = self._waiting + piece
        has_none = self._wanted.is_not_in(text)
        end = (_beginning if has_none else _certain)(text, self._wanted)
        self._waiting = text[end:]
        if end:
            self.tell(text[:end] if has_none else _replaced(text[:end], self._wanted))

    def close(self) -> None:
        """No piece comes any more."""
        if self._waiting and self._wanted is not None:
            self.tell(_replaced(self._waiting, self._wanted))
        self._waiting = ""


class _Wanted(Struct, frozen=True):
    """What is looked for. `folded` has the lower case of each form, `characters` all that occur in
    them: a text in whose lower case no form stands, and in whose escapes no character, has none.
    `marks` begin the escapes that may stand for one of them; `quick` are the forms in UTF-8, those
    with letters beyond ASCII in each case; `by_first` has the forms by their first character.
    """

    forms: tuple[SecretForm, ...]
    by_first: dict[str, list[SecretForm]]
    longest: int
    folded: AnyOf[str]
    characters: frozenset[str]
    marks: tuple[str, ...]
    quick: AnyOf[bytes]

    def is_not_in(self, text: str) -> bool:
        """Whether a text has neither a secret nor the beginning of an escape: a quick look."""
        return not ("\\" in text or "%" in text or "&" in text or self.folded.is_in(folded(text)))

    def may_be_in(self, response: bytes) -> bool:
        """Whether JSON may show a secret: a quick look."""
        low = response.lower()
        if self.quick.is_in(low):
            return True
        return self.may_be_escaped_in(response.decode(errors="replace"))

    def may_be_escaped_in(self, text: str) -> bool:
        """Whether something is escaped that occurs in a secret."""
        if not any(mark in text for mark in self.marks):
            return False
        tokens = set(re.findall(_ESCAPES, text))
        return any(not self.characters.isdisjoint(folded(_unescaped(t))) for t in tokens)


@lru_cache(maxsize=16)
def _wanted(secrets: tuple[str, ...]) -> _Wanted | None:
    every = [forms_of(secret) for secret in dict.fromkeys(secrets) if secret]
    if not every:
        return None
    forms = dict.fromkeys(form for one in every for form in one.forms)
    by_first: dict[str, list[SecretForm]] = {}
    for form in forms:
        by_first.setdefault(form.folded[0], []).append(form)
    folded_forms = dict.fromkeys(form.folded for form in forms)
    characters = frozenset("\\%&").union(*(one.characters for one in every))
    short = (f"\\{letter}" for letter, meant in _LETTERS.items() if meant in characters)
    quick = dict.fromkeys(form for one in every for form in one.quick)
    return _Wanted(
        tuple(forms),
        by_first,
        max(len(form.folded) for form in forms),
        AnyOf(tuple(folded_forms)),
        characters,
        (*_MARKS, *short),
        AnyOf(tuple(quick)),
    )


_HEX = "[0-9A-Fa-f]"
_ESCAPES = (
    rf"\\u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}|\\u{_HEX}{{4}}|\\u\{{{_HEX}{{1,6}}\}}"
    rf"|\\x{_HEX}{{2}}|\\[\"'\\/bfnrt]"
    rf"|%[0-7]{_HEX}|%[c-dC-D]{_HEX}%[89abAB]{_HEX}|%[eE]{_HEX}(?:%[89abAB]{_HEX}){{2}}"
    rf"|%[fF][0-7](?:%[89abAB]{_HEX}){{3}}"
    rf"|&\#(?:[0-9]{{1,7}}|[xX]{_HEX}{{1,6}});?|&[A-Za-z]{{2,8}};"
)
_UNFINISHED = (
    rf"(?:\\+(?:u(?:{_HEX}{{0,3}}|[dD][89abAB]{_HEX}{{2}}(?:\\(?:u{_HEX}{{0,3}})?)?|\{{{_HEX}*)|x{_HEX}?)?"
    rf"|%(?:{_HEX}|[c-fC-F]{_HEX}(?:%[89abAB]{_HEX})*(?:%[89abAB]?)?)?"
    rf"|&(?:\#[0-9]{{0,7}}|\#[xX]{_HEX}{{0,6}}|[A-Za-z]{{0,8}}))$"
)


_MARKS = ("\\u", "\\x", "%", "&")
_LETTERS = {
    **{kept: kept for kept in "\\/\"'"},
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}


def _unescaped(token: str) -> str:
    """The character that an escape stands for (RFC 8259, RFC 3986, HTML)."""
    if token[0] == "&":
        from html import unescape  # noqa: PLC0415  # where a secret may stand in HTML

        return unescape(token)
    if token[0] == "%":
        return bytes.fromhex(token.replace("%", "")).decode(errors="replace")
    if len(token) == 2:
        return _LETTERS[token[1]]
    digits = token[1:].replace("\\", "").replace("u", "").strip("x{}")
    if len(digits) == 8:
        return bytes.fromhex(digits).decode("utf-16-be", errors="replace")
    number = int(digits, 16)
    return chr(number) if number <= 0x10FFFF else "\ufffd"


class _Layer(Struct, frozen=True):
    """A text with escapes of it read; `starts` has the place of each character, and the end, in the
    text as it came.
    """

    text: str
    starts: "list[int] | range"

    def under(self) -> "_Layer | None":
        """The text with its escapes read once more; None if it has none."""
        pieces: list[str] = []
        starts: list[int] = []
        done = 0
        for found in re.finditer(_ESCAPES, self.text):
            pieces.append(self.text[done : found.start()])
            starts += self.starts[done : found.start()]
            character = _unescaped(found[0])
            pieces.append(character)
            starts += [self.starts[found.start()]] * len(character)
            done = found.end()
        if not done:
            return None
        return _Layer("".join(pieces) + self.text[done:], [*starts, *self.starts[done:]])

    def finished(self) -> "_Layer":
        """The text without what may be the beginning of an escape at its end."""
        cut = re.search(_UNFINISHED, self.text)
        if cut is None:
            return self
        return _Layer(self.text[: cut.start()], self.starts[: cut.start() + 1])

    def spans(self, forms: Iterable[SecretForm]) -> Iterator[SecretSpan]:
        """Where a secret stands, in the text as it came."""
        low = folded(self.text)
        for form in forms:
            for start, end in form.spans(self.text, low):
                yield self.starts[start], self.starts[end]


def _layers(text: str, wanted: _Wanted) -> Iterator[_Layer]:
    layer: _Layer | None = _Layer(text, range(len(text) + 1))
    for _ in range(_LAYERS + 1):
        if layer is None:
            return
        yield layer
        layer = layer.under() if wanted.may_be_escaped_in(layer.text) else None


def _spans(text: str, wanted: _Wanted) -> list[SecretSpan]:
    """Where secrets stand in a text, in order, those that touch or overlap as one."""
    found = [span for layer in _layers(text, wanted) for span in layer.spans(wanted.forms)]
    merged: list[SecretSpan] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _replaced(text: str, wanted: _Wanted) -> str:
    low = folded(text)
    if not wanted.folded.is_in(low) and not wanted.may_be_escaped_in(text):
        return text
    pieces, done = [], 0
    for start, end in _spans(text, wanted):
        pieces += [text[done:start], MASK]
        done = end
    return "".join(pieces) + text[done:]


def _certain(text: str, wanted: _Wanted) -> int:
    """How much of a text no secret can reach into, whatever follows."""
    end = len(text)
    layer: _Layer | None = _Layer(text, range(len(text) + 1))
    for _ in range(_LAYERS + 1):
        if layer is None:
            break
        layer = layer.finished()
        end = min(end, layer.starts[_beginning(layer.text, wanted)])
        layer = layer.under()
    # A whole secret is not cut where another one may begin in it.
    return next((start for start, stop in _spans(text, wanted) if start < end < stop), end)


def _beginning(text: str, wanted: _Wanted) -> int:
    """From where the end of a text may be the beginning of a form; its length if from nowhere."""
    low, forms_from = folded(text), wanted.by_first.get
    for at in range(max(0, len(text) - wanted.longest + 1), len(text)):
        for form in forms_from(low[at], ()):
            if form.may_begin(text[at:], low[at:]):
                return at
    return len(text)


def _masked(value: Any, wanted: _Wanted) -> Any:
    if isinstance(value, str):
        return _replaced(value, wanted)
    if isinstance(value, dict):
        return {_replaced(key, wanted): _masked(inner, wanted) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, wanted) for inner in value]
    return value
