"""Answers of a team: looked for all at once, given behind what is on this disk."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from threading import Barrier, Event
from typing import NoReturn

import pytest

from runner.core.request.shared_answer import is_shareable
from runner.core.state.cache_entry import Owner, cache_key, owned_key, shared_name
from runner.errors import error
from runner.io.cache.answers import CachedAnswers
from runner.io.cache.pushing import Pushing
from runner.io.cache.reader import Reader
from runner.io.cache.shared import AT_ONCE, SharedAnswers
from runner.io.cache.writer import Cache
from tests import ROOT
from tests.harness.project import HANG
from tests.harness.shared_answers import NoShelf, Shelf, entries

OWNER = Owner("lineage", "default")


def opened(shelf: Shelf) -> SharedAnswers:
    return SharedAnswers(shelf, shelf)


def names(found: dict[str, bytes]) -> dict[str, bytes]:
    return {shared_name(key[:64], int(key[65:])): data for key, data in found.items()}


def test_as_many_are_on_their_way_as_may_be_and_no_more() -> None:
    found = entries(3 * AT_ONCE)
    shelf = Shelf(held=names(found))
    shared = opened(shelf)
    first, *others = found
    assert dict(shared.sweep([first])) == {first: found[first]}
    together = Barrier(AT_ONCE)
    shelf.most, shelf.meanwhile = 0, lambda: together.wait(HANG)
    assert dict(shared.sweep(others[: 2 * AT_ONCE])) == {
        key: found[key] for key in others[: 2 * AT_ONCE]
    }
    assert shelf.most == AT_ONCE


def test_what_was_not_there_is_not_asked_for_again() -> None:
    shelf = Shelf()
    shared = opened(shelf)
    keys = list(entries(3))
    assert dict(shared.sweep(keys)) == {}
    asked = len(shelf.gets)
    assert dict(shared.sweep(keys)) == {}
    assert asyncio.run(shared.look(keys[0])) is None
    assert len(shelf.gets) == asked


def test_what_is_not_listed_is_not_asked_for() -> None:
    found = entries(4_100)
    there, wanted = names(dict([*found.items()][:100])), [*found]
    shelf = Shelf(held=there)
    shared = opened(shelf)
    assert len(dict(shared.sweep(wanted))) == 100
    assert shelf.lists == ["cas/v1/"]
    assert len(shelf.gets) < 100 + 2 * AT_ONCE  # a sample, and what there is
    asked = len(shelf.gets)
    assert dict(shared.sweep(wanted[100:])) == {}
    assert len(shelf.gets) == asked


def test_where_most_are_there_nothing_is_listed() -> None:
    found = entries(300)
    wanted = [*found]
    shelf = Shelf(held=names(dict([*found.items()][:200])))
    assert len(dict(opened(shelf).sweep(wanted))) == 200
    assert shelf.lists == []
    assert len(shelf.gets) == 1 + 300  # the first sees whether anybody answers


def test_what_one_listing_does_not_hold_is_listed_by_folders() -> None:
    found = entries(4_100)
    wanted = [*found]
    shelf = Shelf(held=names(dict([*found.items()][:1_000])))
    shared = opened(shelf)
    assert len(dict(shared.sweep(wanted))) == 1_000
    assert 1 < len(shelf.lists) <= 1 + 256
    assert len(shelf.gets) < 1_000 + 600  # a sample, and those of folders from which few are wanted


@pytest.mark.parametrize(("number", "page"), [(10, 1_000), (300, None)])
def test_few_are_asked_for_one_by_one_and_all_where_nothing_may_be_listed(
    number: int, page: int | None
) -> None:
    shelf = Shelf(page=page)
    assert dict(opened(shelf).sweep(entries(number))) == {}
    assert len(shelf.gets) == 1 + number


def test_a_store_that_cannot_be_reached_is_met_once() -> None:
    gone = NoShelf()
    shared = SharedAnswers(gone, gone)
    assert dict(shared.sweep(entries(200))) == {}
    assert gone.tries == 1
    assert "could not be reached" in str(shared.failure)
    assert asyncio.run(shared.push(*next(iter(entries(1).items())))) is None
    assert gone.tries == 1


def test_what_is_no_answer_to_its_request_is_refused(tmp_path: Path) -> None:
    found = entries(3)
    first, second, third = found
    shelf = Shelf(held=names({first: found[first], second: found[first], third: b"{}"}))
    shared = opened(shelf)
    with CachedAnswers(tmp_path, OWNER, shared) as answers:
        assert answers.sweep([asked(key) for key in found]) == {asked(first)}
        assert answers(*asked(first)) == found[first]
        assert answers(*asked(second)) is None
    assert shared.refused == {second, third}
    assert held(tmp_path) == {first: found[first]}


def asked(key: str) -> tuple[str, int]:
    return key[:64], int(key[65:])


def held(directory: Path) -> dict[str, bytes | None]:
    with Reader(directory) as reader:
        return {key: reader.get(key) for key in reader.keys()}  # noqa: SIM118


def unpushed(directory: Path) -> set[str]:
    with Reader(directory) as reader:
        return {*reader.unpushed()}


def test_what_was_fetched_is_here_from_then_on_and_replaces_nothing(tmp_path: Path) -> None:
    found = entries(2)
    first, second = found

    async def save() -> None:
        async with Cache(tmp_path) as cache:
            await cache.save(first, b"ours")
            await cache.take(first, b"theirs")

    asyncio.run(save())
    shelf = Shelf(held=names(found))
    with CachedAnswers(tmp_path, OWNER, opened(shelf)) as answers:
        assert answers.sweep([asked(first), asked(second)]) == {asked(first), asked(second)}
        assert answers(*asked(first)) == b"ours"
    assert held(tmp_path) == {first: b"ours", second: found[second]}
    assert unpushed(tmp_path) == set()


def test_where_nothing_can_be_written_they_are_at_hand_all_the_same(tmp_path: Path) -> None:
    found = entries(1)
    (key,) = found
    (tmp_path / "file").touch()
    directory = tmp_path / "file" / "cache"
    with CachedAnswers(directory, OWNER, opened(Shelf(held=names(found)))) as answers:
        assert answers.sweep([asked(key)]) == {asked(key)}
        assert answers(*asked(key)) == found[key]
        assert answers.unkept is not None


def pushed(directory: Path, shared: SharedAnswers, found: dict[str, bytes]) -> Pushing:
    async def work() -> Pushing:
        async with Cache(directory) as cache, Pushing(cache, shared) as pushing:
            await asyncio.gather(*(pushing.save(key, data) for key, data in found.items()))
        return pushing

    return asyncio.run(work())


def test_what_is_saved_is_pushed_but_what_is_somebody_s_own(tmp_path: Path) -> None:
    found = entries(100)
    own = owned_key("a" * 64, 0, OWNER)
    shelf = Shelf()
    ended = pushed(tmp_path, opened(shelf), {**found, own: b"mine"})
    assert (ended.pushed, ended.theirs, ended.unpushed) == (100, 0, 0)
    assert shelf.held == names(found)
    assert held(tmp_path).keys() == {*found, own}
    assert unpushed(tmp_path) == set()


def test_an_answer_that_somebody_gave_before_stays_theirs_there_and_ours_here(
    tmp_path: Path,
) -> None:
    found = entries(2)
    first, second = found
    before = names({first: b"theirs", second: found[second]})
    shelf = Shelf(held=dict(before))
    ended = pushed(tmp_path, opened(shelf), found)
    assert (ended.pushed, ended.theirs) == (1, 1)
    assert shelf.held == before
    assert held(tmp_path) == found
    assert unpushed(tmp_path) == set()


def test_what_could_not_be_pushed_is_pushed_by_the_next(tmp_path: Path) -> None:
    found = entries(50)
    gone = NoShelf()
    ended = pushed(tmp_path, SharedAnswers(gone, gone), found)
    assert (ended.pushed, ended.unpushed) == (0, 50)
    assert unpushed(tmp_path) == {*found}
    assert held(tmp_path) == found
    shelf = Shelf()

    async def again() -> None:
        with CachedAnswers(tmp_path, OWNER) as answers:
            left = answers.unpushed()
            async with Cache(tmp_path) as cache, Pushing(cache, opened(shelf), left):
                pass

    asyncio.run(again())
    assert shelf.held == names(found)
    assert unpushed(tmp_path) == set()


def test_what_is_on_its_way_is_told_and_waited_for_until_somebody_gives_up(tmp_path: Path) -> None:
    found, held, told = entries(3), Event(), list[str | None]()
    shelf = Shelf(meanwhile=lambda: held.wait(HANG))
    shared = opened(shelf)

    async def work() -> Pushing:
        async with Cache(tmp_path) as cache, Pushing(cache, shared) as pushing:
            await asyncio.gather(*(pushing.save(key, data) for key, data in found.items()))
            told.append(pushing.waiting)
            await pushing.settled(lambda: True)
            assert unpushed(tmp_path) == {*found}
            held.set()
            await pushing.settled(lambda: False)
            told.append(pushing.waiting)
        return pushing

    assert asyncio.run(work()).pushed == 3
    assert told == ["3 answers on the way to s3://team/cache", None]
    assert unpushed(tmp_path) == set()


class ReadOnly(Shelf):
    """What may only be read."""

    def create(self, key: str, _: bytes) -> NoReturn:
        self.creates.append(key)
        raise error("Object store cannot be used", "It was refused.")


def test_a_store_that_may_only_be_read_gives_and_is_asked_to_take_once(tmp_path: Path) -> None:
    found = entries(4 * AT_ONCE)
    first, *others = found
    shelf = ReadOnly(held=names({first: found[first]}))
    shared = opened(shelf)
    assert dict(shared.sweep(found)) == {first: found[first]}
    ended = pushed(tmp_path, shared, {key: found[key] for key in others})
    assert (ended.pushed, ended.theirs, ended.unpushed) == (0, 0, len(others))
    assert len(shelf.creates) <= AT_ONCE
    assert unpushed(tmp_path) == {*others}


def test_what_was_refused_is_nobody_s_payment(tmp_path: Path) -> None:
    (key, data), *_ = entries(1).items()
    shared = opened(Shelf(held=names({key: b"{}"})))
    assert dict(shared.sweep([key])) == {}
    ended = pushed(tmp_path, shared, {key: data})
    assert (ended.pushed, ended.theirs, ended.unpushed) == (0, 0, 0)


SAVER = """
import asyncio, sys
from pathlib import Path
from runner.io.cache.pushing import Pushing
from runner.io.cache.shared import SharedAnswers
from runner.io.cache.writer import Cache
from tests.harness.shared_answers import FolderShelf, entries

async def main():
    shelf = FolderShelf(Path(sys.argv[2]))
    async with Cache(Path(sys.argv[1])) as cache, Pushing(cache, SharedAnswers(shelf, shelf)) as on:
        async def work(items):
            for key, data in items:
                await on.save(key, data)
                print(key, flush=True)
        items = iter(entries(100_000).items())
        await asyncio.gather(*[work(items) for _ in range(32)])

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 40, 300])
def test_of_a_killed_process_whatever_was_saved_is_pushed_or_known_not_to_be(
    tmp_path: Path, after: int
) -> None:
    command = [sys.executable, "-c", SAVER, str(tmp_path / "cache"), str(tmp_path / "there")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        saved = {process.stdout.readline().strip() for _ in range(after)}
        process.kill()
        saved |= {line.strip() for line in process.stdout if len(line) > 64}
    there = {path.name for path in (tmp_path / "there").rglob("*.json")}
    here, left = held(tmp_path / "cache"), unpushed(tmp_path / "cache")
    assert saved <= here.keys()
    for key in here:
        assert key in left or Path(shared_name(*asked(key))).name in there
        assert is_shareable(here[key] or b"", *asked(key))
    assert cache_key(*asked(next(iter(saved)))) in here
