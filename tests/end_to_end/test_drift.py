"""A drift run that ends early, as real processes: no answer is paid twice, and no record is new."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.project import (
    Project,
    completion,
    ended,
    interrupt,
    prompts,
    provider,
    serving,
    wait_until,
)
from tests.harness.server import FakeAPI

ANSWERS, SAMPLED, BEFORE, CONCURRENCY = 40, 30, 20, 4
DRIFT = (
    "drift", "--auto-approve", "--seed", "s", "--count", str(SAMPLED), "--concurrency",
    str(CONCURRENCY),
)  # fmt: skip


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    """It answers the apply, and so many of the first drift run."""
    with serving(held=lambda got: got.number > ANSWERS + BEFORE) as served:
        yield served


@pytest.fixture
def project(tmp_path: Path, api: FakeAPI) -> Project:
    made = Project(tmp_path)
    block = completion("many", "number {{ count.index }}", f"count = {ANSWERS}")
    made.write(provider(api) + block)
    assert made.apply().status == 0
    return made


def _all_held(api: FakeAPI) -> None:
    wait_until(lambda: len(api.completions) == ANSWERS + BEFORE + CONCURRENCY, "the held ones")


def _often(api: FakeAPI) -> Counter[str]:
    """How often each was asked since the apply."""
    return Counter(prompts(api)[ANSWERS:])


def test_a_kill_loses_what_was_in_flight_and_no_more(project: Project, api: FakeAPI) -> None:
    before = project.state_file.read_bytes()
    killed = project.start(*DRIFT)
    _all_held(api)
    killed.kill()
    killed.communicate()
    api.settle()
    ran = project.run(*DRIFT)
    assert ran.status == 0, ran.err
    assert f"{BEFORE} at hand from an earlier run" in ran.err
    assert len(api.completions) == ANSWERS + 2 * SAMPLED + CONCURRENCY
    assert len(_often(api)) == SAMPLED
    assert f"{SAMPLED} of {SAMPLED} identical" in ran.out
    assert project.run(*DRIFT).status == 0
    assert len(api.completions) == ANSWERS + 2 * SAMPLED + CONCURRENCY
    assert project.state_file.read_bytes() == before


def test_ctrl_c_waits_for_what_is_in_flight_and_the_next_run_goes_on(
    project: Project, api: FakeAPI
) -> None:
    before = project.state_file.read_bytes()
    process = project.start(*DRIFT)
    _all_held(api)
    interrupt(process)
    process.says("Interrupted: nothing new is started")
    api.release()
    ran = ended(process)
    assert ran.status == 130, ran.err
    assert "Traceback" not in ran.err
    assert "`runner drift --seed s` goes on" in ran.err
    assert len(api.completions) == ANSWERS + BEFORE + CONCURRENCY
    ran = project.run(*DRIFT)
    assert ran.status == 0, ran.err
    assert set(_often(api).values()) == {2}
    assert len(api.completions) == ANSWERS + 2 * SAMPLED
    assert project.state_file.read_bytes() == before
