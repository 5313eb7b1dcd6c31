"""What changed in a request."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from runner.cli.streams import on_one_line
from runner.cli.views.page import Page
from runner.cli.views.requests import BESIDE_OTHERS, TOOL_KEYS, brief, header_names
from runner.cli.views.word_lines import word_lines
from runner.core.canonical import digest
from runner.core.plan.conversation import (
    Turn,
    described,
    named_tools,
    same_messages,
    turn_of,
    turns_of,
)
from runner.core.plan.diff import ABSENT, Change, changes_of, line_diff, lines_of
from runner.core.plan.words import Asked
from runner.core.viewing.words import text_diff

_INDENT = 6  # columns before what stands below an address
_DIFF, _HEAD = 40, 30  # lines of the difference of one text, and those shown of a longer one
_AROUND = 60  # characters of a very long line to each side of what changed in it
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{200,}")


def changed_parameters(page: Page, made: Asked) -> list[str]:
    """What changed and is short, each as name, old and new value; then the headers that go out."""
    changed = (
        f"{on_one_line(change.name)} {_old_and_new(page, change)}"
        for change in _besides_messages(page, made)
        if not _is_long(change)
    )
    return [*changed, *header_names(made)]


def changed_request(page: Page, made: Asked) -> Iterator[str]:
    """The lines of what changed and is long: tools, texts, messages."""
    for change in _besides_messages(page, made):
        if _is_long(change):
            yield from _text_change(page, change, _INDENT)
    for key in TOOL_KEYS:
        yield from _changed_tools(page, key, made)
    yield from _changed_messages(page, made)


def _besides_messages(page: Page, made: Asked) -> Iterator[Change]:
    old = made.old or {}
    left_out = {key for key in TOOL_KEYS if _both_named(key, made)}
    if _both_lists(made):
        left_out.add("messages")
    first = [
        change if page.full else Change(change.path, _who(change.old), _who(change.new))
        for change in made.besides
        if change.path == ("provider",)
    ]
    last = [change for change in made.besides if change.path != ("provider",)]
    yield from first
    yield from changes_of(
        {key: value for key, value in old.items() if key not in left_out},
        {key: value for key, value in made.new.items() if key not in left_out},
    )
    yield from last


def _who(identity: str) -> str:
    """A provider's identity, with as much of the digest of its model as tells it from others."""
    kind, _, which = identity.partition(" ")
    return f"{kind} {which[:12]}" if _DIGEST.fullmatch(which) else identity


_DIGEST = re.compile("[0-9a-f]{64}")


def _both_lists(made: Asked) -> bool:
    return all(isinstance((body or {}).get("messages"), list) for body in (made.old, made.new))


def _both_named(key: str, made: Asked) -> bool:
    bodies = (made.old or {}, made.new)
    return any(key in body for body in bodies) and all(
        named_tools(body.get(key, [])) is not None for body in bodies
    )


def _is_long(change: Change) -> bool:
    return any(
        value is not ABSENT and len(brief(_seen(value))) > BESIDE_OTHERS
        for value in (change.old, change.new)
    )


def _seen(value: Any) -> Any:
    """Files that a value carries in itself, as nobody reads them: by type, size and digest."""
    if not isinstance(value, str) or len(value) < 200:
        return value
    told = described(value)
    return told if told != value else _BASE64.sub(_abridged, value)


def _abridged(data: re.Match[str]) -> str:
    return f"{data[0][:24]}.. ({len(data[0])} characters, sha256 {digest(data[0].encode())[:12]})"


def _text_change(page: Page, change: Change, indent: int) -> Iterator[str]:
    """A value that changed, under its name."""
    name, old, new = on_one_line(change.name), _seen(change.old), _seen(change.new)
    space = " " * indent
    if isinstance(old, str) and isinstance(new, str):
        yield f"{space}{name}:"
        yield from _diff(page, old, new, indent + 2)
        return
    yield f"{space}{name}:"
    for mark, value, colour in (("-", old, "red"), ("+", new, "green")):
        if value is ABSENT:
            continue
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        for line in page.text(text, indent + 4):
            yield f"{space}  {page.style(f'{mark} {line}', colour)}"


