"""What operators and methods cost at most, charged before they are done."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from math import prod
from typing import Any

from runner.core.budget import Budget, size_of

_MOST_BITS = 100_000
_DIGITS = re.compile(r"\d+")
_SCALARS = frozenset((bool, float, int, str, type(None)))
_SPACES = (*map(chr, (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, 0x2028, 0x2029)), "\u3000")


class RefusedError(Exception):
    """What expressions may not do, whatever is left to spend."""


# -- operators


def binary(budget: Budget, operator: str, left: Any, right: Any) -> None:
    """Charge `left operator right`."""
    if isinstance(left, str) and operator == "%":
        percent(budget, left, right)
    elif isinstance(left, int) and isinstance(right, int):
        _whole(budget, operator, left, right)
    elif operator == "+" and isinstance(left, str) and isinstance(right, str):
        budget.text(size_of(left) + size_of(right))
    elif operator == "+" and isinstance(left, list | tuple) and isinstance(right, list | tuple):
        budget.items(len(left) + len(right))
    elif operator == "*":
        for held, times in ((left, right), (right, left)):
            if isinstance(times, int) and isinstance(held, str):
                budget.text(size_of(held), max(times, 0))
            elif isinstance(times, int) and isinstance(held, list | tuple):
                budget.items(len(held) * max(times, 0))


def _whole(budget: Budget, operator: str, left: int, right: int) -> None:
    bits = left.bit_length(), right.bit_length()
    if operator == "**":
        made = bits[0] * max(right, 0) if bits[0] > 1 else 1
    else:
        made = sum(bits) if operator == "*" else max(bits)
    if made > _MOST_BITS:
        said = "power" if operator == "**" else "result"
        raise RefusedError(f"this {said} is too large a number")
    if made > 64:  # a word of the machine
        budget.spend((made * made if operator == "**" else prod(bits)) >> 16, made >> 3)


def number(value: Any) -> Any:
    """A number that is small enough to go on with; RefusedError if it is not."""
    if type(value) is int and value.bit_length() > _MOST_BITS:
        raise RefusedError("this is too large a number")
    return value


def compare(budget: Budget, operator: str, left: Any, right: Any) -> Any:
    """Charge a comparison; what stands on its right side, each item of it charged if it is an
    iterator.
    """
    if operator in ("in", "notin"):
        return contain(budget, left, right)
    if type(left) in _SCALARS or type(right) in _SCALARS:
        if isinstance(left, str) and isinstance(right, str):
            budget.spend(min(len(left), len(right)) >> 9)
        return right
    budget.weigh(left)
    budget.weigh(right)
    return right


def contain(budget: Budget, item: Any, held: Any) -> Any:
    """Charge looking for an item in what holds it."""
    if isinstance(held, str):
        _search(budget, held, item)
        return held
    each = 1 + (len(item) >> 9) if isinstance(item, str) else 1
    if type(item) not in _SCALARS and not isinstance(item, str):
        each += budget.weigh(item) >> 3
    if isinstance(held, Mapping):
        return held
    if isinstance(held, Collection):
        budget.spend(len(held) * each)
        return held
    return budget.counted(held, each) if hasattr(held, "__next__") else held


def cut(budget: Budget, value: Any, part: slice) -> Any:
    """A slice of a value, charged."""
    if isinstance(value, str | list | tuple):
        count = len(range(*part.indices(len(value))))
        if isinstance(value, str):
            budget.text(count * (1 if value.isascii() else 4))
        else:
            budget.items(count)
    return value[part]


# -- texts


def _search(budget: Budget, text: str, part: Any) -> None:
    length = len(part) if isinstance(part, str) else 1
    budget.spend(len(text) * min(max(length, 1), 64) >> 9)


def _search_back(budget: Budget, text: str, part: Any) -> None:
    length = len(part) if isinstance(part, str) else 1
    budget.spend(len(text) * max(length, 1) >> 6)


def size_written(budget: Budget, value: Any) -> int:
    """Charge the steps of a value's text; its bytes at most."""
    if isinstance(value, str):
        return size_of(value)
    if type(value) in _SCALARS:
        return size_of(value) * 3
    return budget.weigh(value) * 4


