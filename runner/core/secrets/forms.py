"""The ways in which a secret may be written, each made once."""

from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from typing import Generic, TypeVar

from msgspec import Struct

_SHORTEST_BASE64 = 6
_MANY = 256  # up to so many, one by one is faster
SecretSpan = tuple[int, int]
Sought = TypeVar("Sought", str, bytes)


class SecretForm(Struct, frozen=True):
    """One way to write a secret, in lower case. Where case counts, `exact` has it. `before` and
    `after`: whether a character of base64 there hangs on the secret as well as on its neighbour.
    """

    folded: str
    exact: str | None = None
    before: bool = False
    after: bool = False

    def may_begin(self, text: str, low: str) -> bool:
        """Whether it begins with this text, whose lower case is given too."""
        return self.folded.startswith(low) if self.exact is None else self.exact.startswith(text)

    def spans(self, text: str, low: str) -> Iterator[SecretSpan]:
        """Where it stands in a text, whose lower case is given too."""
        at = low.find(self.folded)
        while at >= 0:
            end = at + len(self.folded)
            if self.exact is None:
                yield at, end
            elif text.startswith(self.exact, at):
                yield at - (self.before and at > 0), min(end + self.after, len(text))
            at = low.find(self.folded, at + 1)


class SecretForms(Struct, frozen=True):
    """All ways to write one secret. `characters` are those that occur in them; `quick` are they in
    UTF-8 and lower case, those with letters beyond ASCII in each case.
    """

    forms: tuple[SecretForm, ...]
    characters: frozenset[str]
    quick: tuple[bytes, ...]


class AnyOf(Generic[Sought]):
    """Texts that are looked for together.

    A few are looked for one by one. Of many, only those are that begin with what stands at a place
    of the text: so the work is that of the text, however many there are.
    """

    __slots__ = ("_by_beginning", "_length", "_texts")

    def __init__(self, texts: tuple[Sought, ...]) -> None:
        self._texts: tuple[Sought, ...] = texts
        self._by_beginning: dict[Sought, list[Sought]] = {}
        self._length = min(map(len, texts), default=0)
        if len(texts) > _MANY and self._length > 1:
            for text in texts:
                self._by_beginning.setdefault(text[: self._length], []).append(text)

    def is_in(self, text: Sought) -> bool:
        """Whether one of them stands in a text."""
        if not self._by_beginning:
            return any(sought in text for sought in self._texts)
        length = self._length
        pieces = {text[at : at + length] for at in range(len(text) - length + 1)}
        return any(
            sought in text
            for beginning in pieces & self._by_beginning.keys()
            for sought in self._by_beginning[beginning]
        )


@lru_cache(maxsize=4096)
def forms_of(secret: str) -> SecretForms:
    """The ways to write a secret: kept by its text, since one run asks for many sets of secrets
    that have most in common.
    """
    forms = tuple(dict.fromkeys(_forms(secret)))
    texts = tuple(dict.fromkeys(form.folded for form in forms))
    cased = (case(text) for case in (str, str.upper, str.title) for text in texts)
    quick = dict.fromkeys(text.encode(errors="surrogatepass").lower() for text in cased)
    return SecretForms(forms, frozenset().union(*texts), tuple(quick))


def _forms(secret: str) -> Iterator[SecretForm]:
    data = secret.encode(errors="surrogatepass")
    plain = (secret, secret.upper(), secret.lower(), secret.title(), secret[::-1])
    for text in {*plain, secret.replace(" ", "+"), data.hex()}:
        yield SecretForm(folded(text))
    for before in range(3):
        # The characters that hang on nothing but the secret, which begins after so many bytes.
        start, end = -(-8 * before // 6), 8 * (before + len(data)) // 6
        if end - start >= _SHORTEST_BASE64:
            for alphabet in (b"+/", b"-_"):
                exact = b64encode(bytes(before) + data, alphabet).decode()[start:end]
                yield SecretForm(folded(exact), exact, before > 0, (before + len(data)) % 3 > 0)


def folded(text: str) -> str:
    """The text in lower case, each character in its place."""
    low = text.lower()
    if low.isascii():
        return low
    if len(low) != len(text):
        low = "".join(map(_lower, text))
    return low.replace("\u03c2", "\u03c3")  # sigma at the end of a word


def _lower(character: str) -> str:
    low = character.lower()
    return low if len(low) == 1 else character
