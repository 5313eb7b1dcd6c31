import asyncio
from dataclasses import replace
from pathlib import Path

from runner.core.request.server_store import cached
from runner.core.state.cache_entry import Owner, from_entry
from runner.core.state.records import Record
from runner.io.cache.writer import Cache
from runner.operations.caches.answers import answers_of
from runner.operations.caches.keeping import KeptAnswers, keep_answers
from tests.harness.states import local_store

OURS, THEIRS = Owner("lineage", "default"), Owner("lineage", "staging")
FREE = Record("a", "p", "openai x", "f", 0, b'{"m":1}', b'{"id":"free"}', "2026-01-01T00:00:00Z")
STORED = replace(FREE, request=b'{"store":true}', response=b'{"id":"stored"}')


def numbered(sample: int, said: str) -> Record:
    return replace(FREE, sample=sample, response=b'{"id":"%s"}' % said.encode())


def answer(directory: Path, sample: int, owner: Owner = OURS) -> bytes | None:
    """What is there under a number."""
    with answers_of(local_store(directory), owner) as answers:
        data = answers("f", sample)
    record = None if data is None else from_entry(data, "a", "f", sample)
    return None if record is None else record.response


def test_what_is_found_stands_where_a_plan_looks_first(tmp_path: Path) -> None:
    kept = keep_answers(local_store(tmp_path), OURS, found=[numbered(5, "b"), numbered(3, "a")])
    assert kept == KeptAnswers(2, 0)
    assert [answer(tmp_path, at) for at in range(3)] == [b'{"id":"a"}', b'{"id":"b"}', None]


def test_what_is_replaced_keeps_its_number(tmp_path: Path) -> None:
    keep_answers(local_store(tmp_path), OURS, replaced=[numbered(3, "a")])
    assert answer(tmp_path, 0) is None
    assert answer(tmp_path, 3) == b'{"id":"a"}'


def test_another_answer_is_never_overwritten(tmp_path: Path) -> None:
    store = local_store(tmp_path)
    keep_answers(store, OURS, found=[numbered(0, "mine")])
    assert keep_answers(store, OURS, replaced=[numbered(0, "yours")]) == KeptAnswers(1, 0)
    assert keep_answers(store, OURS, found=[numbered(0, "third")]) == KeptAnswers(1, 0)
    said = [b'{"id":"%s"}' % word for word in (b"mine", b"yours", b"third")]
    assert [answer(tmp_path, at) for at in range(3)] == said


def test_the_same_answer_is_there_once_and_two_alike_twice(tmp_path: Path) -> None:
    store, alike = local_store(tmp_path), [numbered(0, "same"), numbered(1, "same")]
    assert keep_answers(store, OURS, found=alike) == KeptAnswers(2, 0)
    assert keep_answers(store, OURS, found=alike) == KeptAnswers(0, 2)
    assert answer(tmp_path, 1) == b'{"id":"same"}'


def test_what_a_server_stored_is_kept_for_its_owner(tmp_path: Path) -> None:
    async def save() -> None:
        async with Cache(local_store(tmp_path).cache) as cache:
            await cache.save(*cached(STORED, THEIRS))

    asyncio.run(save())
    assert keep_answers(local_store(tmp_path), OURS, found=[STORED]) == KeptAnswers(1, 0)
    assert keep_answers(local_store(tmp_path), THEIRS, found=[STORED]) == KeptAnswers(0, 1)
