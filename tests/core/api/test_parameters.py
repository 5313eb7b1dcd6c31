"""The parameters against the types of the official Python package."""

from typing import Any, Literal, get_args, get_origin

import pytest
from openai.types.chat import completion_create_params as official
from typing_extensions import get_type_hints, is_typeddict

from runner.core.api.names import TRANSPORT
from runner.core.api.parameters import PARAMETERS, Parameters

OFFICIAL = {
    **get_type_hints(official.CompletionCreateParamsStreaming),
    **get_type_hints(official.CompletionCreateParamsNonStreaming),
    "stream": bool,
}
OURS = get_type_hints(Parameters, include_extras=True)
TAKES_NAMES = ("function_call", "tool_choice")  # a bare string may be a function's name


def keys_and_values(found: Any, seen: set[Any]) -> tuple[set[str], set[str]]:
    """Every key of the tables inside a type, and every literal."""
    if get_origin(found) is Literal:
        return set(), set(get_args(found))
    keys: set[str] = set()
    values: set[str] = set()
    inner: list[Any] = list(get_args(found))
    if is_typeddict(found) and found not in seen:
        seen.add(found)
        hints = get_type_hints(found, include_extras=True)
        keys |= hints.keys()
        inner += hints.values()
    for part in inner:
        more_keys, more_values = keys_and_values(part, seen)
        keys |= more_keys
        values |= more_values
    return keys, values


def test_the_names_are_those_of_the_official_package() -> None:
    assert set(PARAMETERS) == set(OFFICIAL)
    assert set(PARAMETERS) > TRANSPORT


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_tables_have_the_keys_of_the_official_package(name: str) -> None:
    """Only `file`, for a local file, is the runner's own; `annotations` are of an answer's message,
    which the API takes back as it came.
    """
    ours, _ = keys_and_values(OURS[name], set())
    theirs, _ = keys_and_values(OFFICIAL[name], set())
    assert ours - theirs <= {"file", "annotations"}
    assert theirs <= ours


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_closed_sets_are_those_of_the_official_package(name: str) -> None:
    """Names of models and voices are open; OpenAI's own are only suggestions."""
    _, ours = keys_and_values(OURS[name], set())
    _, theirs = keys_and_values(OFFICIAL[name], set())
    if name in {"model", "audio", "moderation"}:
        assert ours <= theirs
    elif name in TAKES_NAMES:
        assert theirs - ours <= {"none", "auto", "required"}
        assert ours <= theirs
    else:
        assert ours == theirs
