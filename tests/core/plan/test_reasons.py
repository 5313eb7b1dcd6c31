"""Why a request is issued again, where the changes that are shown do not say it."""

from dataclasses import replace

import pytest

from runner.core.plan.known import request_of
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.reasons import reason
from runner.core.request.build import Request
from runner.core.state.records import Record
from tests.harness.lab import Lab

HEAD = (
    '[runner]\nprovider = "openai"\n[provider.openai]\n[provider.openai.defaults]\nmodel = "m"\n'
    '[variable.key]\nsensitive = true\ndefault = "first"\n'
    '[variable.other]\nsensitive = true\ndefault = "second"\n[variable.open]\ndefault = "o"\n'
)
BLOCK = """[completion.a]
temperature = 0
messages = [
  { role = "system", content = "Use {{ var.key }} and {{ var.other }}, {{ var.open }}." },
  { role = "user", content = "{{ var.key }}" },
]
"""


def requested(block: str, **values: str) -> Request:
    """The request of completion.a."""
    lab = Lab({"configs/main.toml": HEAD + block}, variables=values)
    plan = lab.plan()
    instance = plan.walk.vertices["completion.a"].instance
    assert instance is not None
    return request_of(instance, plan.known)


def recorded(request: Request) -> Record:
    return Record(
        "completion.a", request.provider, request.identity, request.fingerprint, 0,
        request.recorded, b"{}", "2024-01-01T00:00:00Z", triggers=request.triggers,
    )  # fmt: skip


OLD = recorded(requested(BLOCK))
SAID = "a sensitive value changed"


@pytest.mark.parametrize(
    ("block", "values", "said"),
    [
        (BLOCK, {"key": "other"}, SAID),
        (BLOCK, {"other": "another"}, SAID),
        (BLOCK, {"open": "x"}, ""),
        (BLOCK, {"open": "x", "key": "other"}, SAID),
        (BLOCK.replace("temperature = 0", "temperature = 1"), {}, ""),
        (BLOCK.replace("temperature = 0", "temperature = 1"), {"other": "x"}, SAID),
        (BLOCK.replace("Use", "Take"), {}, ""),
        (BLOCK.replace("Use", "Take"), {"key": "x"}, SAID),
        (BLOCK.replace('{ role = "user", content = "{{ var.key }}" },', ""), {}, ""),
        (BLOCK.replace("{{ var.key }}", "nothing"), {}, "a sensitive value may have changed"),
        (BLOCK + 'triggers = { day = "{{ var.key }}" }\n', {}, ""),
    ],
)
def test_a_sensitive_value_is_said_to_have_changed_where_it_did(
    block: str, values: dict[str, str], said: str
) -> None:
    assert reason(OLD, requested(block, **values)) == said


def test_a_sensitive_trigger_counts() -> None:
    block = BLOCK + 'triggers = { day = "{{ var.key }}{{ var.open }}" }\n'
    old = recorded(requested(block))
    assert reason(old, requested(block, key="other")) == SAID
    assert reason(old, requested(block, open="x")) == ""


def test_a_reformatted_record_says_the_same() -> None:
    spaced = replace(OLD, request=OLD.request.replace(b'":', b'": '))
    assert reason(spaced, requested(BLOCK, key="other")) == SAID


def test_an_edited_fingerprint_is_no_sensitive_value() -> None:
    block = '[completion.a]\nmessages = [{ role = "user", content = "hi" }]\n'
    old = replace(recorded(requested(block)), fingerprint="0" * 64)
    assert (
        reason(old, requested(block)) == "the state has another fingerprint for this very request"
    )


def test_a_provider_of_its_own_identity_is_no_sensitive_value() -> None:
    moved = HEAD.replace("[provider.openai]\n", '[provider.openai]\nbase_url = "http://h/v1"\n')
    lab = Lab({"configs/main.toml": moved + BLOCK})
    plan: PlannedSteps = lab.plan()
    instance = plan.walk.vertices["completion.a"].instance
    assert instance is not None
    assert reason(OLD, request_of(instance, plan.known)) == ""
