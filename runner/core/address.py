"""Names of things: `module.essay["x"].completion.draft[0]`."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from json import JSONEncoder, loads
from typing import NamedTuple

from msgspec import Struct

Key = str | int
Path = tuple[Key, ...]
"""From a table to a value in it."""


class InText(NamedTuple):
    """A part of a text that is a value: its line, from 0, and from where to where it goes; None for
    all of the line.
    """

    line: int = 0
    span: tuple[int, int] | None = None


BEGINNING = InText()

_STEP = re.compile(
    r"(?:(?P<kind>module|completion)\.(?P<name>[A-Za-z_]\w*)"
    r"|data\.(?P<type>[A-Za-z_]\w*)\.(?P<data>[A-Za-z_]\w*)"
    r"|(?P<verdict>check\.(?P<check>[A-Za-z_]\w*)\.judge))"
    r"(?P<key>\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\])?(?:\.|\Z)"
)
_quoted = JSONEncoder(ensure_ascii=False).encode  # made once: `dumps` makes one for each call
_DIGITS = re.compile(r"(\d+)")
_AXIS = r"[A-Za-z_]\w*"
_CELL = re.compile(rf"({_AXIS})=((?:[^\\,=]|\\[\\,=])*)(?:,(?!\Z)|\Z)")
_VALUE = r'(?:"(?:[^"\\]|\\.)*"|(?:[^\\,\]"]|\\.)*)'
_WANTED = rf"({_AXIS})=({_VALUE})(?:,|\Z)"
_QUOTED_KEY = r'\["(?:[^"\\]|\\.)*"\]'
_SELECTOR = rf"{_QUOTED_KEY}|\[(?P<wanted>{_AXIS}={_VALUE}(?:,{_AXIS}={_VALUE})*)\]"
_ESCAPED = re.compile(r"([\\,=])")
_KINDS = ("completion.", "module.", "data.", "check.")
_QUOTES = r'[\]"*?\s]'
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def each_target(text: str) -> tuple[str, str | None]:
    """The block that `completion.review[each.key]` is about, and which of each.key and each.value
    names the instance; the text itself and None where it names one by itself.
    """
    named = re.search(_EACH_KEY, text)
    return (text, None) if named is None else (text[: named.start()], named[1])


_EACH_KEY = r"\[each\.(key|value)\]\Z"


def with_key(block: str, key: Key | None) -> str:
    """The address of one instance of a block: no key, an index, or a string key."""
    if key is None:
        return block
    if isinstance(key, int):
        return f"{block}[{key}]"
    return f"{block}[{_quoted(key)}]"


def on_axis(axis: str, key: str) -> str:
    """One axis in the key of a matrix's instance: `model=gpt-4o`."""
    escaped = _ESCAPED.sub(r"\\\1", key)
    return f"{axis}={escaped}"


def axes_of(key: Key | None) -> dict[str, str]:
    """The axes of a matrix's instance by its key, and the key on each; none of any other key."""
    if not isinstance(key, str):
        return {}
    found: dict[str, str] = {}
    at = 0
    while at < len(key):
        step = _CELL.match(key, at)
        if step is None:
            return {}
        found[step[1]] = _ESCAPE.sub(r"\1", step[2])
        at = step.end()
    return found


def split_key(address: str) -> tuple[str, Key | None]:
    """An address as its block's address and its own key; ValueError if it is none."""
    if not address.endswith("]"):
        return address, None
    at = 0
    last: re.Match[str] | None = None
    while at < len(address):
        last = _STEP.match(address, at)
        if last is None:
            raise ValueError(f"{address!r} is not an address")
        at = last.end()
    if last is None or last["key"] is None:
        raise ValueError(f"{address!r} is not an address")
    return address[: last.start("key")], loads(last["key"][1:-1])


def is_address(text: str) -> bool:
    """Whether text names a completion, a data source, a module or a judge, or an instance."""
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None or (step.end() == len(text) and text.endswith(".")):
            return False
        at = step.end()
    return at > 0


def is_pattern(text: str) -> bool:
    """Whether text can name addresses, and is spelled as no revision of git and hardly any file."""
    return text.startswith(_KINDS) or any(wild in text for wild in "*?[")


def blocks_of(address: str) -> tuple[tuple[str, str], ...]:
    """The blocks that an address leads through, kind and name each; ValueError if it is none.

    `module.essay["x"].completion.draft` is (("module", "essay"), ("completion", "draft")); a data
    source's name is TYPE.NAME, and that of a check's judge NAME.judge.
    """
    found = []
    at = 0
    while at < len(address):
        step = _STEP.match(address, at)
        if step is None:
            raise ValueError(f"{address!r} is not an address")
        found.append(_block(step))
        at = step.end()
    return tuple(found)


def _block(step: re.Match[str]) -> tuple[str, str]:
    if step["verdict"] is not None:
        return "check", f"{step['check']}.judge"
    return step["kind"] or "data", step["name"] or f"{step['type']}.{step['data']}"


def is_verdict(address: str) -> bool:
    """Whether a judge's verdict is recorded there: `check.polite.judge["q1"]`."""
    if "check." not in address:
        return False
    at = 0
    while (step := _STEP.match(address, at)) is not None:
        if step["verdict"] is not None:
            return True
        at = step.end()
    return False


def is_data(address: str) -> bool:
    """Whether a data source is recorded there."""
    return data_source(address) is not None


def data_source(address: str) -> str | None:
    """TYPE.NAME of the data source that is recorded there; None of anything else."""
    if "data." not in address:
        return None
    try:
        kind, name = blocks_of(address)[-1]
    except ValueError:  # no address of this version
        return None
    return name if kind == "data" else None


