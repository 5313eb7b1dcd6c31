"""Two commands at once: writers wait or are refused, readers never do."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.harness.project import (
    Project,
    completion,
    ended,
    interrupt,
    provider,
    serving,
    wait_until,
)
from tests.harness.server import FakeAPI

APPLY = ("apply", "--auto-approve")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def _five(api: FakeAPI, **settings: Any) -> str:
    text = "".join(completion(f"c{i}", f"q{i}") for i in range(5))
    return provider(api, **settings) + text


def test_a_second_apply_is_refused_and_told_who_holds_the_state(project: Project) -> None:
    with serving(held=True) as api:
        project.write(_five(api))
        first = project.start(*APPLY)
        wait_until(lambda: len(api.requests) == 5, "5 requests")
        second = project.call(*APPLY)
        assert second.status == 1
        assert "Error: State is locked" in second.err
        assert f"pid {first.pid}" in second.err
        assert "`runner apply`" in second.err
        assert "--lock-timeout" in second.err
        api.release()
        assert ended(first).status == 0
        assert len(api.requests) == 5
    assert len(project.records) == 5


def test_a_second_apply_waits_and_finds_everything_done(project: Project) -> None:
    with serving(held=True) as api:
        project.write(_five(api))
        first = project.start(*APPLY)
        wait_until(lambda: len(api.requests) == 5, "5 requests")
        second = project.start("--log-level", "info", *APPLY, "--lock-timeout", "120")
        second.says("waiting up to 120 s for the lock")
        api.release()
        assert ended(first).status == 0
        ran = ended(second)
        assert ran.status == 0, ran.err
        assert "No changes" in ran.out
        assert len(api.requests) == 5


def test_a_holder_that_is_killed_leaves_no_lock(project: Project) -> None:
    with serving(held=True) as api:
        project.write(_five(api))
        first = project.start(*APPLY)
        wait_until(lambda: len(api.requests) == 5, "5 requests")
        first.kill()
        ended(first)
        api.release()
        assert project.apply().status == 0


@pytest.mark.parametrize("replaced", [False, True])
def test_a_lock_that_is_deleted_ends_the_run_after_what_is_in_flight(
    project: Project, replaced: bool
) -> None:
    """The next command may begin then: at most what was in flight is paid twice."""
    flags = ("--concurrency", "8")
    with serving(held=True) as api:
        project.write(provider(api) + completion("many", "number {{ count.index }}", "count = 40"))
        first = project.start(*APPLY, *flags)
        wait_until(lambda: len(api.requests) >= 8, "8 requests")
        (project.directory / "state/.lock").unlink()
        if replaced:
            (project.directory / "state/.lock").touch()
        second = project.start(*APPLY, *flags)
        wait_until(lambda: len(api.requests) == 16, "8 requests of the next command")
        api.release()
        ran = ended(first)
        assert ran.status == 1
        assert "The lock " in ran.err
        assert ".lock was deleted or replaced while" in " ".join(ran.err.split())
        assert "every answer that came is kept" in " ".join(ran.err.split())
        ended(second)
        assert len(api.requests) <= 40 + 8
        assert project.apply().status == 0
        assert len(api.requests) <= 40 + 8
        assert len(project.records) == 40


def test_reading_commands_work_while_an_apply_runs(project: Project) -> None:
    with serving() as api:
        project.write(_five(api))
        assert project.apply().status == 0
        before = project.state_file.read_bytes()
    with serving(held=True) as slow:
        changed = _five(slow).replace('content = "q0"', 'content = "changed"')
        project.write(changed)
        first = project.start(*APPLY)
        wait_until(lambda: len(slow.requests) >= 1, "a request")
        planned = project.call("plan")
        assert planned.status == 0, planned.err
        assert "to re-issue" in planned.out
        assert project.call("output", "c1", "--raw").out == "echo: q1"
        assert project.call("validate").status == 0
        shown = project.call("show")
        assert shown.status == 0, shown.err
        assert "completion.c1" in shown.out
        listed = project.call("state", "list")
        assert listed.out.split() == [f"completion.c{i}" for i in range(5)]
        assert first.poll() is None
        assert project.state_file.read_bytes() == before
        slow.release()
        assert ended(first).status == 0


def test_readers_and_writers_at_once_never_meet_half_a_file(project: Project) -> None:
    with serving() as api:
        project.write(_five(api))
        assert project.apply().status == 0
        block = 'temperature = {}\nmessages = [{{ role = "user", content = "q0" }}]'
        for turn in range(6):
            text = _five(api).replace(
                'messages = [{ role = "user", content = "q0" }]', block.format(turn / 10)
            )
            project.write(text)
            writer = project.start(*APPLY)
            while writer.poll() is None:
                assert len(project.records) == 5
                assert set(project.outputs) == {f"c{i}" for i in range(5)}
                time.sleep(0.002)
            assert ended(writer).status == 0


def test_the_lock_is_given_back_after_an_interrupt(project: Project) -> None:
    with serving(held=True) as api:
        project.write(_five(api))
        process = project.start(*APPLY)
        wait_until(lambda: len(api.requests) == 5, "5 requests")
        interrupt(process)
        process.says("Interrupted")
        api.release()
        assert ended(process).status == 130
        assert not (project.directory / "state/.lock.info").exists()
        assert project.apply().status == 0


def test_a_state_replaced_in_between_is_not_overwritten(project: Project) -> None:
    """Somebody pulled, or edited it: their state stands, and ours is beside it."""
    with serving() as api:
        project.write(_five(api))
        assert project.apply().status == 0
    with serving(held=True) as slow:
        project.write(_five(slow) + completion("new", "new"))
        process = project.start(*APPLY)
        wait_until(lambda: len(slow.requests) >= 1, "a request")
        theirs = json.loads(project.state_file.read_bytes())
        theirs["serial"] += 5
        theirs["records"] = theirs["records"][:2]
        project.state_file.write_text(json.dumps(theirs))
        slow.release()
        ran = ended(process)
        assert ran.status == 1, ran.out
        assert "State file was changed by somebody else" in ran.err
        assert len(project.records) == 2
        assert "new" not in project.outputs
        (ours,) = (project.directory / "state").glob("errored-*.json")
        assert f"state push {ours}" in ran.err
        refused = project.call("state", "push", str(ours))
        assert refused.status == 1
        assert "--force" in refused.err

        sent = len(slow.requests)
        pushed = project.call("state", "push", str(ours), "--force")
        assert pushed.status == 0, pushed.err
        assert len(project.records) == 6
        again = project.apply()
        assert again.status == 0, again.err
        assert len(slow.requests) == sent
        assert set(project.outputs) == {*(f"c{i}" for i in range(5)), "new"}


def test_without_the_push_the_answers_are_free_all_the_same(project: Project) -> None:
    with serving(held=True) as api:
        project.write(_five(api))
        process = project.start(*APPLY)
        wait_until(lambda: len(api.requests) == 5, "5 requests")
        project.state_file.write_text(
            '{"version":1,"lineage":"another","serial":1,"runner_version":"0.1.0",'
            '"root":"configs","records":[\n]}\n'
        )
        api.release()
        assert ended(process).status == 1
        assert project.apply().status == 0
        assert len(api.requests) == 5
        assert len(project.records) == 5
