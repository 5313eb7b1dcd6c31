"""What the cache keeps of an answer."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.received import is_deep
from runner.core.state.cache_entry import Owner, cache_keys, from_entry, owner_of, to_entry
from runner.core.state.line import decode_record, encode_record
from runner.core.state.records import Record


def record(**changes: object) -> Record:
    held: dict[str, Any] = {
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
    return Record(**held)


@given(st.integers(0, 5), st.sampled_from((None, b"{}", b'{"a":[1]}')))
def test_an_entry_gives_its_record_back(sample: int, triggers: bytes | None) -> None:
    """Byte for byte, under the address that asks for it."""
    kept = record(sample=sample, triggers=triggers)
    found = from_entry(to_entry(kept), "completion.a", kept.fingerprint, sample)
    assert found == kept


def test_an_owner_is_named_where_there_is_one_and_nothing_else_changes() -> None:
    owner = Owner("lineage", "prod")
    assert owner_of(to_entry(record(), owner)) == owner
    assert owner_of(to_entry(record())) is None
    assert to_entry(record(), owner).startswith(to_entry(record())[:-1])
    assert from_entry(to_entry(record(), owner), "completion.a", "f" * 64, 0) == record()
    own, shared = cache_keys("f" * 64, 0, owner)
    assert shared == "f" * 64 + ":0"
    assert own != cache_keys("f" * 64, 0, Owner("lineage", "dev"))[0]
    assert own != cache_keys("f" * 64, 0, Owner("other", "prod"))[0]


@pytest.mark.parametrize("owner", [b'"prod"', b"{}", b'{"lineage":"x"}', b"null", b"[]"])
def test_an_owner_that_is_none_takes_no_entry_along(owner: bytes) -> None:
    data = to_entry(record())[:-1] + b',"owner":' + owner + b"}"
    found = from_entry(data, "completion.a", "f" * 64, 0)
    assert found is None or owner_of(data) is None


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


@pytest.mark.parametrize("levels", [129, 254, 1000, 100_000])
def test_an_entry_that_nests_without_end_is_held_as_text(levels: int) -> None:
    """0.1.0 kept such answers, and no state could take them."""
    deep = b"[" * levels + b"]" * levels
    kept = record(response=b'{"id":"x","odd":%b}' % deep)
    found = from_entry(to_entry(kept), "completion.a", kept.fingerprint, 0)
    assert found is not None
    assert found.mended
    assert not is_deep(found.response)
    assert decode_record(encode_record(found)) == found
    assert from_entry(to_entry(found), "completion.a", kept.fingerprint, 0) == found


@pytest.mark.parametrize(
    "name", ["duration_ms", "attempts", "maybe_billed", "provider", "request", "response"]
)
@pytest.mark.parametrize("odd", [b"-1", b"1e999", b"99999999999999999999", b'"\xff"', b"null"])
def test_what_no_state_could_take_is_no_entry(name: str, odd: bytes) -> None:
    """It would take the good answers beside it along when the state is written."""
    fields = msgspec.json.decode(to_entry(record()), type=dict[str, msgspec.Raw])
    data = msgspec.json.encode({**fields, name: msgspec.Raw(odd)})
    assert from_entry(data, "completion.a", "f" * 64, 0) is None
