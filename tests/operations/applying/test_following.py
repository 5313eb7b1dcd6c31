"""What an apply that runs tells another process."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import runner
from runner.core.api.exchange import Failure
from runner.core.plan.events import Done, Failed, Skipped, Started, Written
from runner.core.state.records import Record
from runner.io.state.run_file import MOST_TOLD, run_file
from runner.operations.applying.following import RunEvents, RunTold, follow_runs
from runner.operations.options import ProjectPlace
from runner.operations.spending import AskPaid, Ledger, Paid
from tests.cli.test_schemas import faults
from tests.harness.project import Project, completion, ended, provider, serving, wait_until
from tests.harness.recorded import record
from tests.harness.server import FakeAPI

EACH = 'for_each = ["a", "b", "c"]'


@pytest.fixture
def project(tmp_path: Path) -> Iterator[tuple[Project, FakeAPI]]:
    made = Project(tmp_path)
    with serving() as api:
        made.write(provider(api) + completion("x", "ask {{ each.key }}", EACH))
        yield made, api


def events_of(made: Project, paid: AskPaid | None = None, most: int = MOST_TOLD) -> RunEvents:
    """The events of a run that is about to begin."""
    plan = runner.open(made.directory).plan()
    (made.directory / "state/cache").mkdir(parents=True)
    paid = Ledger(plan._project.prices).paid if paid is None else paid
    return RunEvents(plan._project, plan._made, paid, most)


def gathered(runs: Iterator[RunTold], heard: list[dict[str, Any]], kind: str) -> bool:
    """Whether an event of this type came by now."""
    heard += next(runs).events
    return any(event["type"] == kind for event in heard)


def test_who_follows_has_the_run_so_far_then_what_it_does_then_its_end(
    project: tuple[Project, FakeAPI],
) -> None:
    made, api = project
    runs = follow_runs(ProjectPlace(str(made.directory)))
    assert next(runs) == RunTold((), anew=False, is_running=False)
    api.hold()
    process = made.start("apply", "--auto-approve", "--stream")
    heard: list[dict[str, Any]] = []
    wait_until(lambda: gathered(runs, heard, "apply_start"), "apply_start")
    assert [event["type"] for event in heard[:2]] == ["version", "run_start"]
    assert heard[1]["changes"]["issue"] == 3
    late: list[dict[str, Any]] = []
    other = follow_runs(ProjectPlace(str(made.directory)))
    assert gathered(other, late, "apply_start")
    assert late[:2] == heard[:2]
    api.release()
    wait_until(lambda: gathered(runs, heard, "change_summary"), "change_summary")
    assert ended(process).status == 0
    assert not next(runs).is_running
    assert [event for event in heard if faults("events", event)] == []
    said = "".join(
        event["text"]
        for event in heard
        if event.get("address") == 'completion.x["a"]' and event["type"] == "apply_text"
    )
    assert said.strip() == "echo: ask a"
    done = [event for event in heard if event["type"] == "apply_complete"]
    assert sorted(event["address"] for event in done) == [f'completion.x["{k}"]' for k in "abc"]
    assert all(event["first_ms"] <= event["duration_ms"] for event in done)
    assert not [*(made.directory / "state/cache").glob("events-*")]


def test_a_run_that_was_killed_is_none(project: tuple[Project, FakeAPI]) -> None:
    made, api = project
    runs = follow_runs(ProjectPlace(str(made.directory)))
    api.hold()
    process = made.start("apply", "--auto-approve")
    heard: list[dict[str, Any]] = []
    wait_until(lambda: gathered(runs, heard, "apply_start"), "apply_start")
    process.kill()
    ended(process)
    assert not next(runs).is_running
    assert next(follow_runs(ProjectPlace(str(made.directory)))) == RunTold((), False, False)
    api.release()
    assert made.apply().status == 0
    assert not [*(made.directory / "state/cache").glob("events-*")]


def test_nothing_sensitive_is_told(tmp_path: Path) -> None:
    made = Project(tmp_path)
    secret = '[variable.token]\nsensitive = true\ndefault = "s3cr3t-t0ken"\n'
    with serving(held=True) as api:
        made.write(provider(api) + secret + completion("a", "it is {{ var.token }}, is it"))
        runs = follow_runs(ProjectPlace(str(tmp_path)))
        process = made.start("apply", "--auto-approve", "--stream")
        heard: list[dict[str, Any]] = []
        wait_until(lambda: gathered(runs, heard, "apply_start"), "apply_start")
        api.release()
        wait_until(lambda: gathered(runs, heard, "change_summary"), "change_summary")
        assert ended(process).status == 0
    assert "(sensitive)" in str(heard)
    assert "s3cr3t" not in str(heard)


def test_a_place_that_cannot_be_written_ends_no_run(project: tuple[Project, FakeAPI]) -> None:
    made, _ = project
    assert made.apply("--target", 'completion.x["a"]').status == 0
    cache = made.directory / "state/cache"
    runs = follow_runs(ProjectPlace(str(made.directory)))
    next(runs)
    run_file(cache, made.directory / "state").mkdir()
    ran = made.apply()
    assert ran.status == 0, ran.err
    assert len(made.records) == 3


def test_who_comes_late_is_told_all_that_happened_and_nobody_else_anything(
    project: tuple[Project, FakeAPI],
) -> None:
    made, _ = project
    asked: list[str] = []

    def paid(record: Record) -> Paid:
        asked.append(record.address)
        return Paid(None, 0.5)

    async def run() -> None:
        with events_of(made, paid) as told:
            told.tell(Started("completion.x"))
            told.wait("rate limited, 12 s")
            told.tell(Done("completion.x", "issued", record("completion.x")))
            told.write()
            assert not asked
            runs = follow_runs(ProjectPlace(str(made.directory)))
            assert [event["type"] for event in next(runs).events] == ["version", "run_start"]
            heard: list[dict[str, Any]] = []
            came = partial(gathered, runs, heard, "apply_complete")
            await asyncio.to_thread(wait_until, came, "apply_complete")  # where nothing happens
            kinds = ["apply_start", "run_waiting", "apply_complete"]
            assert [event["type"] for event in heard] == kinds
            assert [event for event in heard if faults("events", event)] == []
            assert heard[0]["at"] <= heard[1]["at"] <= heard[2]["at"]
            told.tell(Started("completion.y"))
        last = next(runs)
        assert [event["address"] for event in last.events] == ["completion.y"]
        assert not last.is_running

    asyncio.run(run())


def test_what_nobody_follows_is_kept_within_bounds(project: tuple[Project, FakeAPI]) -> None:
    made, _ = project

    async def run() -> None:
        with events_of(made, most=4_000) as told:
            for number in range(50):
                told.tell(Started(f"completion.x{number}"))
                told.tell(Done(f"completion.x{number}", "reused"))
                told.write()
            where = next(follow_runs(ProjectPlace(str(made.directory)))).events
        assert [event["type"] for event in where] == ["version", "run_start", "run_progress"]
        assert 0 < where[2]["done"] < 50
        assert where[2]["in_flight"] == []

    asyncio.run(run())


def test_a_run_that_tells_much_begins_anew_with_where_it_stands(
    project: tuple[Project, FakeAPI],
) -> None:
    made, _ = project
    runs = follow_runs(ProjectPlace(str(made.directory)))

    async def run() -> None:
        with events_of(made, most=400) as told:
            for number in range(4):
                told.tell(Started(f"completion.x{number}"))
                told.tell(Written(f"completion.x{number}", "words " * 20))
            told.tell(Done("completion.x0", "issued"))
            told.tell(Failed("completion.x1", Failure("no")))
            told.tell(Skipped("completion.x2", "it stopped"))
            assert next(runs).anew
            told.write()
            first, second = next(runs), next(runs)
        assert not first.is_running  # its first part is over
        assert [event["type"] for event in second.events] == [
            "version",
            "run_start",
            "run_progress",
        ]
        assert second.anew
        assert second.events[1]["part"] == 2
        assert [e for e in second.events if faults("events", e)] == []
        where = second.events[2]
        assert (where["done"], where["failed"], where["skipped"]) == (1, 1, 1)
        assert where["in_flight"] == ["completion.x3"]

    asyncio.run(run())
