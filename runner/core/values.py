"""The values of the language: their kinds, their text, and what is said when one is missing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Union

from runner.core.address import BEGINNING, InText, Path, axes_of
from runner.core.budget import Budget, OverBudgetError, current
from runner.core.suggest import closest

Ref = tuple[Union[str, int, "Ref", None], ...]  # None: an index that is computed
Names = Mapping[str, Any]

MASK = "(sensitive)"
DYNAMIC_ENV = (
    "env() takes the name of one variable as it is written there, in quotes: env('NAME'); no "
    "name that stands in a value"
)


HALF = "a text holds half of a character (a lone surrogate), which no file and no request can hold"


class TemplateError(Exception):
    """A hole that cannot be read or filled; the caller knows the file."""

    def __init__(self, message: str, path: Path = (), at: InText = BEGINNING) -> None:
        super().__init__(message)
        self.message, self.path, self.at = message, path, at


class NotKnown(Exception):  # noqa: N818  # not an error: the answer has not come yet
    """Filling needs the answer at `address`, which is not known."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


TRANSCRIPT = "transcript"
"""The attribute of an answer that has the messages of its request as well."""

named_transcripts: ContextVar[frozenset[Ref]] = ContextVar("transcripts", default=frozenset())
"""The transcripts that the hole under way names as they are, so that it is known what it quotes."""


class Parts(list[Any]):
    """The content of a message as a list of parts, as some servers answer: text in a text."""


def text_among(parts: list[Any]) -> str | None:
    """The text in a list of parts, less what is no text (thinking, images); None without any."""
    texts = [
        part["text"]
        for part in parts
        if isinstance(part, dict) and part.get("type", "text") == "text" and "text" in part
    ]
    held = [text for text in texts if isinstance(text, str)]
    return "".join(held) if held else None


def present(value: Any, kept: frozenset[str] = frozenset()) -> Any:
    """A plain value without the keys that are null, which say that nothing is set.

    A JSON Schema may say null itself, and so may the keys `kept`.
    """
    match value:
        case dict():
            return {
                key: inner if key in _SCHEMAS else present(inner, kept)
                for key, inner in value.items()
                if inner is not None or key in kept
            }
        case list():
            return [present(inner, kept) for inner in value]
        case _:
            return value


_SCHEMAS = frozenset(("parameters", "schema"))


def plain(value: Any) -> Any:
    """A value with every lazy mapping and sequence in it made a plain table or list.

    It becomes the tree that it is when it is written, which the rendering under way pays for: a
    list that holds another twice holds two of them.
    """
    if isinstance(value, str | float | bool | None):
        return value
    try:
        return _plain(value, current())
    except OverBudgetError as exc:
        raise TemplateError(str(exc)) from exc


def weigh(value: Any) -> None:
    """TemplateError where a value is larger, as the tree that it is when it is written, than
    what one rendering may make.
    """
    if isinstance(value, list | dict):
        try:
            Budget().weigh(value)
        except OverBudgetError as exc:
            raise TemplateError(str(exc)) from exc


def _plain(value: Any, budget: Budget) -> Any:
    if isinstance(value, str | float | bool | None):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise TemplateError("the expression yields a number of more than 64 bits")
        return value
    if isinstance(value, Mapping):
        budget.spend(8 + 4 * len(value), 100 + 48 * len(value))
        return {str(key): _plain(value[key], budget) for key in value}
    if isinstance(value, Sequence | range):
        budget.items(len(value))
        return [_plain(inner, budget) for inner in value]
    said = getattr(value, "_undefined_message", None)  # of a name that the engine did not find
    raise TemplateError(said or f"the expression yields a {kind_of(value)}, which is not a value")


def kind_of(value: Any) -> str:
    """The word of the configuration language for a value's type."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case Mapping():
            return "map"
        case Sequence() | range():
            return "list"
        case _:
            return type(value).__name__


def is_text(text: str) -> bool:
    """Whether a text is made of whole characters: escapes and foreign bytes can make halves."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_text(value: Any) -> str:
    """A value as part of a text: numbers and true/false as JSON writes them."""
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, Parts) and (text := text_among(value)) is not None:
        return text
    if isinstance(value, int | float):
        try:
            return str(value)
        except ValueError:
            raise TemplateError("a number of more than 4,300 digits is no text") from None
    kind = kind_of(value)
    advice = (
        "say what to write instead, as in {{ .. or 'none' }}"
        if kind == "null"
        else "choose a part of it, or write it with | tojson or | join(', ')"
    )
    raise TemplateError(f"a {kind} cannot be put into text; {advice}")


_INSTANCES = re.compile(r"(^|\.)(completion|data\.\w+)\.\w+$")
_OF_AN_ANSWER = {
    *("choices", "content", "finish_reason", "function_call", "id", "json", "model", "refusal"),
    *("response", "tool_calls", "usage"),
}


def _of_one(value: Any, name: str, owner: str) -> str:
    """Of a block with instances something is asked that one answer has."""
    if isinstance(value, Mapping):
        first = str(next(iter(value), "key"))
        key, each = f'["{first}"]', "[matrix]" if axes_of(first) else "[each.key]"
        every, known = f"{owner}.values()", _listing([str(key) for key in value])
    else:
        key, each, every, known = "[0]", "[count.index]", owner, f" It has {len(value)}."
    return (
        f"{owner} has instances, so {_quote(name)} is asked of one of them: {owner}{key}.{name}, "
        f"in a block with the same instances {owner}{each}.{name}, of all "
        f"{every} | map(attribute='{name}') | list.{known}"
    )


def no_such(value: Any, name: object, owner: str = "") -> str:
    """Why `value` has no `name`, with the closest one."""
    held = owner or f"this {kind_of(value)}"
    if _INSTANCES.search(owner) and str(name) in _OF_AN_ANSWER:
        return _of_one(value, str(name), owner)
    if isinstance(value, Mapping):
        known = [str(key) for key in value]
        near = closest(str(name), known)
        hint = f" Did you mean {_quote(near)}?" if near else _listing(known)
        return f"{held} has no {_quote(str(name))}.{hint}"
    if isinstance(value, Sequence) and not isinstance(value, str) and isinstance(name, int):
        return f"{held} has {len(value)} items, so there is no [{name}]"
    if not owner:
        return f"{'' if value is None else 'a '}{kind_of(value)} has no {_quote(str(name))}"
    return f"{held} is a {kind_of(value)}; it has no {_quote(str(name))}"


def written(ref: Ref) -> str:
    """A reference as it is written."""
    text = ""
    for part in ref:
        if isinstance(part, tuple):
            text += f"[{written(part)}]"
        elif isinstance(part, int):
            text += f"[{part}]"
        elif part is None:
            text += "[..]"
        elif part.isidentifier():
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def _quote(name: str) -> str:
    return f'"{name}"'


def _listing(known: list[str]) -> str:
    if not known:
        return " It is empty."
    return " It has " + ", ".join(known[:8]) + (", .." if len(known) > 8 else "") + "."


def texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in a value, and where it stands."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from texts(inner, (*path, key))
