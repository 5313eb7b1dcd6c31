"""What may be written in the judge of a check: keys and types."""

from typing import Annotated, Any

from pydantic import Field

from runner.core.api.parameters import Parameters
from runner.core.api.shapes import Text, closed
from runner.core.language.names import IDENTIFIER

_Rubric = Annotated[str, Field(pattern=IDENTIFIER)]


@closed
class UsualJudge(Parameters, total=False):
    """Who judges answers where a check does not say it."""

    provider: Annotated[Text, Field(description="Name of the provider.")]


@closed
class Judge(Parameters, total=False):
    """A model that judges each answer: parameters of its requests, and what it judges by."""

    provider: Annotated[Text, Field(description="Name of the provider.")]
    rubric: Annotated[Text, Field(description="What a good answer is.")]
    rubrics: Annotated[
        dict[_Rubric, Text],
        Field(min_length=1, description="Several, by name: one request, a verdict on each."),
    ]
    reference: Annotated[Any, Field(description="What the answer is compared with.")]
    prompt: Annotated[
        Text,
        Field(
            description="Instead of the runner's own; it names rubric, answer, request, reference."
        ),
    ]
    samples: Annotated[
        int, Field(ge=1, le=99, description="So many verdicts on each answer; the majority counts.")
    ]
    scale: Annotated[
        float, Field(gt=0, description="A score from 0 to this instead of pass or fail.")
    ]
    extra_body: Annotated[dict[str, Any], Field(description="Merged into the request's body.")]
    extra_headers: Annotated[dict[str, str], Field(description="Headers of the request.")]
