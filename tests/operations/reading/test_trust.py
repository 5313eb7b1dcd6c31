"""Whom a plan asks."""

import pytest

from runner.operations.planning.whole import whole_plan
from runner.operations.reading.trust import asked_by
from tests.harness.lab import project

ASK = "model = 'm'\nmessages = [{ role = 'user', content = 'x' }]\n"


@pytest.mark.parametrize(
    ("provider", "asked"),
    [
        ("", {"groq"}),
        ("provider = 'openai'", {"openai"}),
        ("provider = '{{ each.key }}'", {"groq", "openai"}),
    ],
)
def test_every_provider_is_asked_that_an_instance_names(provider: str, asked: set[str]) -> None:
    lab = project(
        f"[provider.groq]\n[completion.a]\nfor_each = ['groq', 'openai']\n{provider}\n{ASK}"
    )
    loaded = lab.loaded()
    assert asked_by(loaded, whole_plan(loaded).plan) == (asked, set())
