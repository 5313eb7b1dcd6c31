"""What changed between two requests, path by path."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runner.core.address import Path
from runner.core.canonical import dotted
from runner.errors import counted

if TYPE_CHECKING:
    from difflib import SequenceMatcher

_WORD = re.compile(r"\w+|\W")
_LONGEST = 2_000  # characters that are compared word by word


class Missing:
    """In place of a value that is not there: not null, not false, not empty."""

    def __repr__(self) -> str:
        return "(absent)"

    def __reduce__(self) -> str:
        return "ABSENT"  # a copy is the one that there is


ABSENT = Missing()


class Change(Struct, frozen=True):
    """One path whose value differs; ABSENT on the side where it is not."""

    path: Path
    old: Any
    new: Any

    @property
    def name(self) -> str:
        """The path as people write it."""
        return dotted(self.path)


def changes_of(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """The changes_of, deepest paths first where both sides have a table or a list."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from changes_of(old.get(key, ABSENT), new.get(key, ABSENT), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else ABSENT
            after = new[index] if index < len(new) else ABSENT
            yield from changes_of(before, after, (*path, index))
    elif type(old) is not type(new) or old != new:
        yield Change(path, old, new)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is neither a table nor a list, with its path; empty ones too."""
    if isinstance(value, Mapping) and value:
        for key in value:
            yield from leaves(value[key], (*path, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def lines_of(text: str) -> list[str]:
    """The lines of a text. Only a line feed ends one: what others take for an end (a carriage
    return, U+0085, U+2028, ..) is part of it, and is seen there.
    """
    return text.removesuffix("\n").split("\n") if text else []


def line_diff(old: str, new: str, around: int = 2) -> Iterator[str]:
    """Two texts as lines that begin with "- ", "+ " or two spaces; far unchanged ones counted."""
    before, after = lines_of(old), lines_of(new)
    if before == after:
        before, after = [repr(old)], [repr(new)]
    matcher = _matcher(before, after)
    for group in _groups(matcher.get_opcodes(), around):
        if isinstance(group, int):
            yield f"  # ({counted(group, 'unchanged line')} hidden)"
            continue
        tag, i1, i2, j1, j2 = group
        if tag == "equal":
            yield from (f"  {line}" for line in before[i1:i2])
        else:
            yield from _replaced(before[i1:i2], after[j1:j2])


def word_changes(old: str, new: str) -> tuple[tuple[str, str], ...]:
    """The words that went and those that came in their place: equal for texts that differ in the
    same words, whatever stands around them.
    """
    before, after = _unlike(lines_of(old), lines_of(new))
    if len(before) + len(after) > _LONGEST:
        return ((before, after),)
    went, came = _WORD.findall(before), _WORD.findall(after)
    matcher = _matcher(went, came)
    return tuple(
        ("".join(went[i1:i2]), "".join(came[j1:j2]))
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    )


def _matcher(before: Sequence[str], after: Sequence[str]) -> "SequenceMatcher[str]":
    from difflib import SequenceMatcher  # noqa: PLC0415  # only where something changed

    return SequenceMatcher(None, before, after, autojunk=False)


def _unlike(before: Sequence[str], after: Sequence[str]) -> tuple[str, str]:
    """The lines between what both have at their beginning and at their end."""
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    most = shorter - head
    tail = next((i for i in range(most) if before[-1 - i] != after[-1 - i]), most)
    return "\n".join(before[head : len(before) - tail]), "\n".join(after[head : len(after) - tail])


def _replaced(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Lines that differ in nothing but the white space at their ends are shown with quotes."""
    for mark, lines, others in (("-", before, after), ("+", after, before)):
        same = set(others)
        alike = {line.rstrip() for line in others}
        for line in lines:
            is_blank_apart = line not in same and line.rstrip() in alike
            yield f"{mark} {repr(line) if is_blank_apart else line}"


Opcode = tuple[str, int, int, int, int]


def _groups(opcodes: Sequence[Opcode], around: int) -> Iterator[Opcode | int]:
    for position, (tag, i1, i2, j1, j2) in enumerate(opcodes):
        if tag != "equal" or i2 - i1 <= 2 * around + 1:
            yield tag, i1, i2, j1, j2
            continue
        head = 0 if position == 0 else around
        tail = 0 if position == len(opcodes) - 1 else around
        if head:
            yield tag, i1, i1 + head, j1, j1 + head
        yield i2 - i1 - head - tail
        if tail:
            yield tag, i2 - tail, i2, j2 - tail, j2