def percent(budget: Budget, text: str, given: Any) -> None:
    """Charge `text % given`: widths and precisions in the text, or given for a star."""
    holes = text.count("%")
    budget.spend(40 + 6 * holes)
    numbers = [int(digits[:12]) for digits in _DIGITS.findall(text)]
    values = given.values() if isinstance(given, Mapping) else given
    values = values if isinstance(values, Collection) and not isinstance(values, str) else (values,)
    if "*" in text:
        numbers += [abs(value) for value in values if isinstance(value, int)]
    largest = max((size_written(budget, value) for value in values), default=0)
    if isinstance(given, Mapping):
        largest = max(largest, size_written(budget, given))
    budget.text(size_of(text) + holes * (4 * max(numbers, default=0) + largest))


def field_text(budget: Budget, value: Any, spec: str) -> None:
    """Charge one field of str.format."""
    numbers = [int(digits[:12]) for digits in _DIGITS.findall(spec)]
    budget.spend(40)
    budget.text(4 * sum(numbers) + size_written(budget, value) + size_of(spec))


def pieces(budget: Budget, text: str, count: int) -> None:
    """Charge a text cut into so many pieces."""
    budget.spend(20 + count + (len(text) >> 6), size_of(text) + 72 * count)


def charge_words(budget: Budget, text: str) -> None:
    """Charge a text cut into words."""
    pieces(budget, text, 1 + sum(map(text.count, _SPACES)))


def charge_replaced(budget: Budget, text: str, old: str, new: str, count: int = -1) -> None:
    """Charge a text with something in it replaced."""
    _search(budget, text, old)
    times = text.count(old)
    times = times if count < 0 else min(times, count)
    wide = max(size_of(new), len(new) * (1 if text.isascii() else 4))
    budget.text(size_of(text) + times * wide)


def charge_joined(budget: Budget, by: str, texts: Sequence[str]) -> str:
    """Texts as one, charged."""
    between = len(by) * max(len(texts) - 1, 0)
    try:
        length = sum(map(len, texts)) + between
    except TypeError:
        return by.join(texts)  # which says what is no text
    wide = 1 if by.isascii() and all(map(str.isascii, texts)) else 4
    budget.spend(len(texts), 0)
    budget.text(length * wide * (1 if type(by) is str else 6))
    return by.join(texts)


def _copied(budget: Budget, text: str, *_: Any) -> None:
    budget.text(size_of(text) * (1 if text.isascii() else 2))


def _stripped(budget: Budget, text: str, characters: Any = None) -> None:
    budget.text(size_of(text))
    if isinstance(characters, str):
        budget.spend(len(text) * len(characters) >> 6)


def padded(budget: Budget, text: str, width: Any = 0, *_: Any) -> None:
    """Charge a text padded to a width."""
    wide = width if isinstance(width, int) else 0
    budget.text(size_of(text) + 4 * max(wide - len(text), 0))


def _expanded(budget: Budget, text: str, tabsize: Any = 8) -> None:
    wide = tabsize if isinstance(tabsize, int) else 0
    budget.text(size_of(text) + text.count("\t") * max(wide, 0) * (1 if text.isascii() else 4))


def _replaced(budget: Budget, text: str, old: Any = "", new: Any = "", count: Any = -1) -> None:
    if isinstance(old, str) and isinstance(new, str) and isinstance(count, int):
        charge_replaced(budget, text, old, new, count)


def _split(budget: Budget, text: str, sep: Any = None, maxsplit: Any = -1) -> None:
    if isinstance(sep, str) and sep:
        _search(budget, text, sep)
        count = text.count(sep)
        most = maxsplit if isinstance(maxsplit, int) and maxsplit >= 0 else count
        pieces(budget, text, 1 + min(count, most))
    else:
        charge_words(budget, text)


def _split_back(budget: Budget, text: str, sep: Any = None, maxsplit: Any = -1) -> None:
    _search_back(budget, text, sep)
    _split(budget, text, sep, maxsplit)


def _lines(budget: Budget, text: str, *_: Any, **__: Any) -> None:
    charge_words(budget, text)


def _parted(budget: Budget, text: str, sep: Any = "") -> None:
    _search_back(budget, text, sep)
    budget.text(size_of(text))


def _looked(budget: Budget, text: str, *_: Any) -> None:
    budget.spend(len(text) >> 4)


