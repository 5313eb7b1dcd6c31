"""What a preset says of its server: what it takes, and what it does with a parameter."""

from typing import Any

import pytest

from runner.core.request.presets import Quirk, preset_of

TABLE: dict[str, Any] = {
    "base_url": "https://now.example/v2",
    "keys": ["A_KEY"],
    "refuses": ["logprobs", "messages[].name", {"key": "n", "above": 1}],
    "ignores": ["seed", "tools[].function.strict", {"key": "response_format.type", "is": "text"}],
    "names": {"max_completion_tokens": "max_tokens", "top_p": "extra_body.nucleus"},
}
PRESET = preset_of("somewhere", TABLE)


def parameters(body: dict[str, Any]) -> list[str]:
    """What of a request the server does not do as written."""
    return [quirk.key for quirk in PRESET.quirks if quirk.met(body)]


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ({"model": "m", "messages": [{"role": "user", "content": "x"}]}, []),
        ({"logprobs": True}, ["logprobs"]),
        ({"logprobs": False}, ["logprobs"]),  # refused wherever it is sent
        ({"logprobs": None}, []),
        ({"n": 1}, []),
        ({"n": 2}, ["n"]),
        ({"n": "2"}, []),
        ({"messages": [{"role": "user"}, {"role": "user", "name": "x"}]}, ["messages[].name"]),
        ({"messages": "text"}, []),
        ({"seed": 0}, ["seed"]),
        ({"tools": [{"function": {"strict": True}}]}, ["tools[].function.strict"]),
        ({"tools": [{"function": {"strict": False}}]}, []),  # what is ignored is not asked for
        ({"tools": [None, {"function": 1}]}, []),
        ({"response_format": {"type": "text"}}, ["response_format.type"]),
        ({"response_format": {"type": "json_object"}}, []),
        ({"max_completion_tokens": 5}, ["max_completion_tokens"]),
    ],
)
def test_what_a_server_does_not_do_is_found_in_a_request(
    body: dict[str, Any], keys: list[str]
) -> None:
    assert parameters(body) == keys


def test_each_is_said_in_a_sentence_with_the_way_out() -> None:
    said = {quirk.key: quirk.said("somewhere") for quirk in PRESET.quirks}
    assert said["n"] == (
        "somewhere refuses n above 1. It is sent as written, and the request will fail: remove it."
    )
    assert said["response_format.type"].startswith(
        'somewhere ignores response_format.type = "text". It is sent as written, and the answer'
    )
    assert said["max_completion_tokens"].endswith("write max_tokens = ..")
    assert said["top_p"].endswith("write extra_body = { nucleus = .. }")


def test_the_parameter_of_a_path_is_its_first_step() -> None:
    assert Quirk("refuses", "tools[].function.strict").parameter == "tools"
    assert Quirk("refuses", "response_format.type").parameter == "response_format"


def test_a_url_that_changes_leaves_the_identity() -> None:
    assert PRESET.identity == PRESET.base_url == "https://now.example/v2"
    moved = preset_of("x", {"base_url": "https://new.example", "identity": "https://old.example"})
    assert (moved.base_url, moved.identity) == ("https://new.example", "https://old.example")
