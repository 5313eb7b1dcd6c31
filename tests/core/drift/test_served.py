"""What servers admit."""

import json
from dataclasses import replace
from typing import Any

from runner.core.drift.served import AskedOf, ServedBy, model_asked, served
from runner.core.state.records import Record
from tests.harness.recorded import record


def by(model: str | None, at: str, fingerprint: str | None = None) -> Record:
    told: dict[str, Any] = {"model": model, "system_fingerprint": fingerprint, "choices": []}
    return replace(record("completion.a"), response=json.dumps(told).encode(), issued_at=at)


def test_each_model_is_told_with_its_answers_and_times() -> None:
    found = served([by("old", "2026-01-02"), by("new", "2026-03-01"), by("old", "2026-01-01")])
    assert found == (
        ServedBy("new", None, 1, "2026-03-01", "2026-03-01"),
        ServedBy("old", None, 2, "2026-01-01", "2026-01-02"),
    )


def test_commits_say_since_when_and_count_for_nothing_else() -> None:
    earlier = [by("new", "2026-02-01"), by("gone", "2025-01-01")]
    assert served([by("new", "2026-03-01")], earlier) == (
        ServedBy("new", None, 1, "2026-02-01", "2026-03-01"),
    )


def test_a_system_fingerprint_tells_models_of_one_name_apart() -> None:
    found = served([by("m", "2026-01-01", "fp_1"), by("m", "2026-01-01", "fp_2")])
    assert [one.fingerprint for one in found] == ["fp_2", "fp_1"]


def test_a_response_that_names_none_is_one_of_a_model_without_a_name() -> None:
    odd = replace(record("completion.a"), response=b'{"model": 3}')
    assert [one.model for one in served([odd, by(None, "2026-01-01")])] == [""]


def test_whom_a_request_went_to_is_its_provider_and_its_model() -> None:
    assert model_asked(record("completion.a")) == AskedOf("openai", "gpt-4o")