def _begins(budget: Budget, text: str, part: Any = "", *_: Any) -> None:
    parts = part if isinstance(part, tuple) else (part,)
    budget.spend(sum(1 + (min(len(text), len(each)) >> 9) for each in parts if _is_text(each)))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


# -- methods

_Guard = Callable[..., None]

_TEXT_METHODS: dict[str, _Guard] = {
    **dict.fromkeys(("capitalize", "casefold", "lower", "swapcase", "title", "upper"), _copied),
    **dict.fromkeys(("lstrip", "rstrip", "strip"), _stripped),
    **dict.fromkeys(("removeprefix", "removesuffix"), _copied),
    **dict.fromkeys(("center", "ljust", "rjust", "zfill"), padded),
    **dict.fromkeys(("startswith", "endswith"), _begins),
    **dict.fromkeys(
        ("find", "index", "count"), lambda b, text, part="", *_: _search(b, text, part)
    ),
    **dict.fromkeys(("rfind", "rindex"), lambda b, text, part="", *_: _search_back(b, text, part)),
    **dict.fromkeys(("partition", "rpartition"), _parted),
    **dict.fromkeys(
        (
            *("isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower"),
            *("isnumeric", "isprintable", "isspace", "istitle", "isupper"),
        ),
        _looked,
    ),
    "expandtabs": _expanded,
    "replace": _replaced,
    "split": _split,
    "rsplit": _split_back,
    "splitlines": _lines,
}


def _free(*_: Any, **__: Any) -> None:
    """A cost that is the same whatever the value is."""


def _key(budget: Budget, _: Any, key: Any = None, *__: Any) -> None:
    keyed(budget, key)


def _all_items(budget: Budget, value: Any, *_: Any) -> None:
    budget.items(len(value), 2)
    budget.spend(0, 100 * len(value))


def _item(budget: Budget, held: Any, item: Any = None, *_: Any) -> None:
    contain(budget, item, held)


_LIST_METHODS: dict[str, _Guard] = {"count": _item, "index": _item, "copy": _all_items}
_TABLE_METHODS: dict[str, _Guard] = {
    **dict.fromkeys(("items", "keys", "values"), _free),
    "copy": _all_items,
    "get": _key,
}
_NUMBER_METHODS: dict[str, _Guard] = dict.fromkeys(
    ("as_integer_ratio", "bit_count", "bit_length", "conjugate", "hex", "is_integer"), _free
)
_DATE_METHODS: dict[str, _Guard] = dict.fromkeys(
    ("date", "isocalendar", "isoformat", "isoweekday", "time", "toordinal", "weekday"), _free
)
_NO_BYTES = "prompts are text, and there is nothing for bytes"
_INSTEAD = {
    **dict.fromkeys(("maketrans", "translate"), "write {{ text | replace('a', 'b') }}"),
    **dict.fromkeys(("encode", "to_bytes"), _NO_BYTES),
}
METHODS = tuple({**_TEXT_METHODS, **_LIST_METHODS, **_TABLE_METHODS, **_NUMBER_METHODS})
"""The methods that expressions may call, of all kinds of values."""


def keyed(budget: Budget, key: Any) -> Any:
    """A key, what its hash costs charged."""
    if type(key) is tuple:
        budget.weigh(key)
    return key


def method(budget: Budget, owner: Any, name: str, given: tuple[Any, ...], named: Any) -> None:
    """Charge a method of a value; RefusedError where expressions do not have it."""
    guard = _methods(owner).get(name)
    if guard is None:
        raise refused_call(name)
    try:
        guard(budget, owner, *given, **named)
    except TypeError as exc:
        raise RefusedError(f"{name}() does not take these arguments") from exc


def refused_call(name: str) -> RefusedError:
    """The error of a call that expressions do not have, with what to write instead, if anything."""
    said = f"{name}() is no method that an expression may call"
    return RefusedError(f"{said}; {_INSTEAD[name]}" if name in _INSTEAD else said)


def _methods(owner: Any) -> Mapping[str, _Guard]:
    match owner:
        case str():
            return _TEXT_METHODS
        case Mapping():
            return _TABLE_METHODS
        case Sequence() if not isinstance(owner, bytes):
            return _LIST_METHODS
        case int() | float() | complex():
            return _NUMBER_METHODS
        case type() | bytes():
            return {}
        case _:
            return _DATE_METHODS
