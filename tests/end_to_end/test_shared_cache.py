"""Two people and a bucket, on a real S3 server and through real kills."""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.core.state.cache_entry import asked_in, shared_name
from runner.io.cache.reader import Reader
from tests.harness.crashes import Crashes, at_random
from tests.harness.object_stores import moto
from tests.harness.project import Project, completion, provider, serving, trusting
from tests.harness.server import FakeAPI

KEY, SECRET = "AKIA0123456789TEAM", "a-secret-key-of-the-team-0123456789"
KILLS = 200
GONE = "http://127.0.0.1:9"  # nobody listens there


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAPI]:
    monkeypatch.setenv("TEAM_KEY", KEY)
    monkeypatch.setenv("TEAM_SECRET", SECRET)
    with serving() as api:
        yield api


def team(directory: Path, api: FakeAPI, endpoint: str, prefix: str, count: int) -> Project:
    project = Project(directory)
    table = (
        f'[runner.cache]\nurl = "s3://team-state/{prefix}"\n[runner.cache.options]\n'
        f'endpoint = "{endpoint}"\nregion = "us-east-1"\naccess_key_env = "TEAM_KEY"\n'
        'secret_key_env = "TEAM_SECRET"\n'
    )
    many = completion("many", "number {{ count.index }}", f"count = {count}")
    last = completion("last", "of {{ completion.many[0].content }}")
    project.write(provider(api) + table + many + last)
    return project


def test_a_fresh_clone_sends_nothing(tmp_path: Path, api: FakeAPI, bucket: str) -> None:
    with trusting(bucket):
        one = team(tmp_path / "one", api, bucket, "fresh", 200)
        assert one.run("apply", "-y").status == 0
        assert len(api.requests) == 201
        other = team(tmp_path / "other", api, bucket, "fresh", 200)
        ran = other.run("plan")
        assert "Plan: 201 from cache." in ran.out, ran.err
        assert other.run("apply", "-y").status == 0
        assert len(api.requests) == 201
        assert other.outputs == one.outputs
        info = other.run("cache", "info").out
        assert info.count("answers     201") == 2


def test_a_bucket_that_nobody_answers_for_is_one_warning(tmp_path: Path, api: FakeAPI) -> None:
    project = team(tmp_path, api, GONE, "gone", 3)
    with trusting(GONE):
        ran = project.run("apply", "-y")
        assert ran.status == 0
        assert len(api.requests) == 4
        assert ran.err.count("Warning") == 1
        assert SECRET not in ran.err + ran.out
        pushed = project.run("cache", "push")
        assert pushed.status == 1
        assert SECRET not in pushed.err
        assert "not pushed  4" in project.run("cache", "info").out


def test_what_was_not_pushed_is_by_the_next_apply(
    tmp_path: Path, api: FakeAPI, bucket: str
) -> None:
    project = team(tmp_path / "one", api, GONE, "late", 3)
    with trusting(GONE):
        assert project.run("apply", "-y").status == 0
    with trusting(bucket):
        team(tmp_path / "one", api, bucket, "late", 4)
        assert project.run("apply", "-y").status == 0
        assert "not pushed  0" in project.run("cache", "info").out
        other = team(tmp_path / "other", api, bucket, "late", 4)
        assert "Plan: 5 from cache." in other.run("plan").out


def test_a_wrong_key_is_shown_to_nobody(tmp_path: Path, api: FakeAPI, bucket: str) -> None:
    project = team(tmp_path, api, bucket, "x", 2)
    path = project.directory / "configs/main.toml"
    path.write_text(path.read_text().replace("team-state/x", "no-such-bucket/x"))
    with trusting(bucket):
        ran = project.run("apply", "-y")
    assert ran.status == 0
    assert ran.err.count("Warning") == 1
    assert "no such bucket" in ran.err
    assert SECRET not in ran.err + ran.out


def held(project: Project) -> tuple[set[str], set[str]]:
    """The keys in the cache, and those of what others have yet to get."""
    with Reader(project.directory / "state/cache") as reader:
        return {*reader.keys()}, {*reader.unpushed()}


def kills(directory: Path, number: int, source: random.Random) -> tuple[int, int]:
    """Of applies that are killed, every answer is there, or known not to be; and then pushed. How
    many kills there were, and how many answers they kept from being there.
    """
    there = directory / "there"
    late = 0
    os.environ["RUNNER_CACHE_URL"] = f"file://{there}"
    try:
        with serving(latency=0.01) as api, trusting(f"file://{there}"):
            crashes = Crashes(directory / "project", api, 300)
            while crashes.kills < number and crashes.kill(at_random(source, 60, 2.0)):
                here, left = held(crashes.project)
                missing = {key for key in here if Path(_name(key)).name not in given(there)}
                assert missing <= left
                late += len(missing)
            crashes.project.run("cache", "push")
            here, left = held(crashes.project)
            assert {Path(_name(key)).name for key in here} <= given(there)
            assert not left
            crashes.finish()
            here, left = held(crashes.project)
            assert {Path(_name(key)).name for key in here} == given(there)
            assert not left
            return crashes.kills, late
    finally:
        del os.environ["RUNNER_CACHE_URL"]


def given(there: Path) -> set[str]:
    return {path.name for path in there.rglob("*.json")}


def _name(key: str) -> str:
    asked = asked_in(key)
    assert asked is not None
    return shared_name(*asked)


def test_of_a_killed_apply_every_answer_is_pushed_later(tmp_path: Path) -> None:
    assert kills(tmp_path, 4, random.Random(1))[0]


@pytest.mark.endurance
@pytest.mark.timeout(3600)
def test_of_two_hundred_killed_applies_every_answer_is_pushed_later(tmp_path: Path) -> None:
    source, done, late = random.Random(7), 0, 0
    while done < KILLS:
        more, kept = kills(tmp_path / str(done), min(10, KILLS - done), source)
        done, late = done + more, late + kept
    assert late, "no kill came between a save and its push"
    sys.stdout.write(f"\n{done} kills, {late} answers pushed later, none lost\n")
