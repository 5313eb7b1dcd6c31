"""Which answers may be shared between machines."""

from dataclasses import replace

import orjson
import pytest

from runner.core.request.shared_answer import is_shareable
from runner.core.state.cache_entry import (
    Owner,
    asked_by_name,
    asked_in,
    cache_key,
    drift_key,
    owned_key,
    shared_name,
    to_entry,
)
from runner.core.state.records import Record
from tests.harness.lab import project

F = "ab" + "0" * 62
OWNER = Owner("lineage", "default")
TEXT = """
[completion.a]
model = "m"
user = "somebody"
triggers = { version = 2, parts = [1.0, "x"] }
messages = [{ role = "user", content = "x" }]
%s
"""


def answered(more: str = "") -> Record:
    lab = project(TEXT % more)
    lab.apply()
    return lab.records["completion.a"]


def shareable(record: Record, entry: bytes | None = None) -> bool:
    data = to_entry(record) if entry is None else entry
    return is_shareable(data, record.fingerprint, record.sample)


def test_an_answer_to_the_request_that_its_fingerprint_is_of_is_anybody_s() -> None:
    assert shareable(answered())
    assert shareable(answered("stream = true\nlogit_bias = { 50256 = -100 }"))


@pytest.mark.parametrize(
    "edit",
    [
        lambda body: body | {"model": "n"},
        lambda body: body | {"messages": [{"role": "user", "content": "y"}]},
        lambda body: body | {"temperature": 0.5},
    ],
)
def test_one_to_another_request_is_not(edit: object) -> None:
    record = answered()
    assert callable(edit)
    body = orjson.dumps(edit(orjson.loads(record.request)))
    assert not shareable(replace(record, request=body))
    assert not shareable(replace(record, identity="openai https://other.example/v1"))
    assert not shareable(replace(record, triggers=b'{"version":3}'))


def test_of_a_masked_request_it_cannot_be_told() -> None:
    lab = project(
        TEXT.replace('content = "x"', 'content = "{{ var.x }}"')
        % ("\n[variable.x]\nsensitive = true\ntype = 'string'"),
    )
    lab.variables = {"x": "a secret word"}
    lab.apply()
    record = lab.records["completion.a"]
    assert b"a secret word" not in record.request
    assert shareable(record)


def test_what_a_server_stored_and_what_is_no_entry_is_not_shared() -> None:
    stored = answered("store = true")
    assert not shareable(stored)
    assert not shareable(stored, to_entry(stored, OWNER))
    plain = answered()
    assert not shareable(plain, to_entry(plain, OWNER))
    assert not shareable(replace(plain, sample=1), to_entry(plain))
    for data in (b"", b"[]", b"\xff", b'{"fingerprint":1}', b"[" * 100_000):
        assert not is_shareable(data, plain.fingerprint, 0)


@pytest.mark.parametrize(
    "response",
    [
        b'{"error":{"message":"no credit"}}',
        b'{"choices":[]}',
        b'"text"',
        b'{"choices":[{"message":{"content":"x"}}],"more":' + b"[" * 200 + b"]" * 200 + b"}",
    ],
)
def test_what_no_apply_would_have_saved_is_no_answer(response: bytes) -> None:
    assert not shareable(replace(answered(), response=response))


def test_a_key_that_is_somebody_s_or_only_compared_leads_nowhere() -> None:
    assert asked_in(cache_key(F, 3)) == (F, 3)
    assert asked_in(owned_key(F, 3, OWNER)) is None
    assert asked_in(drift_key(F, 3, "seed", 0)) is None
    assert asked_in("../../etc:0") is None


def test_names_lead_back_to_what_was_asked() -> None:
    assert shared_name(F, 3) == f"cas/v1/ab/{F}-3.json"
    assert asked_by_name(shared_name(F, 3)) == (F, 3)
    for name in (f"cas/v1/cd/{F}-3.json", f"cas/v1/ab/{F}-03.json", f"cas/v1/ab/{F}-3.json.gz"):
        assert asked_by_name(name) is None
