"""Server-sent events of a streamed completion, assembled into the response of an unstreamed one."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from msgspec import Struct

from runner.core.canonical import encoded
from runner.core.received import is_deep, received, value_of
from runner.core.values import text_among

_CONTENT = b'"content":'
_REPLACED = {"id", "role", "type", "name", "object", "index"}
_GROWN = {
    *("arguments", "content", "data", "input", "reasoning", "reasoning_content"),
    *("refusal", "summary", "text", "thinking", "transcript"),
}


class Assembled(Struct, frozen=True):
    """The whole response, as a value and as JSON; equal to what the server would have sent
    unstreamed. `mended` as in runner.core.received.
    """

    response: dict[str, Any]
    text: bytes
    mended: bool = False


class Refused(Struct, frozen=True):
    """The server put an error into the stream; `begun` says that a part of an answer came."""

    error: object
    begun: bool


class Cut(Struct, frozen=True):
    """The stream ended before the answer did, or cannot be read; `reason` in words."""

    reason: str


class _Growing(Struct):
    """A text in the pieces that it came in: adding them up one by one would take for ever."""

    pieces: list[str]


class _Like(Struct, frozen=True):
    """An event that brought a piece of text and nothing else: what stands before and after it, and
    where its like goes on.
    """

    before: bytes
    after: bytes
    choice: dict[str, Any]
    part: dict[str, Any]


class Stream(Struct):
    """The pieces of one streamed response, fed as they come; `choices` is the `n` asked for.

    `on_text` is called with what each feeding brings of the first choice's content, and in how many
    pieces; `on_begin` once, when the first of any choice comes. `done` turns true when nothing that
    matters can follow. `events` counts the pieces that came.
    """

    choices: int = 1
    on_text: Callable[[str, int], None] | None = None
    on_begin: Callable[[], None] | None = None
    done: bool = False
    events: int = 0
    _rest: bytearray = bytearray()
    _event: str = ""
    _data: list[bytes] = []
    _top: dict[str, Any] = {}
    _parts: dict[int, dict[str, Any]] = {}
    # What came last beside the choices, and beside the delta of each: mostly it comes again.
    _around: dict[str, Any] | None = None
    _beside: dict[int, dict[str, Any] | None] = {}
    _like: _Like | None = None  # the last event, if its like may follow
    _texts: list[str] = []
    _end: Refused | Cut | None = None
    _mended: bool = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        self._rest += chunk
        if b"\n" in chunk:
            *lines, rest = bytes(self._rest).split(b"\n")
            self._rest = bytearray(rest)
            for line in lines:
                self._line(line.removesuffix(b"\r"))
        if self._texts and self.on_text is not None:
            self.on_text("".join(self._texts), len(self._texts))
            self._texts.clear()

    def cut(self) -> None:
        """Forget the line that has begun: its end will not come."""
        self._rest.clear()

    def finish(self) -> Assembled | Refused | Cut:
        """What came of the stream, once no more bytes will come."""
        self.feed(b"\n\n")
        if self._end is not None:
            return self._end
        finished = [part for part in self._parts.values() if part.get("finish_reason")]
        if not self._parts:
            return Cut("the stream ended without a choice")
        if not self.done and len(finished) < max(self.choices, len(self._parts)):
            return Cut("the stream ended before the answer did")
        return self._assembled()

    def _assembled(self) -> Assembled | Cut:
        try:
            response = dict(self._members())
            text = encoded(response)
        except (
            TypeError,
            RecursionError,
        ):  # pieces of different kinds nest into each other, without an end
            return Cut("the stream nests deeper than a response can")
        if not is_deep(text):
            return Assembled(response, text, self._mended)
        got = received(text)
        return Assembled(got.value, got.text, mended=True)

    def _line(self, line: bytes) -> None:
        if self.done or self._end is not None:
            return
        if not line:
            self._dispatch()
            return
        if line.startswith(b"data: "):
            self._data.append(line[6:])
            return
        name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif name == b"event":
            self._event = value.strip().decode("utf-8", "replace")
        elif name == b"error":  # gpustack's end of a stream that broke
            self._dispatch()
            self._refuse(value.strip())

    def _refuse(self, said: bytes) -> None:
        error = value_of(said) or said.decode("utf-8", "replace") or "the stream broke"
        inner = error.get("error") if isinstance(error, dict) else None
        if self._end is None and not self.done:
            self._end = Refused(inner or error, begun=bool(self._parts))

    def _dispatch(self) -> None:
        data, event = b"\n".join(self._data).strip(), self._event
        self._data.clear()
        self._event = ""
        if not data:
            return
        self.events += 1
        if self._like is not None and not event and self._is_like(self._like, data):
            return
        self._like = None
        if data == b"[DONE]":
            self.done = True
            return
        try:
            chunk = orjson.loads(data)
            sound = not is_deep(data)
        except orjson.JSONDecodeError:
            sound = False
        if not sound:
            chunk = self._mend(data)
        if isinstance(chunk, dict):
            self._chunk(chunk, event)
        self._like = _with_place(self._like, data)

    def _is_like(self, like: _Like, data: bytes) -> bool:
        """Whether an event is the last one with another piece of text, which alone is read then:
        for the rest, the same was done already.
        """
        data = _unpadded(data)
        if not (data.startswith(like.before) and data.endswith(like.after)):
            return False
        try:
            text = orjson.loads(data[len(like.before) : len(data) - len(like.after)])
        except orjson.JSONDecodeError:
            return False
        if not isinstance(text, str):
            return False
        self._delta(like.choice, {"content": text}, like.part)
        return True

    def _mend(self, data: bytes) -> Any:
        try:
            got = received(data)
        except ValueError:
            self._end = Cut("the stream holds an event that is not JSON")
            return None
        self._mended = self._mended or got.mended
        return got.value

    def _chunk(self, chunk: dict[str, Any], event: str) -> None:
        error = chunk.get("error")
        if not error and (event == "error" or chunk.get("object") == "error"):
            error = chunk
        if error:
            self._end = Refused(error, begun=bool(self._parts))
            return
        choices = chunk.pop("choices", None)
        chunk.pop("obfuscation", None)
        if chunk != self._around:
            self._around = chunk
            for name, value in chunk.items():
                if value in (None, "", 0):  # Azure's first chunk names no model yet
                    self._top.setdefault(name, value)
                else:
                    self._top[name] = value
        choices = choices if isinstance(choices, list) else []
        for choice in choices:
            if isinstance(choice, dict):
                self._choice(choice)
        if len(choices) > 1:
            self._like = None

    def _choice(self, choice: dict[str, Any]) -> None:
        index, delta = choice.get("index"), choice.get("delta")
        number = index if isinstance(index, int) else 0
        part = self._parts.setdefault(number, {})
        around = None
        if isinstance(delta, dict) and choice.get("logprobs") is None:
            around = {**choice, "delta": None}
            if around == self._beside.get(number):
                self._delta(choice, delta, part)
                if [*delta] == ["content"]:
                    self._like = _Like(b"", b"", choice, part)
                return
        self._beside[number] = around
        if choice.get("error"):
            self._end = Refused(choice["error"], begun=True)
        for name, value in choice.items():
            if name in ("delta", "message"):
                if isinstance(value, dict) and not (name == "message" and _has_delta(choice)):
                    self._delta(choice, value, part)
            elif name == "logprobs":
                part[name] = _logprobs(part.get(name), value)
            elif isinstance(value, dict) and isinstance(part.get(name), dict):
                part[name] = part[name] | value
            elif value is not None or name not in part:
                part[name] = value

    def _delta(self, choice: dict[str, Any], delta: dict[str, Any], part: dict[str, Any]) -> None:
        if self.on_begin is not None and any(delta[name] for name in delta if name != "role"):
            self.on_begin()
            self.on_begin = None
        message = part.setdefault("message", {})
        for name, value in delta.items():
            message[name] = _grown(message.get(name), value, grows=name not in _REPLACED)
        text = delta.get("content")
        if isinstance(text, list):
            text = text_among(text)
        if self.on_text is not None and text and isinstance(text, str) and not choice.get("index"):
            self._texts.append(text)

    def _members(self) -> Iterator[tuple[str, Any]]:
        for name in ("id", "object", "created", "model"):
            if name in self._top:
                yield name, "chat.completion" if name == "object" else self._top[name]
        yield "choices", [_finished(index, self._parts[index]) for index in sorted(self._parts)]
        for name, value in self._top.items():
            if name not in ("id", "object", "created", "model", "obfuscation"):
                yield name, value


def _with_place(like: _Like | None, data: bytes) -> _Like | None:
    """With what stands around its text; None where that cannot be told. No text holds the name of
    a member as it stands in JSON: its quotes are escaped there.
    """
    if like is None:
        return None
    data, text = _unpadded(data), like.choice["delta"]["content"]
    before, name, rest = data.partition(_CONTENT)
    written = orjson.dumps(text)
    value = rest.lstrip(b" ")
    if not isinstance(text, str) or _CONTENT in rest or not value.startswith(written):
        return None
    gap = rest[: len(rest) - len(value)]
    return _Like(before + name + gap, value[len(written) :], like.choice, like.part)


def _unpadded(data: bytes) -> bytes:
    """An event without what OpenAI fills it up with, so that its length tells nothing."""
    head, name, padding = data.rpartition(b',"obfuscation":"')
    return head + b"}" if name and padding[-2:] == b'"}' and padding[:-2].isalnum() else data


def _has_delta(choice: dict[str, Any]) -> bool:
    """Then its message says again all that came so far (Perplexity)."""
    return isinstance(choice.get("delta"), dict)


def _grown(old: Any, new: Any, *, grows: bool) -> Any:
    """A member after one more piece of it: texts grow, the others are replaced or merged."""
    if isinstance(old, _Growing):
        if isinstance(new, str) and grows:
            old.pieces.append(new)
            return old
        old = _settled(old)
    if new is None or old is None:
        return _listed([], new) if isinstance(new, list) else (old if new is None else new)
    if isinstance(new, list):
        items = old if isinstance(old, list) else [{"type": "text", "text": old}] if old else []
        return _listed(items, new)
    if isinstance(old, list):
        return [*old, {"type": "text", "text": new}] if new else old
    if isinstance(new, dict) and isinstance(old, dict):
        return old | {k: _grown(old.get(k), v, grows=k in _GROWN) for k, v in new.items()}
    if isinstance(new, str) and isinstance(old, str):
        return _Growing([old, new]) if grows else new or old
    return new


def _settled(value: Any) -> Any:
    """A value with every text in it in one piece."""
    match value:
        case _Growing(pieces):
            return "".join(pieces)
        case dict():
            return {name: _settled(inner) for name, inner in value.items()}
        case list():
            return [_settled(inner) for inner in value]
        case _:
            return value


def _listed(items: list[Any], new: list[Any]) -> list[Any]:
    """The items of a list after more of them came; one with a known `index` goes on."""
    items = list(items)
    for item in new:
        at = _same(items, item) if isinstance(item, dict) else None
        if at is None:
            items.append(item)
        else:
            items[at] = _grown(items[at], item, grows=False)
    return items


def _same(items: list[Any], item: dict[str, Any]) -> int | None:
    """Where the item stands that this one continues.

    A server may send no index, or the same one for several calls: a new id with a new function
    name begins a new item; a piece without an id and an index continues the last call.
    """
    index = item.get("index")
    if index is None:
        continues = "function" in item and not item.get("id") and items
        return len(items) - 1 if continues else None
    for at in range(len(items) - 1, -1, -1):
        if isinstance(items[at], dict) and items[at].get("index") == index:
            return None if _begins(items[at], item) else at
    return None


def _begins(old: dict[str, Any], new: dict[str, Any]) -> bool:
    function = new.get("function")
    named = isinstance(function, dict) and bool(function.get("name"))
    return named and bool(new.get("id")) and bool(old.get("id")) and new["id"] != old["id"]


def _logprobs(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return old if new is None else new
    for name, value in new.items():
        if isinstance(value, list) and isinstance(old.get(name), list):
            old[name].extend(value)
        elif value is not None or name not in old:
            old[name] = value
    return old


def _finished(index: int, part: dict[str, Any]) -> dict[str, Any]:
    """A choice as it stands in an unstreamed response."""
    message = {"role": "assistant", "content": None} | _settled(part.get("message", {}))
    message["role"] = message["role"] or "assistant"
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [_without_index(call) for call in calls]
    if message["content"] == "" and any(
        message.get(name) for name in ("tool_calls", "function_call", "refusal", "audio")
    ):
        message["content"] = None
    choice: dict[str, Any] = {"index": index, "message": message}
    choice |= {name: value for name, value in part.items() if name not in choice}
    choice.setdefault("finish_reason", None)
    return choice


def _without_index(call: Any) -> Any:
    return {k: v for k, v in call.items() if k != "index"} if isinstance(call, dict) else call
