"""What a conversation may hold: messages by role, parts of content, calls of tools."""

from typing import Annotated, Any, Literal, Required

from pydantic import Discriminator, Field, Tag
from typing_extensions import TypedDict

from runner.core.api.shapes import Plain, Text, closed, either, typed

_ROLES = {"system": "(instruction)", "developer": "(instruction)"}


def by_role(value: object) -> str:
    """Tag of a message."""
    role = value.get("role") if isinstance(value, dict) else None
    return _ROLES.get(role, f"({role})") if isinstance(role, str) else "(other)"


_ROLE = Discriminator(by_role, "wrong_tag:role", "system,developer,user,assistant,tool,function")


@closed
class CacheBreakpoint(TypedDict, total=False):
    """Where the cached beginning of a prompt ends."""

    mode: Required[Literal["explicit"]]
    ttl: Literal["30m", "12h"]


@closed
class TextPart(TypedDict, total=False):
    """Text in a message."""

    type: Required[Literal["text"]]
    text: Required[str]
    prompt_cache_breakpoint: CacheBreakpoint


@closed
class RefusalPart(TypedDict):
    """A refusal of the model."""

    type: Literal["refusal"]
    refusal: str


@closed
class ImageUrl(TypedDict, total=False):
    """An image: by its address (http or data), or a local file."""

    url: Text
    file: Text
    detail: Literal["auto", "low", "high", "original"]


@closed
class ImagePart(TypedDict, total=False):
    """An image in a message."""

    type: Required[Literal["image_url"]]
    image_url: Required[ImageUrl]
    prompt_cache_breakpoint: CacheBreakpoint


@closed
class InputAudio(TypedDict, total=False):
    """Sound: base64 data with its format, or a local file."""

    data: Text
    file: Text
    format: Literal["wav", "mp3"]


@closed
class AudioPart(TypedDict, total=False):
    """Sound in a message."""

    type: Required[Literal["input_audio"]]
    input_audio: Required[InputAudio]
    prompt_cache_breakpoint: CacheBreakpoint


@closed
class InputFile(TypedDict, total=False):
    """A document: an uploaded one, base64 data, or a local file."""

    file_id: Text
    file_data: Text
    filename: Text
    file: Text


@closed
class FilePart(TypedDict, total=False):
    """A document in a message."""

    type: Required[Literal["file"]]
    file: Required[InputFile]
    prompt_cache_breakpoint: CacheBreakpoint


UserPart = Annotated[
    Annotated[TextPart, Tag("(text)")]
    | Annotated[ImagePart, Tag("(image_url)")]
    | Annotated[AudioPart, Tag("(input_audio)")]
    | Annotated[FilePart, Tag("(file)")],
    typed("text", "image_url", "input_audio", "file"),
]
AssistantPart = Annotated[
    Annotated[TextPart, Tag("(text)")] | Annotated[RefusalPart, Tag("(refusal)")],
    typed("text", "refusal"),
]
TextContent = Annotated[
    Plain | Annotated[list[TextPart], Field(min_length=1), Tag("(list)")],
    either("a string or a list of parts"),
]
UserContent = Annotated[
    Plain | Annotated[list[UserPart], Field(min_length=1), Tag("(list)")],
    either("a string or a list of parts"),
]
AssistantContent = Annotated[
    Plain | Annotated[list[AssistantPart], Field(min_length=1), Tag("(list)")],
    either("a string or a list of parts"),
]


@closed
class CalledFunction(TypedDict):
    """A function the model called; `arguments` is JSON text."""

    name: Text
    arguments: str


@closed
class FunctionToolCall(TypedDict):
    """A call of a function tool."""

    id: Text
    type: Literal["function"]
    function: CalledFunction


@closed
class CalledCustom(TypedDict):
    """A custom tool the model called."""

    name: Text
    input: str


@closed
class CustomToolCall(TypedDict):
    """A call of a custom tool."""

    id: Text
    type: Literal["custom"]
    custom: CalledCustom


ToolCall = Annotated[
    Annotated[FunctionToolCall, Tag("(function)")] | Annotated[CustomToolCall, Tag("(custom)")],
    typed("function", "custom"),
]


@closed
class InstructionMessage(TypedDict, total=False):
    """What the model must do."""

    role: Required[Literal["system", "developer"]]
    content: Required[TextContent]
    name: Text


@closed
class UserMessage(TypedDict, total=False):
    """What the user says."""

    role: Required[Literal["user"]]
    content: Required[UserContent]
    name: Text


@closed
class Identified(TypedDict):
    """Something by its id."""

    id: Text


@closed
class AssistantMessage(TypedDict, total=False):
    """What the model said."""

    role: Required[Literal["assistant"]]
    content: AssistantContent
    refusal: str
    name: Text
    audio: Identified
    tool_calls: Annotated[list[ToolCall], Field(min_length=1)]
    function_call: CalledFunction
    annotations: list[dict[str, Any]]


@closed
class ToolMessage(TypedDict, total=False):
    """What a tool returned."""

    role: Required[Literal["tool"]]
    content: Required[TextContent]
    tool_call_id: Required[Text]
    name: Text


@closed
class FunctionMessage(TypedDict):
    """What a function returned (deprecated: role `tool`)."""

    role: Literal["function"]
    content: str
    name: Text


Message = Annotated[
    Annotated[InstructionMessage, Tag("(instruction)")]
    | Annotated[UserMessage, Tag("(user)")]
    | Annotated[AssistantMessage, Tag("(assistant)")]
    | Annotated[ToolMessage, Tag("(tool)")]
    | Annotated[FunctionMessage, Tag("(function)")],
    _ROLE,
]