def _diff(page: Page, old: str, new: str, indent: int) -> Iterator[str]:
    """Two texts as a line diff, or as one of their words."""
    if page.in_words:
        yield from word_lines(page, text_diff(old, new), indent)
        return
    space, room = " " * indent, page.width - indent - 2
    if not page.full:
        old, new = _near(old, new, room)
    lines = [
        (whole[:2], piece)
        for whole in line_diff(old, new)
        for piece in page.text(whole[2:], indent + 2)
    ]
    hidden = 0
    if len(lines) > _DIFF and not page.full:
        hidden, lines = len(lines) - _HEAD, lines[:_HEAD]
    for mark, line in lines:
        colour = {"- ": "red", "+ ": "green"}.get(mark)
        whole = f"{mark}{line}".rstrip(" ")
        yield f"{space}{page.style(whole, colour) if colour else whole}".rstrip(" ")
    if hidden:
        page.is_cut = True
        yield f"{space}{page.grey(f'  .. ({hidden:,} more lines)')}"


def _near(old: str, new: str, room: int) -> tuple[str, str]:
    """Where one long line takes the place of another, what is near the difference of the two."""
    before, after = lines_of(old), lines_of(new)
    if len(before) != len(after):
        return old, new
    pairs = [
        _window(one, other) if one != other and len(one) + len(other) > 8 * room else (one, other)
        for one, other in zip(before, after, strict=True)
    ]
    if pairs == list(zip(before, after, strict=True)):
        return old, new
    return "\n".join(one for one, _ in pairs), "\n".join(other for _, other in pairs)


def _window(one: str, other: str) -> tuple[str, str]:
    most = min(len(one), len(other))
    head = next((i for i in range(most) if one[i] != other[i]), most)
    tail = next((i for i in range(most - head) if one[-1 - i] != other[-1 - i]), most - head)
    start = max(one.rfind(" ", 0, max(head - _AROUND, 0)) + 1, head - 2 * _AROUND, 0)
    end = max(tail - _AROUND, 0)
    dots = ".. " if start else ""
    return tuple(  # type: ignore[return-value]  # of two
        f"{dots}{text[start : len(text) - end]}{' ..' if end else ''}" for text in (one, other)
    )


def _old_and_new(page: Page, change: Change) -> str:
    """Both values on one line; neither with quotes, or both."""
    old, new = _seen(change.old), _seen(change.new)
    one, other = brief(old), brief(new)
    texts = [value for value in (old, new) if isinstance(value, str)]
    if any(brief(text) != text for text in texts):
        one, other = (
            on_one_line(orjson.dumps(value).decode()) if isinstance(value, str) else brief(value)
            for value in (old, new)
        )
    return f"{one} {page.style('->', 'yellow')} {other}"


def _changed_tools(page: Page, key: str, made: Asked) -> Iterator[str]:
    """Tools by their names: which came, which went, and what changed in the others."""
    if not _both_named(key, made):
        return
    sides = ((made.old or {}).get(key, []), made.new.get(key, []))
    if sides[0] == sides[1]:
        return
    old, new = (named_tools(side) or {} for side in sides)
    arrow = page.style("->", "yellow")
    counts = f"{len(old)} {arrow} {len(new)}" if len(old) != len(new) else f"{len(new)}"
    yield f"      {page.style(key, 'cyan')}  {counts}"
    for mark, colour, names in (
        ("-", "red", [name for name in old if name not in new]),
        ("+", "green", [name for name in new if name not in old]),
    ):
        for name in names:
            text = orjson.dumps((old if mark == "-" else new)[name]).decode()
            said = page.cut(on_one_line(f"{mark} {name}  {text}"), 8)
            yield f"        {page.style(said, colour)}"
    changed = [name for name in new if name in old and old[name] != new[name]]
    for name in changed:
        yield f"        {page.style('~', 'yellow')} {on_one_line(name)}"
        for change in changes_of(old[name], new[name]):
            yield from any_change(page, change, 12)
    kept = [name for name in old if name in new]
    if not changed and kept != [name for name in new if name in old]:
        yield f"        {page.style('~', 'yellow')} in another order"


