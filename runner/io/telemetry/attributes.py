"""What a span says of a request and of its answer: only what was declared, and what came."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runner.core.api.exchange import Failure
from runner.io.telemetry import conventions as names
from runner.io.telemetry.messages import input_messages, output_messages, tool_definitions

AttributeValue = str | bool | int | float | list[str]
Attributes = dict[str, AttributeValue]

_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def asked_attributes(request: Mapping[str, Any], *, of_openai: bool) -> Attributes:
    """Of a request's body, as it is recorded; a value of another type than it should have is a
    mask, and not told.
    """
    found = _typed(request, names.TEXTS, str)
    wanted = request.get("response_format")
    if isinstance(wanted, dict):
        is_json = wanted.get("type") in ("json_object", "json_schema")
        found[names.OUTPUT_TYPE] = "json" if is_json else "text"
    found |= {key: request[name] for name, key in names.INTEGERS.items() if _counts(request, name)}
    found |= {key: float(value) for key, value in _numbers(request)}
    stop = request.get("stop")
    if isinstance(stop, str | list):
        found[names.STOP] = [stop] if isinstance(stop, str) else [str(one) for one in stop]
    if _counts(request, "n") and request["n"] != 1:
        found[names.CHOICES] = request["n"]
    if request.get("stream") is True:
        found[names.REQUEST_STREAM] = True
    if of_openai:
        found[names.OPENAI_API] = "chat_completions"
        found |= _typed(request, names.OPENAI_REQUEST, str)
    return found


def answered_attributes(response: Mapping[str, Any], *, of_openai: bool) -> Attributes:
    """Of a response; what it does not say is not told."""
    named = {"id": names.RESPONSE_ID, "model": names.RESPONSE_MODEL}
    if of_openai:
        named |= names.OPENAI_RESPONSE
    found = _typed(response, named, str)
    choices = response.get("choices")
    ends = [
        choice["finish_reason"]
        for choice in (choices if isinstance(choices, list) else ())
        if isinstance(choice, dict) and isinstance(choice.get("finish_reason"), str)
    ]
    if ends:
        found[names.FINISH_REASONS] = ends
    return found | dict(_usage(response.get("usage")))


def content_attributes(
    request: Mapping[str, Any], response: Mapping[str, Any] | None
) -> Attributes:
    """What was asked, and what was answered if it was: only where somebody wants it told."""
    found: Attributes = {names.INPUT_MESSAGES: input_messages(request)}
    tools = tool_definitions(request)
    if tools is not None:
        found[names.TOOLS] = tools
    if response is not None:
        found[names.OUTPUT_MESSAGES] = output_messages(response)
    return found


def error_type(failure: Failure, fault: str | None) -> str:
    """One of few words for what went wrong; `fault` is that of the last attempt."""
    said = (failure.code, failure.type)
    word = next((one for one in said if one is not None and _WORD.fullmatch(one)), None)
    return word or (fault if failure.status is None else str(failure.status)) or "_OTHER"


def _typed(table: Mapping[str, Any], named: Mapping[str, str], kind: type) -> Attributes:
    return {key: table[name] for name, key in named.items() if type(table.get(name)) is kind}


def _counts(table: Mapping[str, Any], name: str) -> bool:
    """Whether it is an integer that the protocol has room for."""
    return type(table.get(name)) is int and -(2**63) <= table[name] < 2**63


def _numbers(request: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, key in names.NUMBERS.items():
        if isinstance(request.get(name), int | float) and not isinstance(request[name], bool):
            yield key, request[name]


def _usage(usage: object) -> Iterator[tuple[str, int]]:
    if not isinstance(usage, dict):
        return
    asked, answered = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    for key, table, name in (
        (names.INPUT_TOKENS, usage, "prompt_tokens"),
        (names.OUTPUT_TOKENS, usage, "completion_tokens"),
        (names.CACHED_TOKENS, asked, "cached_tokens"),
        (names.REASONING_TOKENS, answered, "reasoning_tokens"),
    ):
        if isinstance(table, dict) and _counts(table, name):
            yield key, table[name]
