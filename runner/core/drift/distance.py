"""How far apart two answers to one request are."""

import math
from typing import Any

from runner.core.api.answer import Answer, output_value
from runner.core.checks.similarity import words_apart
from runner.core.checks.tool_calls import calls_of
from runner.core.plan.diff import ABSENT, leaves
from runner.core.received import json_of


def meant(answer: Answer) -> Any:
    """What an answer says, without what is another in each: a text, or what its JSON holds; and the
    tools that it calls, with their arguments.
    """
    calls = [{"name": name, "arguments": _read(arguments)} for name, arguments in calls_of(answer)]
    said = output_value(answer)
    text = _read(said) if isinstance(said, str) else ""
    return [text, *calls] if calls else text


def distance(one: Any, other: Any) -> float:
    """How far apart two values that are `meant` are, from 0 to 1: texts by their words, JSON value
    by value, whatever the order of its keys.
    """
    if isinstance(one, str) and isinstance(other, str):
        return words_apart(one, other)
    first, second = dict(leaves(one)), dict(leaves(other))
    places = first.keys() | second.keys()
    apart = (_between(first.get(at, ABSENT), second.get(at, ABSENT)) for at in places)
    return math.fsum(apart) / len(places)


def _between(one: Any, other: Any) -> float:
    if isinstance(one, str) and isinstance(other, str):
        return words_apart(one, other)
    return float(type(one) is not type(other) or one != other)


def _read(text: str) -> Any:
    """The table or list that a text is as JSON; any other as it is."""
    try:
        held = json_of(text)
    except ValueError:
        return text
    return held if isinstance(held, dict | list) else text
