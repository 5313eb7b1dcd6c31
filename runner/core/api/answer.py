"""The attributes of an answer, read from the response's bytes when somebody asks."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

from runner.core.address import data_source
from runner.core.api.names import ASKABLE, ATTRIBUTES
from runner.core.received import MENDED, json_of, table_of
from runner.core.state.records import Record
from runner.core.values import (
    MASK,
    TRANSCRIPT,
    Parts,
    TemplateError,
    named_transcripts,
    text_among,
)

DATA_ATTRIBUTES = {
    "chat_completion": ATTRIBUTES,  # what it was asked is a data source of its own
    "chat_completions": ("ids", "data"),
    "chat_completion_messages": ("messages",),
    "runner_state": ("outputs", "serial"),
}
"""What an expression may ask of a data source, by its type."""

_OF_MESSAGE = ("content", "function_call", "tool_calls", "refusal")
_OF_CHOICE = ("finish_reason", "logprobs")
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("id", "model", "finish_reason", "refusal", "system_fingerprint"), str),
    "service_tier": str,
    "content": (str, list),  # of parts, as some servers answer
    "created": (int, float),
    **dict.fromkeys(("usage", "function_call", "logprobs"), dict),
    **dict.fromkeys(("choices", "tool_calls"), list),
}
_UNFINISHED = {
    "length": "it was cut at max tokens (raise max_tokens for the rest)",
    "content_filter": "a filter cut it",
}
_CUT = tuple(f'"{reason}"'.encode() for reason in _UNFINISHED)


class Answer(Mapping[str, Any]):
    """`completion.x` in an expression: the attributes of one response, whatever it holds.

    `content`, `function_call`, `tool_calls`, `refusal`, `finish_reason` and `logprobs` are those
    of the first choice; of a spoken answer, `content` is its transcript. What the response does not
    have, or has as something that is no such thing (a finish_reason that is an object), is null;
    `response` shows all of it. `request` is what was asked, as it was recorded, where that is
    known; no expression names it. `value` is what the bytes say, where somebody has read them.
    `asked` gives the request as it is sent, where masks stand in what was recorded.
    """

    __slots__ = ("_asked", "_parsed", "raw", "request")

    def __init__(
        self, raw: bytes, request: bytes = b"", value: Any = None, asked: "AsSent | None" = None
    ) -> None:
        self.raw, self.request, self._asked = raw, request, asked
        self._parsed: dict[str, Any] | None = value if isinstance(value, dict) else None

    @property
    def body(self) -> dict[str, Any]:
        """The whole response."""
        if self._parsed is None:
            self._parsed = table_of(self.raw)
        return self._parsed

    def __getitem__(self, name: str) -> Any:
        if name not in ASKABLE:
            raise KeyError(name)
        if name == TRANSCRIPT:
            return self._transcript()
        if name == "response":
            return self.body
        if name == "json":
            return self._json()
        if name == "content":
            return _content(self._message())
        return _fitting(name, self._holder(name).get(name))

    def _holder(self, name: str) -> dict[str, Any]:
        if name in _OF_MESSAGE:
            return self._message()
        return self._choice() if name in _OF_CHOICE else self.body

    def __iter__(self) -> Iterator[str]:
        return (name for name in ATTRIBUTES if name != "json" or self._is_json())

    def __contains__(self, name: object) -> bool:
        return name in ASKABLE

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _transcript(self) -> list[Any]:
        asked = (
            table_of(self.request if self._asked is None else self._asked()) if self.request else {}
        )
        messages = asked.get("messages")
        if messages == MASK:
            raise TemplateError(
                "what was asked is sensitive, and no record has it, so there is no transcript here"
            )
        if not isinstance(messages, list):
            raise TemplateError("what was asked has no messages, so there is no transcript")
        if not self._message():
            raise TemplateError("the answer has no message, so there is no transcript")
        return [*messages, sent_back(self._message())]

    def _is_json(self) -> bool:
        try:
            self._json()
        except TemplateError:
            return False
        return True

    def _choice(self) -> dict[str, Any]:
        choices = self.body.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        return first if isinstance(first, dict) else {}

    def _message(self) -> dict[str, Any]:
        message = self._choice().get("message")
        return message if isinstance(message, dict) else {}

    def _json(self) -> Any:
        content = message_text(self._message())
        if content is None:
            raise TemplateError("the answer has no text, so it has no .json")
        try:
            return json_of(content)
        except ValueError as exc:
            raise TemplateError(
                f"the answer is not JSON: {exc}; it begins {content[:60]!r} (--replace asks for "
                "another one)"
            ) from exc


class _Recorded(Answer):
    """That of a record, which is read when its bytes are asked for."""

    __slots__ = ("_record",)

    def __init__(self, record: Record, asked: "AsSent | None") -> None:
        self._record, self._asked, self._parsed = record, asked, None

    def __getattr__(self, name: str) -> bytes:
        """What is not kept a second time."""
        match name:
            case "raw":
                return self._record.response
            case "request":
                return self._record.request
            case _:
                raise AttributeError(name)


AsSent = Callable[[], bytes]


def sent_back(message: dict[str, Any]) -> dict[str, Any]:
    """A message of the model's as the API takes it back in the next request: of sound its id
    alone; nothing that is empty, but a content that is null.
    """
    content = message.get("content")
    made: dict[str, Any] = {"role": "assistant"}
    made["content"] = Parts(content) if isinstance(content, list) else content
    audio = message.get("audio")
    if isinstance(audio, dict) and "id" in audio:
        made["audio"] = {"id": audio["id"]}
    kept = {name: message.get(name) for name in ("refusal", "tool_calls", "function_call")}
    return {**made, **{name: value for name, value in kept.items() if value}}


def has_choices(value: object) -> bool:
    """Whether a parsed body has at least one choice; a choice needs no message (Azure)."""
    if not isinstance(value, dict):
        return False
    choices = value.get("choices")
    return isinstance(choices, list) and bool(choices) and isinstance(choices[0], dict)


def require_named(block: str) -> None:
    """TemplateError unless the hole under way names the transcript of this completion as it is:
    else nothing masks what it quotes.
    """
    named = named_transcripts.get()
    if not any(ref[0] != "completion" or ref[1:2] == (block,) for ref in named):
        raise TemplateError(
            "its transcript quotes sensitive values, and is masked only where it is named as it "
            f"is: write completion.{block}.{TRANSCRIPT}"
        )


def _fitting(name: str, value: Any) -> Any:
    """The value of an attribute, if it is of its kind."""
    fits = isinstance(value, _KINDS[name]) and not isinstance(value, bool)
    return value if fits else None


def _content(message: dict[str, Any]) -> Any:
    content = _fitting("content", message.get("content"))
    if isinstance(content, list):
        return Parts(content)
    return content or _transcript(message) or content


def _transcript(message: dict[str, Any]) -> str | None:
    audio = message.get("audio")
    said = audio.get("transcript") if isinstance(audio, dict) else None
    return said if isinstance(said, str) else None


def message_text(message: dict[str, Any]) -> str | None:
    """The text of an answer's message, also where it stands among other parts, or was spoken."""
    content = _content(message)
    return text_among(content) if isinstance(content, Parts) else content


