"""What a request may say: every parameter of POST /v1/chat/completions, its type and bounds.

Source: OpenAI's API description and the types of its Python package.
"""

from typing import Annotated, Literal, Required

from pydantic import Field, Tag
from typing_extensions import TypedDict

from runner.core.api.messages import Identified, Message, TextContent
from runner.core.api.shapes import Plain, Schema, Text, closed, either, typed
from runner.core.api.tools import Function, FunctionName, Named, TextFormat, Tool, ToolChoiceTable

TOKEN_ID = r"^[0-9]+$"  # noqa: S105  a token of text


@closed
class JsonObjectFormat(TypedDict):
    """Any JSON object."""

    type: Literal["json_object"]


@closed
class JsonSchema(TypedDict, total=False):
    """A named JSON Schema; `schema` may be `{ file = "schema.json" }`."""

    name: Required[FunctionName]
    description: str
    schema: Schema
    strict: bool


@closed
class JsonSchemaFormat(TypedDict):
    """JSON by a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


@closed
class Audio(TypedDict):
    """How the answer sounds."""

    voice: Annotated[
        Plain | Annotated[Identified, Tag("(table)")],
        either("a voice's name or a table with its id"),
    ]
    format: Literal["wav", "aac", "mp3", "flac", "opus", "pcm16"]


@closed
class Prediction(TypedDict):
    """Text that much of the answer is expected to repeat."""

    type: Literal["content"]
    content: TextContent


@closed
class StreamOptions(TypedDict, total=False):
    """Options of a streamed answer."""

    include_usage: bool
    include_obfuscation: bool


@closed
class Place(TypedDict, total=False):
    """Roughly where the user is."""

    city: str
    country: str
    region: str
    timezone: str


@closed
class UserLocation(TypedDict):
    """Where the user is, for a search."""

    type: Literal["approximate"]
    approximate: Place


@closed
class WebSearchOptions(TypedDict, total=False):
    """Options of the web search tool."""

    search_context_size: Literal["low", "medium", "high"]
    user_location: UserLocation


@closed
class ModerationMode(TypedDict):
    """What a moderation does with what it finds."""

    mode: Literal["score", "block"]


@closed
class ModerationPolicy(TypedDict, total=False):
    """Moderation of what goes in and what comes out."""

    input: ModerationMode
    output: ModerationMode


@closed
class Moderation(TypedDict, total=False):
    """Moderation of a request."""

    model: Required[Text]
    policy: ModerationPolicy


@closed
class PromptCacheOptions(TypedDict, total=False):
    """How the server caches the prompt."""

    mode: Literal["implicit", "explicit"]
    ttl: Literal["30m"]


Penalty = Annotated[float, Field(ge=-2, le=2)]
Positive = Annotated[int, Field(ge=1)]


@closed
class Parameters(TypedDict, total=False):
    """The parameters of a chat completion, each optional."""

    messages: Annotated[list[Message], Field(min_length=1, description="The conversation so far.")]
    model: Annotated[Text, Field(description="ID of the model to use.")]
    frequency_penalty: Annotated[
        Penalty, Field(description="-2 to 2: less repetition of what is already frequent.")
    ]
    presence_penalty: Annotated[Penalty, Field(description="-2 to 2: more talk about what is new.")]
    temperature: Annotated[
        float, Field(ge=0, le=2, description="0 to 2: how random the answer is.")
    ]
    top_p: Annotated[
        float, Field(ge=0, le=1, description="0 to 1: sample among this share of probability.")
    ]
    n: Annotated[int, Field(ge=1, le=128, description="How many choices one answer has.")]
    stop: Annotated[
        Plain | Annotated[list[str], Field(max_length=4), Tag("(list)")],
        either("a string or a list of strings"),
        Field(description="Up to 4 texts at which the answer ends."),
    ]
    max_completion_tokens: Annotated[
        Positive, Field(description="Most tokens of an answer, reasoning included.")
    ]
    max_tokens: Annotated[Positive, Field(description="Most tokens of an answer (older name).")]
    seed: Annotated[
        int, Field(ge=-(2**63), le=2**63 - 1, description="Best effort at the same answer again.")
    ]
    logprobs: Annotated[bool, Field(description="Return log probabilities of the tokens.")]
    top_logprobs: Annotated[
        int, Field(ge=0, le=20, description="How many likely tokens at each place.")
    ]
    logit_bias: Annotated[
        dict[Annotated[str, Field(pattern=TOKEN_ID)], Annotated[int, Field(ge=-100, le=100)]],
        Field(description="Token id to bias, -100 to 100."),
    ]
    response_format: Annotated[
        Annotated[TextFormat, Tag("(text)")]
        | Annotated[JsonObjectFormat, Tag("(json_object)")]
        | Annotated[JsonSchemaFormat, Tag("(json_schema)")],
        typed("text", "json_object", "json_schema"),
        Field(description="The form of the answer."),
    ]
    tools: Annotated[list[Tool], Field(min_length=1, description="Tools the model may call.")]
    tool_choice: Annotated[
        Plain | ToolChoiceTable,
        either('"none", "auto", "required", the name of a function or a table'),
        Field(description="none, auto, required, or the tool that must be called."),
    ]
    parallel_tool_calls: Annotated[bool, Field(description="Several tool calls at once.")]
    functions: Annotated[
        list[Function],
        Field(min_length=1, max_length=128, description="Deprecated: tools.", deprecated=True),
    ]
    function_call: Annotated[
        Plain | Annotated[Named, Tag("(table)")],
        either('"none", "auto", the name of a function or a table'),
        Field(description="Deprecated: tool_choice.", deprecated=True),
    ]
    modalities: Annotated[
        list[Literal["text", "audio"]], Field(min_length=1, description="Forms of the answer.")
    ]
    audio: Annotated[Audio, Field(description="How a spoken answer sounds.")]
    prediction: Annotated[Prediction, Field(description="Text the answer will mostly repeat.")]
    reasoning_effort: Annotated[
        Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"],
        Field(description="How hard a reasoning model thinks."),
    ]
    verbosity: Annotated[
        Literal["low", "medium", "high"], Field(description="How long the answer is.")
    ]
    service_tier: Annotated[
        Literal["auto", "default", "flex", "scale", "priority", "fast"],
        Field(description="The server's processing tier."),
    ]
    store: Annotated[bool, Field(description="Keep the answer in the Chat Completions Store.")]
    metadata: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
        Field(max_length=16, description="Up to 16 pairs of text kept with a stored answer."),
    ]
    stream: Annotated[bool, Field(description="Receive the answer as it is written.")]
    stream_options: Annotated[StreamOptions, Field(description="Only with stream = true.")]
    web_search_options: Annotated[WebSearchOptions, Field(description="Search the web.")]
    moderation: Annotated[Moderation, Field(description="Moderate the request.")]
    prompt_cache_key: Annotated[str, Field(description="Route like prompts to one cache.")]
    prompt_cache_options: Annotated[PromptCacheOptions, Field(description="Prompt caching.")]
    prompt_cache_retention: Annotated[
        Literal["in_memory", "24h"],
        Field(description="Deprecated: prompt_cache_options.", deprecated=True),
    ]
    safety_identifier: Annotated[
        str, Field(max_length=128, description="A stable identifier of your end user.")
    ]
    user: Annotated[
        str,
        Field(description="Deprecated: safety_identifier and prompt_cache_key.", deprecated=True),
    ]


PARAMETERS = tuple(Parameters.__annotations__)
"""Every request parameter of POST /v1/chat/completions, in the order above."""
