"""What may be written in a check or a comparison of answers: keys and types."""

from typing import Annotated, Any, Literal, NotRequired, Required

from pydantic import Field, Tag
from typing_extensions import TypedDict

from runner.core.api.shapes import Text, closed, either
from runner.core.language.judge_blocks import Judge
from runner.core.language.names import IDENTIFIER

Share = Annotated[float, Field(ge=0, le=1)]
Texts = Annotated[list[str], Field(min_length=1)]
Passages = Annotated[list[Text], Field(min_length=1)]
Whole = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Addresses = Annotated[
    Annotated[Text, Tag("(text)")] | Annotated[list[Text], Field(min_length=1), Tag("(list)")],
    either("an address or a list of addresses"),
]
_OneOrMore = Annotated[
    Annotated[Text, Tag("(text)")] | Annotated[Texts, Tag("(list)")],
    either("a text or a list of texts"),
]
CheckName = Annotated[str, Field(pattern=IDENTIFIER)]


@closed
class Size(TypedDict, total=False):
    """How long a text may be."""

    min: Annotated[Whole, Field(description="At least so many.")]
    max: Annotated[Whole, Field(description="At most so many.")]


@closed
class Quantity(TypedDict, total=False):
    """How much an answer may take."""

    min: Annotated[Amount, Field(description="At least so much.")]
    max: Annotated[Amount, Field(description="At most so much.")]


@closed
class Number(TypedDict, total=False):
    """What the last number of a text is."""

    equals: Annotated[float, Field(description="This number.")]
    within: Annotated[Amount, Field(description="So far off is near enough.")]
    min: Annotated[float, Field(description="At least.")]
    max: Annotated[float, Field(description="At most.")]


@closed
class ExpectedCall(TypedDict):
    """A call of a tool; its arguments fit the tool's own schema, and these."""

    name: Annotated[Text, Field(description="Name of the tool.")]
    arguments: NotRequired[
        Annotated[dict[str, Any], Field(description="Arguments that the call has.")]
    ]
    exact: NotRequired[Annotated[bool, Field(description="true: these and no others.")]]


@closed
class ExpectedCalls(TypedDict):
    """Which tools are called."""

    names: Annotated[Texts, Field(description="Names of the tools, as often as they are called.")]
    ordered: NotRequired[Annotated[bool, Field(description="true: in this order.")]]
    at_least: NotRequired[
        Annotated[Share, Field(description="F1 of the names that is enough; default: 1.")]
    ]


_Value = Annotated[str, Field(description="A text, mostly an expression.")]

Expect = TypedDict(
    "Expect",
    {
        "equals": Annotated[str, Field(description="The text is this.")],
        "contains": Annotated[Text, Field(description="The text has this in it.")],
        "contains_any": Annotated[Passages, Field(description="It has one of these.")],
        "contains_all": Annotated[Passages, Field(description="It has all of these.")],
        "starts_with": Annotated[Text, Field(description="It begins so.")],
        "ends_with": Annotated[Text, Field(description="It ends so.")],
        "one_of": Annotated[Texts, Field(description="It is one of these labels.")],
        "matches": Annotated[Text, Field(description="A regular expression (RE2) is found in it.")],
        "json": Annotated[bool, Field(description="It is JSON, or none.")],
        "json_schema": Annotated[
            dict[str, Any],
            Field(description="JSON that fits: a schema, or \"{{ json('schema.json') }}\"."),
        ],
        "number": Annotated[Number, Field(description="The last number of the text.")],
        "words": Annotated[Size, Field(description="How many words.")],
        "characters": Annotated[Size, Field(description="How many characters.")],
        "lines": Annotated[Size, Field(description="How many lines.")],
        "tokens": Annotated[Size, Field(description="How many tokens the text has.")],
        "cost": Annotated[Quantity, Field(description="US dollars of the answer.")],
        "seconds": Annotated[Quantity, Field(description="Seconds that the answer took.")],
        "output_tokens": Annotated[Quantity, Field(description="Tokens that the server counted.")],
        "finish_reason": Annotated[_OneOrMore, Field(description="Why the answer ended.")],
        "refusal": Annotated[bool, Field(description="false: the model did not refuse.")],
        "tool_call": Annotated[ExpectedCall, Field(description="A tool is called.")],
        "tool_calls": Annotated[ExpectedCalls, Field(description="These tools are called.")],
        "similarity": Annotated[Text, Field(description="How like this text it is, from 0 to 1.")],
        "condition": Annotated[bool, Field(description='An expression: "{{ self.usage.x < 9 }}".')],
        "program": Annotated[
            Texts, Field(description="A program, and its arguments: a line of JSON an answer.")
        ],
        "not": Annotated["Expect", Field(description="The opposite.")],
        "any": Annotated[list["Expect"], Field(min_length=1, description="One of these.")],
        "all": Annotated[list["Expect"], Field(min_length=1, description="All of these.")],
        "on": Annotated[Any, Field(description="What is looked at instead of the answer's text.")],
        "ignore_case": Annotated[bool, Field(description="Upper and lower case are the same.")],
        "ignore_space": Annotated[bool, Field(description="Any white space is one space.")],
        "by": Annotated[
            Literal["indel", "token-f1", "rouge-l"],
            Field(description="How similarity is measured; default: indel."),
        ],
        "at_least": Annotated[Share, Field(description="The similarity that is enough.")],
    },
    total=False,
)
Expect.__doc__ = "What is expected of an answer: one matcher, and what it takes."
closed(Expect)


@closed
class Check(TypedDict, total=False):
    """What a good answer is."""

    of: Annotated[Required[Addresses], Field(description="Whose answers: addresses.")]
    description: Annotated[str, Field(description="Said to people.")]
    expect: Annotated[list[Expect], Field(min_length=1, description="All of these hold.")]
    score: Annotated[Expect, Field(description="A number from 0 to 1 for each answer.")]
    judge: Annotated[Judge, Field(description="A model says of each answer whether it holds.")]
    at_least: Annotated[
        Share, Field(description="The share that has to hold, or the mean of scores; default: 1.")
    ]
    gate: Annotated[
        Literal["point", "bound"],
        Field(description="bound: the lower end of the 95 % interval has to reach at_least."),
    ]
    severity: Annotated[
        Literal["error", "warn"], Field(description="warn: reported, and no failure.")
    ]
    missing: Annotated[
        Literal["error", "ignore"],
        Field(description="ignore: answers that are not there do not count against it."),
    ]
    unscored: Annotated[
        Literal["error", "ignore"],
        Field(
            description="Answers of which it cannot be told: error: each counts against it; "
            "ignore: none, also where it is told of no answer at all."
        ),
    ]
    tags: Annotated[list[Text], Field(description="Words to choose it by: --tag.")]


@closed
class Compare(TypedDict, total=False):
    """Whether some answers are better than others."""

    of: Annotated[Required[Addresses], Field(description="Whose answers: addresses.")]
    by: Annotated[Required[Text], Field(description="The axis whose values are compared.")]
    description: Annotated[str, Field(description="Said to people.")]
    baseline: Annotated[Text, Field(description="Its value that others are compared with.")]
    checks: Annotated[list[CheckName], Field(description="Checks that are compared.")]
    no_worse_than: Annotated[Share, Field(description="So much worse is no worse.")]
    gate: Annotated[
        Literal["not_shown_worse", "shown_no_worse"],
        Field(description="What fails `runner check`: to be shown worse, or not to be shown equal"),
    ]
    severity: Annotated[
        Literal["error", "warn"], Field(description="warn: reported, and no failure.")
    ]
    tags: Annotated[list[Text], Field(description="Words to choose it by: --tag.")]
