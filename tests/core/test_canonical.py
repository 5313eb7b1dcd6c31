"""Fingerprints never change: recorded digests are literals here."""

import hashlib
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.core.canonical import canonical, dotted, fingerprint, normalise
from runner.core.plan.actions import Issue
from runner.core.plan.targets import Choice
from runner.core.request.provider import Provider
from runner.core.request.provider_types import EMBEDDED
from runner.operations.reading.loaded import Loaded
from tests.harness.lab import EVERYTHING, Lab, project

RECORDED = """
[provider.openai]
base_url = "https://api.openai.com/v1"
[provider.local]
type = "openai"
base_url = "http://127.0.0.1:8000/v1/"
[provider.embedded]
[completion.plain]
model = "gpt-4o"
messages = [{ role = "user", content = "Tell me about the oceans." }]
[completion.numbers]
model = "gpt-4o"
temperature = 0.7
max_tokens = 500
top_p = 1.0
seed = 0
logprobs = false
stop = ""
messages = [{ role = "system", content = "" }, { role = "user", content = "Größe: 10 µm 😀" }]
[completion.triggered]
model = "gpt-4o"
triggers = { day = 1, who = "x" }
messages = [{ role = "user", content = "Tell me about the oceans." }]
[completion.local]
provider = "local"
model = "gpt-4o"
messages = [{ role = "user", content = "Tell me about the oceans." }]
[completion.embedded]
provider = "embedded"
messages = [{ role = "user", content = "Tell me about the oceans." }]
[completion.tool]
model = "gpt-4o"
messages = [{ role = "user", content = "Weather?" }]
functions = [{ name = "f", parameters = '{"type": "object", "properties": {}}' }]
function_call = "f"
[completion.image]
model = "gpt-4o"
[[completion.image.messages]]
role = "user"
content = [
  { type = "text", text = "What?" },
  { type = "image_url", image_url = { file = "dot.png" } },
]
"""
DIGESTS = {
    "completion.embedded": "4fedfc37ec497f9cdb18aba9c7aaca64d9c568ad2d7c6f62bbb0f120b58d081f",
    "completion.image": "90bff94b2c9047a31d8205e9652e474f2c17a51d68e4db358f5745d086f3cb95",
    "completion.local": "219a0fc9b58e1518972e44b462874f304a8fac10b32660300e695e7852633d2d",
    "completion.numbers": "32ae7d7850513bbb3b4f58b01ad1fd3dc608e57723950778237281ea55bcb7fb",
    "completion.plain": "4d9a6856f3e204a5a22d30e3822051dfa8469dba8b79ebd0c453b336936aaca1",
    "completion.tool": "9ee64305727ce3ebe23614dedea463650511eaa85848044529d7e5fc3d56c67f",
    "completion.triggered": "41846da21ec19c41560c4b14795bb70184f15b32100b67ebf4148b3dfe2156f8",
}


class Recorded(Lab):
    """A lab whose embedded model is the one that answered when this was recorded."""

    def loaded(self, choice: Choice = EVERYTHING) -> Loaded:
        read = super().loaded(choice)
        embedded = Provider.of("embedded", EMBEDDED, "0" * 64, {}, {})
        read.providers = {**read.providers, "embedded": embedded}
        return read


def fingerprints(lab: Lab) -> dict[str, str]:
    """The fingerprint of every request that a first plan would issue."""
    return {
        step.address: step.action.fingerprint
        for step in lab.plan().steps
        if isinstance(step.action, Issue)
    }


def one(parameters: str) -> str:
    """The fingerprint of a completion with these parameters besides its model and message."""
    text = f"[completion.a]\nmodel = 'm'\n{parameters}\n"
    if "messages" not in parameters:
        text += "messages = [{ role = 'user', content = 'x' }]\n"
    return fingerprints(project(text))["completion.a"]


def test_recorded_requests_keep_their_fingerprints() -> None:
    """Law 6: a change here re-issues every answer of every user; it needs a new version."""
    lab = Recorded({"configs/main.toml": RECORDED, "configs/dot.png": "not really a png"})
    assert fingerprints(lab) == DIGESTS


def test_a_fingerprint_is_the_sha256_of_canonical_json() -> None:
    """What is hashed can be written down by hand."""
    text = (
        '{"body":{"messages":[{"content":"Tell me about the oceans.","role":"user"}],'
        '"model":"gpt-4o"},"provider":{"base_url":"https://api.openai.com/v1","type":"openai"},'
        '"version":1}'
    )
    assert hashlib.sha256(text.encode()).hexdigest() == DIGESTS["completion.plain"]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("temperature = 1", "temperature = 1.0"),
        ("temperature = 0", "temperature = -0.0"),
        ("temperature = 0.5", "temperature = 5e-1"),
        ("temperature = 1", "temperature = '{{ 1 }}'"),
        ("top_p = 1\nseed = 3", "seed = 3\ntop_p = 1"),
        ("", "user = 'u'"),
        ("", "stream = true\nstream_options = { include_usage = true }"),
        ("", "store = true\nmetadata = { a = 'b' }"),
        ("", "service_tier = 'flex'\nsafety_identifier = 's'\nprompt_cache_key = 'k'"),
        ("", "extra_headers = { x-team = 'a' }"),
        ("", "enabled = true\nlifecycle = { prevent_destroy = true }"),
        (
            "messages = [{ role = 'user', content = 'x' }]",
            "messages = [{ content = '{{ \"x\" }}', role = 'user' }]",
        ),
        (
            'functions = [{ name = \'f\', parameters = \'{"type":"object","x":1}\' }]',
            "functions = [{ parameters = { x = 1.0, type = 'object' }, name = 'f' }]",
        ),
        ("temperature = 1", "extra_body = { temperature = 1.0 }"),
    ],
)
def test_what_asks_the_same_has_the_same_fingerprint(left: str, right: str) -> None:
    """Spelling, order, transport fields and headers are no part of what is asked."""
    assert one(left) == one(right)