def output_value(answer: Mapping[str, Any]) -> Any:
    """What a completion is worth as an output: its text, else its tool calls, else its function
    call, else its refusal. A text with nothing in it counts where there is nothing else.
    """
    content = answer["content"]
    text = text_among(content) if isinstance(content, Parts) else content
    if text is not None and text.strip():
        return text
    others = [answer[name] for name in ("tool_calls", "function_call", "refusal")]
    said = next(filter(None, others), None)
    held = (said, text, content, *others)
    return next((value for value in held if value is not None), None)


class _Message(Struct):
    content: str


class _Choice(Struct):
    message: _Message


class _Text(Struct):
    choices: list[_Choice]


_TEXT = Decoder(_Text)


def text_alone(raw: bytes) -> str | None:
    """`output_value` of the usual answer, a text, of which nothing else is read: seven times as
    fast. None where there may be another.
    """
    try:
        choices = _TEXT.decode(raw).choices
    except (MsgspecError, UnicodeError, RecursionError):
        return None
    text = choices[0].message.content if choices else ""
    return text if text.strip() else None


def warning(raw: bytes, *, mended: bool = False) -> str | None:
    """What a reader should know about an answer that was paid for and is not all there."""
    if mended:
        return MENDED
    return None if _is_plain(raw) else shortcoming(Answer(raw))


def shortcoming(answer: Answer) -> str | None:
    """As `warning`, of an answer that was not mended and will be read anyhow."""
    for index, choice in enumerate(answer["choices"] or ()):
        said = _unfinished(choice) if isinstance(choice, dict) else None
        if said is not None:
            return f"choices[{index}]: {said}" if index else said
    return None


def _unfinished(choice: dict[str, Any]) -> str | None:
    message = choice.get("message")
    refusal = message.get("refusal") if isinstance(message, dict) else None
    if refusal:
        return f"the model refused: {str(refusal)[:200]}"
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason in _UNFINISHED:
        return f"finish_reason is {reason}: {_UNFINISHED[reason]}"
    return None


def _is_plain(raw: bytes) -> bool:
    """Whether an answer is the common one: it came to its end, refused nothing. Without parsing."""
    nulls = raw.count(b'"refusal":null') + raw.count(b'"refusal": null')
    if b'"stop"' not in raw or raw.count(b"refusal") != nulls:
        return False
    return not any(reason in raw for reason in _CUT)


class _Listed(Mapping[str, Any]):
    """The answer of a data source that is no completion: its attributes by name."""

    __slots__ = ("_held",)

    def __init__(self, held: dict[str, Any]) -> None:
        self._held = held

    def __getitem__(self, name: str) -> Any:
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


def data_answer(name: str, raw: bytes) -> Mapping[str, Any]:
    """`data.TYPE.NAME` in an expression: a stored completion, or what was listed."""
    kind = name.split(".", 1)[0]
    if kind == "chat_completion":
        return Answer(raw)
    if kind == "runner_state":
        held = table_of(raw)
        return _Listed({name: held.get(name) for name in DATA_ATTRIBUTES[kind]})
    entries = table_of(raw).get("data")
    entries = entries if isinstance(entries, list) else []
    if kind == "chat_completion_messages":
        return _Listed({"messages": entries})
    found = [Answer(orjson.dumps(entry)) for entry in entries]
    return _Listed({"data": found, "ids": [answer["id"] for answer in found]})


def recorded_answer(address: str, raw: bytes, request: bytes = b"") -> Mapping[str, Any]:
    """A recorded response as expressions see it: of a completion, or of a data source."""
    source = data_source(address)
    return Answer(raw, request) if source is None else data_answer(source, raw)


def answer_in(record: Record, asked: AsSent | None = None) -> Mapping[str, Any]:
    """A record's answer as expressions see it."""
    source = data_source(record.address)
    return _Recorded(record, asked) if source is None else data_answer(source, record.response)
