"""A request's prompt: what of a body is read by the model, how many tokens that may be, and how
many at the very most.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from msgspec import Struct

from runner.core.plan.tokens import TokenRange, Vocabulary, text_tokens
from runner.core.request.outline import Outline

_CALLS = ("tool_calls", "function_call")
_DECLARED = ("tools", "functions", "response_format")
_READ = ("model", "messages", *_DECLARED, "modalities", "prediction")
_TEXTS = ("text", "refusal")
_COSTS_BESIDES = ("audio", "plugins", "search_settings", "web_search_options")
_OWN_TOOLS = ("function", "custom")
_OPENAI = re.compile(r"(?:openai/)?(?:chatgpt|gpt-4o|gpt-4\.|gpt-5|o[134](?:-|$))")
_HARMONY = re.compile(r"(?:.*/)?gpt-oss")

_SEARCHES = re.compile(r"compound|sonar|search")
"""What is in the names of models that read what they find, whatever they are asked."""

MESSAGE = 32
TOOL = 256
"""Tokens that --max-cost allows for beside one for each byte of the body: for what a server writes
around each message and each tool. What it writes around the whole hangs on whose model it is.
"""


_PICTURE = TokenRange(60, 60)


class _Family(Struct, frozen=True):
    """What a model's server writes around texts; factors of tools and schemas, whose JSON some
    servers write anew.
    """

    vocabulary: Vocabulary
    message: TokenRange
    around: TokenRange
    tools: TokenRange
    with_tools: TokenRange
    ceiling: int


_BY_OPENAI = _Family(
    "wide", TokenRange(3, 4.5), TokenRange(2, 5), TokenRange(0.4, 0.75), TokenRange(0, 60), 64
)
_BY_HARMONY = _Family(
    "wide", TokenRange(3, 8), TokenRange(0, 90), TokenRange(0.25, 1.3), TokenRange(0, 150), 768
)
_BY_ANY = _Family(
    "any", TokenRange(2, 6), TokenRange(0, 32), TokenRange(0.4, 1.3), TokenRange(0, 700), 768
)


class Prompt(Struct, frozen=True, eq=False):
    """What the prompts of an outline have in common: their model, whether tools are at hand,
    whether all that is read and written is text (see `can_be_counted`), and the tokens of all but
    the contents that it leaves empty: those before the first of them, and those after each, one by
    one, so that every prompt is summed up in the order of its body.
    """

    model: str
    has_tools: bool
    is_text: bool
    vocabulary: Vocabulary
    first: TokenRange
    rest: Sequence[Sequence[TokenRange]]

    def tokens(self, contents: Sequence[str] = ()) -> TokenRange:
        """The tokens of a prompt by its texts alone. A picture is 60 at least, a sound or a file
        one; how many at most is not known.
        """
        found = self.first
        for content, after in zip(contents, self.rest, strict=True):
            found = found.plus(text_tokens(content, self.vocabulary))
            for tokens in after:
                found = found.plus(tokens)
        return found


@lru_cache(maxsize=1)  # requests of one outline come one after the other
def prompt_of(outline: Outline) -> Prompt:
    """What the prompts of an outline have in common, looked at once."""
    body = outline.body
    model = str(body.get("model", ""))
    family = _family(model)
    first, rest = family.around, list[list[TokenRange]]()
    for tokens in _counted(body, family, outline.places):
        if tokens is None:
            rest.append([])
        elif rest:
            rest[-1].append(tokens)
        else:
            first = first.plus(tokens)
    tools, is_text = _has_tools(body), can_be_counted(body)
    return Prompt(model, tools, is_text, family.vocabulary, first, rest)


def _counted(
    body: Mapping[str, Any], family: _Family, empty: Collection[int]
) -> Iterator[TokenRange | None]:
    """The tokens of what is read of a body, in its order; None for what is left empty."""
    for at, message in enumerate(messages_of(body)):
        yield family.message
        if at in empty:
            yield None
        for text in _texts(message):
            yield text_tokens(text, family.vocabulary)
        for part in _parts(message):
            if part.get("type") == "image_url":
                yield _PICTURE
    for name in _DECLARED:
        if body.get(name):
            declared = text_tokens(_json(body[name]), family.vocabulary)
            yield declared.scaled(family.tools.low, family.tools.high)
    if _has_tools(body):
        yield family.with_tools


def prompt_ceiling(body: bytes) -> int:
    """How many tokens a prompt of text has at the very most: one for each byte of the body, and
    what is allowed for around it. No report makes it less.
    """
    held = orjson.loads(body)
    lists = (held.get(name) for name in ("tools", "functions"))
    tools = sum(len(declared) for declared in lists if isinstance(declared, list))
    around = _family(str(held.get("model", ""))).ceiling
    return len(body) + MESSAGE * len(messages_of(held)) + TOOL * tools + around


def can_be_counted(body: Mapping[str, Any]) -> bool:
    """Whether all that is read and written is text of the body, which can be counted."""
    if _searches(str(body.get("model", ""))) or any(map(body.get, _COSTS_BESIDES)):
        return False
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict) and tool.get("type", "function") not in _OWN_TOOLS:
            return False  # one of the server's: what it finds is read as well
    return all(
        part.get("type") in _TEXTS for message in messages_of(body) for part in _parts(message)
    )


def read_by_model(body: Mapping[str, Any]) -> bytes:
    """All of a body that its prompt is made of: the same prompt, the same bytes."""
    return orjson.dumps([body.get(name) for name in _READ], option=orjson.OPT_SORT_KEYS)


def messages_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages of a body that are tables."""
    found = body.get("messages")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _has_tools(body: Mapping[str, Any]) -> bool:
    return bool(body.get("tools") or body.get("functions"))


@lru_cache(maxsize=64)
def _searches(model: str) -> bool:
    return _SEARCHES.search(model) is not None


@lru_cache(maxsize=64)
def _family(model: str) -> _Family:
    if _OPENAI.match(model):
        return _BY_OPENAI
    return _BY_HARMONY if _HARMONY.match(model) else _BY_ANY


def _texts(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    if content and isinstance(content, str):
        yield content
    for part in _parts(message):
        yield str(part.get("text") or part.get("refusal") or "")
    if "name" in message:
        yield str(message["name"])
    for name in _CALLS:
        if message.get(name):
            yield _json(message[name])


def _parts(message: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    content = message.get("content")
    if not isinstance(content, list):
        return ()
    return [part for part in content if isinstance(part, dict)]


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
