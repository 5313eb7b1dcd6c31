"""What an answer used, as its response says."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

_Count = Annotated[int, Meta(ge=0, le=10**12)]
"""Of tokens. What is more than anybody answers is no count: sums of them would not be written."""


class Used(Struct, frozen=True, gc=False):
    """The tokens of one answer, and the model that says it gave it."""

    prompt: int
    completion: int
    model: str | None = None

    @property
    def total(self) -> int:
        """Both together."""
        return self.prompt + self.completion

    @property
    def table(self) -> dict[str, int]:
        """As the API names them."""
        return {"prompt_tokens": self.prompt, "completion_tokens": self.completion}


class _Usage(msgspec.Struct):
    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None


class _Measured(msgspec.Struct):
    usage: _Usage
    model: str | None = None


_MEASURED = msgspec.json.Decoder(_Measured)


class _Details(msgspec.Struct):
    cached_tokens: _Count | None = None


class _Detailed(msgspec.Struct):
    prompt_tokens_details: _Details


class _Cached(msgspec.Struct):
    usage: _Detailed


_CACHED = msgspec.json.Decoder(_Cached)


class _Asked(msgspec.Struct):
    model: str


_ASKED = msgspec.json.Decoder(_Asked)


def asked_model(body: bytes) -> str:
    """The model that a body asks for; empty if it names none."""
    try:
        return _ASKED.decode(body).model
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""


def cached_tokens(raw: bytes) -> int:
    """How many tokens of the prompt the server says it had in its cache; 0 if it does not say."""
    try:
        found = _CACHED.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return 0
    return found.usage.prompt_tokens_details.cached_tokens or 0


def usage_of(raw: bytes) -> Used | None:
    """What a response says it used; None if it does not say. Nothing else is read."""
    try:
        found = _MEASURED.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    prompt, completion = found.usage.prompt_tokens, found.usage.completion_tokens
    if prompt is None and completion is None:
        return None
    return Used(prompt or 0, completion or 0, found.model)
