import asyncio
from dataclasses import replace
from pathlib import Path

from runner.core.request.server_store import cached
from runner.core.state.cache_entry import Owner
from runner.core.state.records import Record
from runner.io.cache.answers import CachedAnswers
from runner.io.cache.writer import Cache

OURS, THEIRS = Owner("lineage", "default"), Owner("lineage", "staging")
FREE = Record("a", "p", "openai x", "f", 0, b'{"m":1}', b'{"id":"free"}', "2026-01-01T00:00:00Z")
STORED = replace(FREE, request=b'{"store":true}', response=b'{"id":"stored"}')


def save(directory: Path, *many: tuple[Record, Owner]) -> None:
    async def work() -> None:
        async with Cache(directory) as cache:
            for record, owner in many:
                await cache.save(*cached(record, owner))

    asyncio.run(work())


def test_what_nobody_s_server_stored_is_everybody_s(tmp_path: Path) -> None:
    save(tmp_path, (FREE, THEIRS))
    with CachedAnswers(tmp_path, OURS) as answers:
        assert b'"free"' in (answers("f", 0) or b"")
        assert (answers("f", 1), answers("g", 0)) == (None, None)


def test_what_a_server_stored_is_its_owner_s_and_comes_first(tmp_path: Path) -> None:
    save(tmp_path, (FREE, OURS), (STORED, OURS))
    with CachedAnswers(tmp_path, OURS) as answers:
        assert b'"stored"' in (answers("f", 0) or b"")
    with CachedAnswers(tmp_path, THEIRS) as answers:
        assert b'"free"' in (answers("f", 0) or b"")


def test_without_a_cache_there_are_none_and_nothing_is_made(tmp_path: Path) -> None:
    with CachedAnswers(tmp_path / "cache", OURS) as answers:
        assert answers("f", 0) is None
    assert list(tmp_path.iterdir()) == []