def module_of(address: str) -> str:
    """The module instance that an address stands in, with its dot: "" for the root module."""
    end = at = 0
    while (step := _STEP.match(address, at)) is not None and step.end() < len(address):
        if step["kind"] != "module":
            break
        end = at = step.end()
    return address[:end]


def around(address: str) -> Iterator[str]:
    """Every block that an address is `inside` of, the outermost first."""
    at = 0
    while (step := _STEP.match(address, at)) is not None:
        at = step.end()
        if step["key"] is not None:
            yield address[: step.start("key")]
        if at < len(address):
            yield address[: at - 1]


def inside(block: str, address: str) -> bool:
    """Whether an address is an instance of this block, or of a block in this module."""
    return address.startswith((f"{block}[", f"{block}."))


def covers(block: str, address: str) -> bool:
    """Whether an address is this block, or inside of it."""
    return address == block or inside(block, address)


def selects(pattern: str, address: str) -> bool:
    """Whether a --target names this address: itself, its block, a module around it, a glob, or a
    selector of instances of a matrix: `completion.answer[model=gpt-4o]`.
    """
    if covers(pattern, address):
        return True
    if "=" in pattern and (selector := selector_of(pattern)) is not None:
        return selector.selects(address)
    # A bracket is part of addresses, so only * and ? are wild.
    return _is_glob(pattern) and fnmatchcase(address, pattern.replace("[", "[[]"))


class Selector(Struct, frozen=True):
    """`completion.answer[model=gpt-4o,case=q1]`: `shape` finds the keys of the instances that may
    be meant, and `wanted` what each has to be on its axes.
    """

    shape: re.Pattern[str]
    wanted: tuple[Mapping[str, str], ...]

    def selects(self, address: str) -> bool:
        """Whether an address is, or is inside of, an instance with these values."""
        keys = [*self.among(address)]
        return bool(keys) and all(
            axis in axes and _is_meant(value, axes[axis])
            for wanted, axes in keys
            for axis, value in wanted.items()
        )

    def among(self, address: str) -> Iterator[tuple[Mapping[str, str], dict[str, str]]]:
        """What is wanted, and the axes of the instance that it is asked of; nothing of an address
        that stands elsewhere.
        """
        found = self.shape.match(address)
        for wanted, key in zip(self.wanted, found.groups() if found else (), strict=False):
            yield wanted, axes_of(loads(key))


@lru_cache(maxsize=256)
def selector_of(pattern: str) -> Selector | None:
    """A pattern with `[axis=value]` in it; None for any other. A value stands there as in an
    address, or in quotes; `*` and `?` are wild.
    """
    shape, wanted, at = "", [], 0
    for part in re.finditer(_SELECTOR, pattern):
        if part["wanted"] is not None:
            shape += _shape(pattern[at : part.start()]) + r'\[("(?:[^"\\]|\\.)*")\]'
            wanted.append({axis: _unquoted(value) for axis, value in _pairs(part["wanted"])})
            at = part.end()
    if not wanted:
        return None
    return Selector(re.compile(rf"{shape}{_shape(pattern[at:])}(?:[.\[].*)?\Z"), tuple(wanted))


def selecting(axis: str, key: str) -> str:
    """What stands in a selector for a key on an axis."""
    return f"{axis}={_quoted(key)}" if re.search(_QUOTES, key) else on_axis(axis, key)


def why_none(pattern: str, addresses: Collection[str]) -> str:
    """What a selector that selects none of the addresses asks too much; empty for what is none, or
    where nobody knows.
    """
    selector = selector_of(pattern) if "=" in pattern else None
    if selector is None:
        bare = pattern.replace('["', "[").replace('"]', "]")
        meant = "=" in pattern and any(selects(bare, address) for address in addresses)
        return f"Some of its axes are selected without quotes: {bare}." if meant else ""
    asked = {axis: value for wanted in selector.wanted for axis, value in wanted.items()}
    there: dict[str, dict[str, None]] = {}
    for address in addresses:
        for _, axes in selector.among(address):
            for axis, key in axes.items():
                there.setdefault(axis, {})[key] = None
    for axis, value in asked.items():
        if there and axis not in there:
            return f'There is no axis "{axis}": there are {", ".join(there)}.'
        if there and not any(_is_meant(value, key) for key in there[axis]):
            return f'On the axis {axis} there is no "{value}": {first_few([*there[axis]], 8)}.'
    return "No instance has all of it." if there else "No block of that name has a matrix."


def _pairs(wanted: str) -> Iterator[tuple[str, str]]:
    return ((found[1], found[2]) for found in re.finditer(_WANTED, wanted))


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return _ESCAPE.sub(r"\1", value)
    try:
        return str(loads(value))
    except ValueError:
        return value


def _is_meant(value: str, key: str) -> bool:
    return value == key or (_is_glob(value) and fnmatchcase(key, value.replace("[", "[[]")))


def _is_glob(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def _shape(text: str) -> str:
    """A regular expression of a part of a pattern."""
    return re.escape(text).replace(r"\*", ".*?").replace(r"\?", ".")


def natural(address: str) -> tuple[list[str], list[int]]:
    """A sort key by which sample[2] comes before sample[10]."""
    parts = _DIGITS.split(address)
    return parts[::2], list(map(int, parts[1::2]))


def first_few(addresses: Sequence[str], most: int) -> str:
    """`a, b and 3 more`: so many of a list as a sentence has room for."""
    more = f" and {len(addresses) - most} more" if len(addresses) > most else ""
    return ", ".join(addresses[:most]) + more


def in_order(addresses: Iterable[str]) -> list[str]:
    """Addresses in the order in which people count."""
    return sorted(addresses, key=natural)
