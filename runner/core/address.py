"""Names of things: `module.essay["x"].completion.draft[0]`."""

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from json import JSONEncoder, loads
from typing import NamedTuple

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
    r"|data\.(?P<type>[A-Za-z_]\w*)\.(?P<data>[A-Za-z_]\w*))"
    r"(?P<key>\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\])?(?:\.|\Z)"
)
_quoted = JSONEncoder(ensure_ascii=False).encode  # made once: `dumps` makes one for each call
_DIGITS = re.compile(r"(\d+)")


def with_key(block: str, key: Key | None) -> str:
    """The address of one instance of a block: no key, an index, or a string key."""
    if key is None:
        return block
    if isinstance(key, int):
        return f"{block}[{key}]"
    return f"{block}[{_quoted(key)}]"


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
    """Whether text names a completion, a data source or a module, or an instance of one."""
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None or (step.end() == len(text) and text.endswith(".")):
            return False
        at = step.end()
    return at > 0


def blocks_of(address: str) -> tuple[tuple[str, str], ...]:
    """The blocks that an address leads through, kind and name each; ValueError if it is none.

    `module.essay["x"].completion.draft` is (("module", "essay"), ("completion", "draft")); a data
    source's name is TYPE.NAME.
    """
    found = []
    at = 0
    while at < len(address):
        step = _STEP.match(address, at)
        if step is None:
            raise ValueError(f"{address!r} is not an address")
        kind = step["kind"] or "data"
        found.append((kind, step["name"] or f"{step['type']}.{step['data']}"))
        at = step.end()
    return tuple(found)


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
    """Whether a --target names this address: itself, its block, a module around it, or a glob."""
    if covers(pattern, address):
        return True
    # A bracket is part of addresses, so only * and ? are wild.
    return ("*" in pattern or "?" in pattern) and fnmatchcase(address, pattern.replace("[", "[[]"))


def natural(address: str) -> tuple[list[str], list[int]]:
    """A sort key by which sample[2] comes before sample[10]."""
    parts = _DIGITS.split(address)
    return parts[::2], [int(number) for number in parts[1::2]]


def first_few(addresses: Sequence[str], most: int) -> str:
    """`a, b and 3 more`: so many of a list as a sentence has room for."""
    more = f" and {len(addresses) - most} more" if len(addresses) > most else ""
    return ", ".join(addresses[:most]) + more


def in_order(addresses: Iterable[str]) -> list[str]:
    """Addresses in the order in which people count."""
    return sorted(addresses, key=natural)
