"""The text of a type, read: `list(string)`, `object({ name = string })`."""

import re

from runner.core.language.types import (
    ANY,
    Collection,
    Object,
    ObjectAttribute,
    Primitive,
    Tuple,
    Type,
    as_type,
    parse_input,
    read_value,
    with_nulls,
)

__all__ = [
    "ANY",
    "Collection",
    "Object",
    "ObjectAttribute",
    "Primitive",
    "Tuple",
    "Type",
    "as_type",
    "parse_input",
    "parse_type",
    "with_nulls",
]


def parse_type(text: str) -> Type:
    """The type that `text` names, such as `map(number)`.

    ValueError: a sentence that says what is wrong with it.
    """
    reader = _Reader(text)
    found = reader.type()
    reader.end()
    return found


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][\w-]*|[^\s\w]|\S+?(?=[\s,()\[\]{}=]|$)')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")


class _Reader:
    """Reads the text of a type from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_TOKEN.finditer(text))
        self._at = 0

    def type(self) -> Type:
        word = self._next()
        match word:
            case "string" | "number" | "bool" | "any":
                return Primitive(word)
            case "list" | "set" | "map":
                return Collection(word, self._element())
            case "tuple":
                self._expect("(", "[")
                elements: list[Type] = []
                while self._more("]"):
                    elements.append(self.type())
                self._expect("]", ")")
                return Tuple(tuple(elements))
            case "object":
                self._expect("(", "{")
                attributes: dict[str, ObjectAttribute] = {}
                while self._more("}"):
                    found = self._attribute()
                    if found.name in attributes:
                        raise self._wrong(f'the attribute "{found.name}" is there twice')
                    attributes[found.name] = found
                self._expect("}", ")")
                return Object(tuple(attributes.values()))
            case _:
                raise self._wrong(f'"{word}" is not a type' if word else "a type is missing")

    def end(self) -> None:
        if self._peek():
            raise self._wrong(f'"{self._peek()}" is too much')

    def _element(self) -> Type:
        if self._peek() != "(":
            return ANY
        self._expect("(")
        element = self.type()
        self._expect(")")
        return element

    def _attribute(self) -> ObjectAttribute:
        name = self._next().strip('"')
        if not _NAME.fullmatch(name):
            raise self._wrong(f'"{name}" is not the name of an attribute')
        if self._peek() != ":":
            self._expect("=")
        else:
            self._expect(":")
        if self._peek() != "optional":
            return ObjectAttribute(name, self.type())
        self._expect("optional", "(")
        kind = self.type()
        default = self._default(kind) if self._peek() == "," else None
        self._expect(")")
        return ObjectAttribute(name, kind, optional=True, default=default)

    def _default(self, kind: Type) -> object:
        self._expect(",")
        start, depth = self._at, 0
        while self._peek() and (depth or self._peek() != ")"):
            word = self._next()
            depth += (word in _OPENING) - (word in _CLOSING)
        if start == self._at:
            raise self._wrong("a default is missing")
        text = self._text[self._tokens[start].start() : self._tokens[self._at - 1].end()]
        value = read_value(text, otherwise=None)
        if value is None:
            raise self._wrong(f"the default {text} is not a value")
        return as_type(value, kind)

    def _more(self, closing: str) -> bool:
        if self._peek() == ",":
            self._next()
        return self._peek() not in (closing, "")

    def _peek(self) -> str:
        return self._tokens[self._at].group() if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        word = self._peek()
        self._at += 1
        return word

    def _expect(self, *words: str) -> None:
        for word in words:
            if self._peek() != word:
                found = f'"{self._peek()}"' if self._peek() else "the end"
                raise self._wrong(f'"{word}" is expected where {found} is')
            self._at += 1

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"{what} in the type `{self._text}`; types are such as {_EXAMPLES}")


_EXAMPLES = "string, number, bool, any, list(string), map(number), object({ name = string })"
