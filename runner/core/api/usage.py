"""What an answer used, as its response says."""

from dataclasses import dataclass

import msgspec

from runner.core.state.records import Natural


@dataclass(frozen=True, slots=True)
class Used:
    """The tokens of one answer, and the model that says it gave it."""

    prompt: int
    completion: int
    model: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: Natural | None = None
    completion_tokens: Natural | None = None


class _Measured(msgspec.Struct):
    usage: _Usage
    model: str | None = None


_MEASURED = msgspec.json.Decoder(_Measured)


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
