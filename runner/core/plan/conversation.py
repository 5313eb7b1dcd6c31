"""A request as people read it: who says what, in its order, with which tools at hand."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct

from runner.core.canonical import digest
from runner.errors import counted

_TRIED, _COMPARED = 400, 1_000  # pairs of messages, and characters of each
_DATA_URL = re.compile(r"data:([^;,]*)[^,]*;base64,(.*)", re.DOTALL)
_READ = frozenset(
    ("role", "content", "name", "refusal", "tool_calls", "function_call", "tool_call_id")
)
_OFTEN_NULL = frozenset(("audio", "refusal", "tool_calls", "function_call"))


class Spoken(Struct, frozen=True):
    """One thing in a message: its text where there is no label, else what the label says."""

    label: str
    text: str


class Turn(Struct, frozen=True):
    """One message: a role, and what it says."""

    role: str
    parts: tuple[Spoken, ...]


def turns_of(messages: Any) -> tuple[Turn, ...]:
    """The messages of a request, each as its role and what it holds; whatever is no message as
    its JSON.
    """
    if not isinstance(messages, list):
        return (Turn("messages", (Spoken("", text_or_json(messages)),)),)
    return tuple(map(turn_of, messages))


def turn_of(message: Any) -> Turn:
    """One message."""
    if not isinstance(message, Mapping):
        return Turn("message", (Spoken("", text_or_json(message)),))
    return Turn(text_or_json(message.get("role", "")), tuple(_parts(message)))


def _parts(message: Mapping[str, Any]) -> Iterator[Spoken]:
    content, calls = message.get("content"), message.get("tool_calls")
    if isinstance(content, list) and content:
        yield from (found for part in content for found in _content(part))
    elif content is not None:
        yield Spoken("", text_or_json(content) or '""')
    if message.get("refusal") is not None:
        yield Spoken("refusal", text_or_json(message["refusal"]))
    if isinstance(calls, list):
        yield from (found for call in calls for found in _call(call))
    elif calls is not None:
        yield Spoken("tool_calls", text_or_json(calls))
    if message.get("function_call") is not None:
        yield from _called(message["function_call"])
    if "name" in message:
        yield Spoken("name", text_or_json(message["name"]))
    if "tool_call_id" in message:
        yield Spoken("for", text_or_json(message["tool_call_id"]))
    for name, value in message.items():
        if name not in _READ and (value is not None or name not in _OFTEN_NULL):
            yield Spoken(name, text_or_json(value))


def _content(part: Any) -> Iterator[Spoken]:
    match part:
        case {"type": "text", "text": str(text)}:
            yield Spoken("", text)
        case {"type": "refusal", "refusal": str(text)}:
            yield Spoken("refusal", text)
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            yield Spoken("image", described(url))
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(form)}}:
            yield Spoken("audio", f"{form}, {_bytes_of(data)}")
        case {"type": "file", "file": {"file_data": str(data), "filename": str(name)}}:
            yield Spoken("file", f"{name}, {described(data)}")
        case {"type": "file", "file": {"file_data": str(data)}}:
            yield Spoken("file", described(data))
        case {"type": str(kind), **rest}:
            yield Spoken(kind, text_or_json(rest))
            return
        case _:
            yield Spoken("part", text_or_json(part))
            return
    kind = part["type"]
    inner = part[kind]
    more = _besides(part, "type", kind)
    if isinstance(inner, Mapping):
        more |= _besides(inner, *(name for name in _SAID[kind] if isinstance(inner.get(name), str)))
    if more:
        yield Spoken("with", text_or_json(more))


_SAID = {
    "image_url": ("url",),
    "input_audio": ("data", "format"),
    "file": ("file_data", "filename"),
}
"""What is said of a part, of the members that it holds under its kind."""


def _besides(table: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in names}


def _call(call: Any) -> Iterator[Spoken]:
    match call:
        case {"function": Mapping() as function}:
            name = call.get("id")
            yield from _called(function, f" as {name}" if isinstance(name, str) else "")
            said = ("function", "id") if isinstance(name, str) else ("function",)
            more = _besides(call, *said)
            if more and more != {"type": "function"}:
                yield Spoken("with", text_or_json(more))
        case _:
            yield Spoken("calls", text_or_json(call))


def _called(function: Any, tail: str = "") -> Iterator[Spoken]:
    match function:
        case {"name": str(name), "arguments": arguments, **more}:
            yield Spoken("calls", f"{name}({text_or_json(arguments)}){tail}")
            if more:
                yield Spoken("with", text_or_json(more))
        case _:
            yield Spoken("calls", f"{text_or_json(function)}{tail}")


def named_tools(tools: Any) -> dict[str, Any] | None:
    """The tools or functions of a request by their names; None where they are no such list, or
    two have the same name.
    """
    if not isinstance(tools, list):
        return None
    found = {_tool_name(tool): tool for tool in tools}
    return found if len(found) == len(tools) else None


def _tool_name(tool: Any) -> str:
    match tool:
        case {"function": {"name": str(name)}} | {"custom": {"name": str(name)}}:
            return name
        case {"name": str(name)} | {"type": str(name)}:
            return name
        case _:
            return text_or_json(tool)


def described(url: str) -> str:
    """What a URL carries in itself, by its type, size and digest; any other as it is."""
    held = _DATA_URL.fullmatch(url)
    return url if held is None else f"{held[1] or 'data'}, {_bytes_of(held[2])}"


def _bytes_of(base64: str) -> str:
    number = len(base64.rstrip("=")) * 3 // 4
    return f"{size_text(number)}, sha256 {digest(base64.encode())[:12]}"


def size_text(number: int) -> str:
    """A number of bytes as people read it."""
    for unit, size in (("MB", 1 << 20), ("KB", 1 << 10)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return counted(number, "byte")


def text_or_json(value: Any) -> str:
    """Text as it is, all else as JSON on one line."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def same_messages(
    old: Sequence[Any], new: Sequence[Any]
) -> Iterator[tuple[int | None, int | None]]:
    """Which message of the old request is which of the new one, by their indices: None where
    there is none. Those that are the same on both sides are left out.
    """
    from difflib import SequenceMatcher  # noqa: PLC0415  # only where something changed

    before, after = ([orjson.dumps(each) for each in side] for side in (old, new))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from _paired(old, new, range(i1, i2), range(j1, j2))