def test_every_different_request_has_a_fingerprint_of_its_own() -> None:
    """0, false, "" and absent are four different things, and so are text and number."""
    asked = [
        "",
        "seed = 0",
        "seed = 1",
        "logprobs = false",
        "logprobs = true",
        "stop = ''",
        "stop = []\nextra_body = { stop = [] }",
        "stop = ['']",
        "extra_body = { x = 0 }",
        "extra_body = { x = false }",
        "extra_body = { x = '' }",
        "extra_body = { x = '0' }",
        "extra_body = { x = {} }",
        "extra_body = { x = [] }",
        "triggers = {}",
        "triggers = { a = 0 }",
        "triggers = { a = false }",
        "triggers = { a = '' }",
        "messages = [{ role = 'user', content = 'x ' }]",
        "messages = [{ role = 'developer', content = 'x' }]",
        "messages = [{ role = 'user', content = 'x' }, { role = 'user', content = '' }]",
    ]
    asked.remove("stop = []\nextra_body = { stop = [] }")
    found = [one(parameters) for parameters in asked]
    assert len(set(found)) == len(asked)


def test_the_files_bytes_count() -> None:
    """A picture that changed under its name is another request."""
    first = project(RECORDED, **{"configs__dot.png": "one"})
    second = project(RECORDED, **{"configs__dot.png": "two"})
    one_, two = fingerprints(first), fingerprints(second)
    assert {name for name in one_ if one_[name] != two[name]} == {"completion.image"}


def test_body_provider_and_triggers_are_told_apart() -> None:
    """No part of one can pass for a part of another."""
    found = {
        fingerprint(b"{}", b"{}"),
        fingerprint(b"{}", b"{}", b"{}"),
        fingerprint(b'{"a":1}', b"{}"),
        fingerprint(b"{}", b'{"a":1}'),
        fingerprint(b"{}", b"{}", b'{"a":1}'),
    }
    assert len(found) == 5


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-1e15, 1e15)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(max_codepoint=0xD7FF), max_size=4), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(values)
def test_canonical_json_says_the_same_value(value: Any) -> None:
    """Nothing is lost, and to normalise twice is to normalise once."""
    normal = normalise(value)
    assert json.loads(canonical(normal)) == value
    assert canonical(normalise(normal)) == canonical(normal)


@given(st.dictionaries(st.text(st.characters(max_codepoint=0xD7FF), max_size=4), values))
def test_key_order_means_nothing(table: dict[str, Any]) -> None:
    """The same table written from the other end has the same bytes."""
    assert canonical(normalise(table)) == canonical(normalise(dict(reversed(table.items()))))


@given(st.floats(1e-5, 1e15) | st.floats(1e-6, 1e-5) | st.floats(-1e-4, 1e-4))
@example(1e-5)
@example(1e-6)
@example(1e-7)
@example(5e-324)
def test_numbers_are_written_as_javascript_writes_them(value: float) -> None:
    """RFC 8785: no exponent between 1e-6 and 1e21, no ".0", no zero before an exponent."""
    said = canonical(normalise([value])).decode()[1:-1]
    assert ("e" in said) == (0 < abs(value) < 1e-6)
    assert "e-0" not in said
    assert not said.endswith(".0")
    assert float(said) == value


def test_a_small_number_is_written_in_one_way_wherever_it_stands() -> None:
    body = {"temperature": 1e-8, "a": [{"b": 2.5e-6}], "said": "about 1e-6", "top_p": 0.00001}
    assert canonical(normalise(body)) == (
        b'{"a":[{"b":0.0000025}],"said":"about 1e-6","temperature":1e-8,"top_p":0.00001}'
    )


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**53, -(2**53), 9.1e15, 1e16, {1: 2}, {"\ue000": 1}, b"x"],
)
def test_what_json_cannot_hold_exactly_is_refused(value: Any) -> None:
    """The message says where."""
    with pytest.raises(ValueError, match=r"^a\[1\].*: "):
        normalise({"a": [0, value]})


def test_a_path_is_written_as_people_write_it() -> None:
    assert dotted(("messages", 1, "content")) == "messages[1].content"


def test_what_is_held_takes_no_more_memory_than_it_is_long() -> None:
    value = {"content": "x" * 200}
    tracemalloc.start(1)
    try:
        before = tracemalloc.get_traced_memory()[0]
        held = [canonical(value) for _ in range(1000)]
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert used < 1.5 * sum(map(len, held))
