"""What the cache keeps of an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.entry import from_entry, to_entry
from runner.core.state import Record


def record(**changes: object) -> Record:
    held = {
        "address": "completion.a",
        "provider": "openai",
        "identity": "openai https://api.openai.com/v1",
        "fingerprint": "f" * 64,
        "sample": 0,
        "request": b'{"a":1}',
        "response": b'{"id": "x",  "odd":  [1]}',
        "issued_at": "2026-01-01T00:00:00Z",
        "duration_ms": 12,
        "attempts": 2,
        "maybe_billed": 1,
        "triggers": b'{"t":0}',
        **changes,
    }
    return Record(**held)  # type: ignore[arg-type]


@given(st.integers(0, 5), st.sampled_from((None, b"{}", b'{"a":[1]}')))
def test_an_entry_gives_its_record_back(sample: int, triggers: bytes | None) -> None:
    """Byte for byte, under the address that asks for it."""
    kept = record(sample=sample, triggers=triggers)
    found = from_entry(to_entry(kept), "completion.a", kept.fingerprint, sample)
    assert found == kept


def test_an_entry_belongs_to_one_request_and_one_sample() -> None:
    data = to_entry(record())
    assert from_entry(data, "completion.a", "0" * 64, 0) is None
    assert from_entry(data, "completion.a", "f" * 64, 1) is None


@pytest.mark.parametrize("data", [b"", b"{}", b"not json", b"[]", b'{"provider":1}', b"\xff"])
def test_what_is_no_entry_is_none(data: bytes) -> None:
    assert from_entry(data, "completion.a", "f" * 64, 0) is None


def test_an_entry_without_a_response_is_none() -> None:
    data = to_entry(record(response=b"[]"))
    assert from_entry(data, "completion.a", "f" * 64, 0) is None
