"""What a model may be told to call: functions, tools, and the choice among them."""

from typing import Annotated, Literal, Required

from pydantic import Field, Tag
from typing_extensions import TypedDict

from runner.core.api.shapes import Plain, Schema, Text, closed, either, typed

FUNCTION_NAME = r"^[A-Za-z0-9_-]{1,64}$"

FunctionName = Annotated[str, Field(pattern=FUNCTION_NAME)]
FunctionParameters = Annotated[
    Plain | Annotated[Schema, Tag("(table)")], either("a table or a JSON string")
]
"""JSON Schema of a function's arguments: a table, or the same as JSON text."""


@closed
class Function(TypedDict, total=False):
    """A function the model may call."""

    name: Required[FunctionName]
    description: str
    parameters: FunctionParameters


@closed
class StrictFunction(Function, total=False):
    """A function tool the model may call."""

    strict: bool


@closed
class FunctionTool(TypedDict):
    """A tool with arguments by a JSON Schema."""

    type: Literal["function"]
    function: StrictFunction


@closed
class TextFormat(TypedDict):
    """Unconstrained text."""

    type: Literal["text"]


@closed
class Grammar(TypedDict):
    """A grammar the input of a custom tool follows."""

    definition: str
    syntax: Literal["lark", "regex"]


@closed
class GrammarFormat(TypedDict):
    """Text by a grammar."""

    type: Literal["grammar"]
    grammar: Grammar


@closed
class Custom(TypedDict, total=False):
    """A tool with free text for input."""

    name: Required[Text]
    description: str
    format: Annotated[
        Annotated[TextFormat, Tag("(text)")] | Annotated[GrammarFormat, Tag("(grammar)")],
        typed("text", "grammar"),
    ]


@closed
class CustomTool(TypedDict):
    """A custom tool."""

    type: Literal["custom"]
    custom: Custom


Tool = Annotated[
    Annotated[FunctionTool, Tag("(function)")] | Annotated[CustomTool, Tag("(custom)")],
    typed("function", "custom"),
]


@closed
class Named(TypedDict):
    """Something by its name."""

    name: Text


@closed
class FunctionChoice(TypedDict):
    """This function must be called."""

    type: Literal["function"]
    function: Named


@closed
class CustomChoice(TypedDict):
    """This custom tool must be called."""

    type: Literal["custom"]
    custom: Named


AllowedTool = Annotated[
    Annotated[FunctionChoice, Tag("(function)")] | Annotated[CustomChoice, Tag("(custom)")],
    typed("function", "custom"),
]


@closed
class AllowedTools(TypedDict):
    """The tools that may be called."""

    mode: Literal["auto", "required"]
    tools: list[AllowedTool]


@closed
class AllowedChoice(TypedDict):
    """A choice among some of the tools."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


ToolChoiceTable = Annotated[
    Annotated[FunctionChoice, Tag("(function)")]
    | Annotated[CustomChoice, Tag("(custom)")]
    | Annotated[AllowedChoice, Tag("(allowed_tools)")],
    typed("function", "custom", "allowed_tools"),
    Tag("(table)"),
]