def any_change(page: Page, change: Change, indent: int) -> Iterator[str]:
    """A change on one line if it is short."""
    if _is_long(change) or "\n" in f"{change.old}{change.new}":
        yield from _text_change(page, change, indent)
        return
    yield f"{' ' * indent}{on_one_line(change.name)}: {_old_and_new(page, change)}"


def _changed_messages(page: Page, made: Asked) -> Iterator[str]:
    if not _both_lists(made) or made.old is None:
        return
    old, new = made.old["messages"], made.new["messages"]
    for before, after in same_messages(old, new):
        if before is not None and after is not None:
            yield f"      {page.style(_role(new, after), 'cyan')}"
            yield from _changed_message(page, old[before], new[after])
        elif after is not None:
            yield from _whole(page, "+", "green", turn_of(new[after]))
        elif before is not None:
            yield from _whole(page, "-", "red", turn_of(old[before]))


def _role(messages: list[Any], at: int) -> str:
    """A role, and which of the messages it is where another has the same."""
    roles = [turn_of(message).role for message in messages]
    role = on_one_line(roles[at])
    return role if roles.count(roles[at]) == 1 else f"{role} (message {at + 1} of {len(roles)})"


def _changed_message(page: Page, old: Any, new: Any) -> Iterator[str]:
    before, after = turn_of(old), turn_of(new)
    if _labels(before) != _labels(after) or before == after or _is_list(old) != _is_list(new):
        for change in changes_of(old, new):
            yield from any_change(page, change, 8)
        return
    for one, other in zip(before.parts, after.parts, strict=True):
        if one != other and one.label:
            yield f"        {on_one_line(one.label)}:"
        if one != other:
            yield from _diff(page, one.text, other.text, 10 if one.label else 8)


def _is_list(message: Any) -> bool:
    """Whether a message holds parts, which read as the text that stands alone."""
    return isinstance(message, Mapping) and isinstance(message.get("content"), list)


def _labels(turn: Turn) -> tuple[str, ...]:
    return (turn.role, *(part.label for part in turn.parts))


def _whole(page: Page, mark: str, colour: str, turn: Turn) -> Iterator[str]:
    """A message that came or went."""
    yield f"    {page.style(mark, colour)} {page.style(on_one_line(turn.role), 'cyan')}"
    for part in turn.parts:
        label = f"{on_one_line(part.label)}: " if part.label else ""
        for line in page.text(f"{label}{part.text}", 10):
            yield f"        {page.style(f'{mark} {line}'.rstrip(' '), colour)}"


def excerpt(page: Page, first: Asked, other: Asked, column: int) -> str:
    """What tells one request from another of the same shape: the first text that differs, from
    where it does.
    """
    for one, two in zip(_texts(first), _texts(other), strict=False):
        if one != two:
            return page.cut(on_one_line(_from_difference(one, two)), column)
    return ""


def _texts(made: Asked) -> Iterator[str]:
    for turn in turns_of(made.new.get("messages")):
        yield from (part.text for part in turn.parts)


def _from_difference(one: str, two: str) -> str:
    most = min(len(one), len(two))
    at = next((i for i in range(most) if one[i] != two[i]), most)
    if at <= _AROUND // 2:
        return two
    start = two.rfind(" ", 0, at - _AROUND // 4) + 1
    return f"..{two[max(start, at - _AROUND // 2) :]}"
