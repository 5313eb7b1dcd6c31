"""A record that was read from a line is decoded when somebody asks for a field of it."""

import pickle
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import msgspec
import pytest

from runner.core.state.line import (
    answered,
    answers,
    decode_record,
    encode_record,
    is_complete,
    may_hold,
)
from runner.core.state.records import Record
from runner.operations.planning.whole import whole_plan
from tests.harness.lab import project

PLAIN = Record(
    "completion.a", "p", "openai https://x", "ab12", 3, b'{"a":1}', b'{"b":2}', "2026-01-01"
)
TRICKY = ',"request":{"a":1},"response":{},"fingerprint":"ab12","sample":3,"status":"complete"}'
RECORDS = [
    PLAIN,
    replace(PLAIN, address='completion.a["\\"x\\",\\"request\\":"]', identity=f"o {TRICKY}"),
    replace(PLAIN, provider=TRICKY, request=b'{"request":{"a":1}}'),
    replace(PLAIN, response=msgspec.json.encode({"request": {"a": 1}, "status": TRICKY})),
    replace(PLAIN, sample=0, depends_on=("completion.é", TRICKY)),
    replace(PLAIN, status="incomplete"),
    replace(PLAIN, status="invalid", maybe_billed=2),
    replace(PLAIN, triggers=b'{"t":0}'),
    replace(PLAIN, batch="complete"),
    replace(PLAIN, first_ms=1, mended=True),
]


@pytest.mark.parametrize("record", RECORDS)
def test_it_is_the_record_that_was_written(record: Record) -> None:
    for ask in (_each_field, hash, repr, pickle.dumps, lambda one: replace(one, sample=1)):
        held = decode_record(encode_record(record))
        assert held.unread == encode_record(record)
        assert encode_record(held) == encode_record(record)
        assert held.address == record.address
        assert is_unread(held)
        ask(held)
        assert not is_unread(held)
        assert held == record
        assert encode_record(held) == encode_record(record)
        assert pickle.loads(pickle.dumps(held)) == record


def is_unread(record: Record) -> bool:
    return record.unread is not None


def _each_field(record: Record) -> list[Any]:
    return [getattr(record, field.name) for field in fields(Record) if field.init]


def test_a_field_that_there_is_not_is_none_of_a_late_record_either() -> None:
    with pytest.raises(AttributeError):
        decode_record(encode_record(PLAIN)).samples  # type: ignore[attr-defined]  # noqa: B018


def test_its_line_is_read_once() -> None:
    times = 0

    def read(_: bytes) -> tuple[Any, ...]:
        nonlocal times
        times += 1
        return tuple(_each_field(PLAIN))

    held = Record.late("completion.a", b"", read)
    assert (held.sample, held.provider, held.line) == (3, "p", None)
    assert times == 1


def test_a_line_that_says_more_is_read_at_once_and_kept() -> None:
    line = encode_record(PLAIN)[:-1] + b',"new":1}'
    held = decode_record(line)
    assert (held.unread, held.line) == (None, line)


def requests() -> Iterator[tuple[str, bytes]]:
    for fingerprint in ("ab12", "ab1", "b12", "openai"):
        for body in {record.request for record in RECORDS} | {b'{"a":1', b'{"a":12}', b"{}"}:
            yield fingerprint, body


@pytest.mark.parametrize("record", RECORDS)
def test_what_is_told_of_it_unread_is_so(record: Record) -> None:
    late = decode_record(encode_record(record))
    assert answered(late) == answered(record) == (record.fingerprint, record.sample)
    assert is_complete(record) == (record.status == "complete")
    assert not is_complete(late) or record.status == "complete"
    assert may_hold(late, b'{"a":1}') >= (b'{"a":1}' in record.request)
    assert not may_hold(late, b"(sensitive)")
    held = {made for made in requests() if answers(late, *made)}
    assert late.unread is not None
    is_usual = encode_record(record).endswith(b',"status":"complete"}')
    assert held == ({("ab12", record.request)} if is_usual else set())


def test_a_plan_that_changes_nothing_reads_no_record() -> None:
    lab = project(
        "[completion.a]\nmodel = 'm'\nmessages = [{ role = 'user', content = 'x' }]\n"
        "[completion.b]\nmodel = 'm'\nfor_each = ['k', 'l']\n"
        "messages = [{ role = 'user', content = '{{ each.key }}' }]\n"
    )
    lab.apply()
    held = lab.loaded()
    assert whole_plan(held).empty
    assert [*map(is_unread, held.state.records.values())] == [True] * 3