def _paired(
    old: Sequence[Any], new: Sequence[Any], gone: range, came: range
) -> Iterator[tuple[int | None, int | None]]:
    """Each that came with the one that went in its place: of its role, and most like it."""
    mates = dict(_mates(old, new, gone, came))
    at = gone.start
    for to in came:
        mate = mates.get(to)
        if mate is not None:
            yield from ((i, None) for i in range(at, mate))
            at = mate + 1
        yield mate, to
    yield from ((i, None) for i in range(at, gone.stop))


def _mates(
    old: Sequence[Any], new: Sequence[Any], gone: range, came: range
) -> Iterator[tuple[int, int]]:
    """Pairs of the same role in the order of both sides, the most alike first."""
    if [_role(old[i]) for i in gone] == [_role(new[j]) for j in came]:
        yield from zip(came, gone, strict=True)
        return
    pairs = [(_likeness(old[i], new[j]), -i, -j) for i in gone for j in came][:_TRIED]
    taken: list[tuple[int, int]] = []
    for alike, i, j in sorted(pairs, reverse=True):
        if alike and all((-i < held) == (-j < to) and -i != held for to, held in taken):
            taken.append((-j, -i))
    yield from taken


def _likeness(one: Any, other: Any) -> float:
    """From 0, which is another role, to 1."""
    from difflib import SequenceMatcher  # noqa: PLC0415  # only where something changed

    if _role(one) != _role(other):
        return 0.0
    before, after = str(one)[:_COMPARED], str(other)[:_COMPARED]
    return 0.01 + SequenceMatcher(None, before, after, autojunk=False).quick_ratio()


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, Mapping) else None
