"""A field of a record is written down once: everything that stores records follows from it."""

import json
from dataclasses import MISSING, fields
from typing import Any

from runner.core.state.cache_entry import Owner, to_entry
from runner.core.state.line import encode_record
from runner.core.state.records import SPARSE, Record

FULL: dict[str, Any] = {
    "address": "completion.a",
    "provider": "p",
    "identity": "openai https://x",
    "fingerprint": "f",
    "sample": 1,
    "request": b'{"a":1}',
    "response": b'{"b":2}',
    "issued_at": "2026-01-01T00:00:00Z",
    "duration_ms": 5,
    "attempts": 2,
    "depends_on": ("completion.b",),
    "status": "incomplete",
    "triggers": b'{"t":0}',
    "maybe_billed": 1,
    "mended": True,
    "first_ms": 0,
    "batch": "batch_1",
}


def test_every_field_of_a_record_is_in_its_line_in_its_order() -> None:
    names = [field.name for field in fields(Record) if field.name not in {"line", "unread"}]
    assert list(json.loads(encode_record(Record(**FULL)))) == names == list(FULL)


def test_a_cache_entry_has_every_field_that_is_of_the_answer() -> None:
    entry = json.loads(to_entry(Record(**FULL), Owner("l", "w")))
    of_the_place = {"address", "depends_on", "status"}
    assert list(entry) == [*(name for name in FULL if name not in of_the_place), "owner"]


def test_what_is_sparse_and_empty_is_not_written_and_stands_last() -> None:
    """A line of 0.1.0 has none of them; their values are given to a record by their order."""
    held = [field for field in fields(Record) if field.name not in {"line", "unread"}]
    sparse = [field for field in held if field.metadata == SPARSE]
    assert held[-len(sparse) :] == sparse
    assert MISSING not in {field.default for field in sparse}
    bare = Record(**{name: FULL[name] for name in list(FULL)[: -len(sparse)]})
    assert not {field.name for field in sparse} & json.loads(encode_record(bare)).keys()
