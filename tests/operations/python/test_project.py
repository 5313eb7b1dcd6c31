"""The project in Python: what its methods give, raise and tell, where a loop runs and where not."""

import asyncio
import copy
import inspect
import json
import pickle
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import runner
from runner.core.plan.events import Event
from runner.operations.python.names import BY_FLAG
from runner.operations.python.project import open_project
from tests import ROOT
from tests.harness.project import HANG, Project, completion, provider, serving, trusting, wait_until
from tests.harness.server import FakeAPI
from tests.harness.states import local_store

TWO = (
    '[variable.topic]\ndefault = "seas"\n'
    + completion("one", "{{ var.topic }}")
    + completion("two", "more of {{ completion.one.content }}")
)
TEN = "".join(completion(f"c{i}", f"q{i}") for i in range(10))


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    with serving() as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path, api: FakeAPI) -> Project:
    made = Project(tmp_path)
    made.write(provider(api), "provider.toml")
    made.write(TWO)
    return made


def test_a_plan_says_what_would_happen_and_why(folder: Project) -> None:
    project = runner.open(folder.directory)
    project.apply(project.plan())
    plan = project.plan(variables={"topic": "rivers"})
    assert [(each.address, each.action) for each in plan.changes] == [
        ("completion.one", "reissue"),
        ("completion.two", "undecided"),
    ]
    change = plan.changes[0].diffs[0]
    assert (change.name, change.old, change.new) == ("messages[0].content", "seas", "rivers")
    assert plan.estimate.requests == 1
    assert not plan.empty
    assert str(plan).splitlines()[-1] == plan.summary
    assert plan.summary.startswith("Plan: 1 to re-issue (up to 1 more once those are known).")


def test_a_plan_as_json_is_what_the_command_prints(folder: Project) -> None:
    plan = runner.open(folder.directory).plan(variables={"topic": "rivers"})
    assert plan.to_json() == folder.call("plan", "--json", "--var", "topic=rivers").out
    assert {json.loads(line)["type"] for line in plan.to_json().splitlines()} == {
        "version",
        "planned_change",
        "change_summary",
    }


def test_who_listens_hears_answers_while_they_are_written(folder: Project) -> None:
    project = runner.open(folder.directory)
    heard: list[Event] = []
    result = project.apply(project.plan(), stream=True, on_event=heard.append)
    pieces = [event for event in heard if isinstance(event, runner.Written)]
    assert {event.address for event in pieces} == {"completion.one", "completion.two"}
    said = "".join(event.text for event in pieces if event.address == "completion.one")
    assert said == result.outputs["one"]
    assert project.state().records["completion.one"].first_ms is not None


def test_one_answer_may_be_listened_to_alone(folder: Project) -> None:
    project = runner.open(folder.directory)
    heard: list[Event] = []
    project.apply(project.plan(), stream="completion.two", on_event=heard.append)
    pieces = {event.address for event in heard if isinstance(event, runner.Written)}
    assert pieces == {"completion.two"}
    again = project.plan(variables={"topic": "rivers"})
    with pytest.raises(runner.RunnerError, match="stream: neither the configuration nor"):
        project.apply(again, stream="completion.three")


def test_checks_say_what_was_expected_of_which_answer(folder: Project) -> None:
    folder.write(
        TWO
        + """
[check.short]
of = ["completion.one", "completion.two"]
tags = ["team"]
expect = [{ characters = { max = 5 } }]

[check.words]
of = "completion.one"
expect = [{ characters = { min = 1 } }]
"""
    )
    project = runner.open(folder.directory)
    project.apply(project.plan(targets=["completion.one"]))
    found = project.check()
    assert found.met == {"check.short": "not met", "check.words": "met"}
    assert (found.ok, found.failing, found.outdated) == (False, ("check.short",), ())
    assert found.missing == {"check.short": ("completion.two",)}
    assert found.failed["check.short"]["completion.one"].startswith(
        "expected characters at most 5, got "
    )
    assert str(found) == "2 checks: 1 not met, 1 met."
    assert project.check(["check.words"]).ok
    assert project.check(tags=["team"]).met == {"check.short": "not met"}
    assert project.check(variables={"topic": "rivers"}).outdated == ("completion.one",)
    with pytest.raises(runner.RunnerError, match=r'no block "check\.long"'):
        project.check(["check.long"])


def test_what_is_chosen_and_given_counts(folder: Project) -> None:
    project = runner.open(folder.directory)
    (folder.directory / "given.toml").write_text('topic = "lakes"\n')
    given = [folder.directory / "given.toml"]
    plan = project.plan(variable_files=given, targets=["completion.one"])
    assert [each.address for each in plan.changes] == ["completion.one"]
    project.apply(project.plan(variable_files=given))
    kept = project.plan(
        variable_files=given, excludes=["completion.two"], replaces=["completion.one"]
    )
    assert [(each.address, each.action) for each in kept.changes] == [("completion.one", "reissue")]
    assert project.plan(variable_files=given).empty
    gone = project.plan(destroy=True)
    assert {each.action for each in gone.changes} == {"remove"}
    assert project.apply(gone).ok
    assert project.state().records == {}


def test_an_apply_tells_in_this_thread_and_gives_what_came(folder: Project, api: FakeAPI) -> None:
    project = runner.open(folder.directory)
    told: list[tuple[Event, int]] = []
    plan = project.plan()
    result = project.apply(plan, on_event=lambda event: told.append((event, threading.get_ident())))
    assert [(type(event).__name__, event.address) for event, _ in told] == [
        ("Started", "completion.one"),
        ("Done", "completion.one"),
        ("Started", "completion.two"),
        ("Done", "completion.two"),
    ]
    assert {thread for _, thread in told} == {threading.get_ident()}
    assert result.ok
    assert result.done == {"completion.one": "issued", "completion.two": "issued"}
    assert set(result.outputs) == {"one", "two"}
    assert result.outputs == project.outputs() == folder.outputs
    assert list(project.state().records) == ["completion.one", "completion.two"]
    assert str(result).startswith("Apply complete! 2 issued.")
    result.raise_for_failures()
    again = project.plan()
    assert again.empty
    assert project.apply(again).ok
    assert len(api.completions) == 2


def test_a_project_without_an_answer_has_neither_outputs_nor_records(folder: Project) -> None:
    project = runner.open(folder.directory)
    assert (project.outputs(), dict(project.state().records)) == ({}, {})


def test_failures_are_in_the_result(folder: Project, api: FakeAPI) -> None:
    with serving("500") as broken:
        folder.write(provider(broken), "provider.toml")
        project = runner.open(folder.directory)
        result = project.apply(project.plan())
    assert not result.ok
    assert list(result.failed) == ["completion.one"]
    assert result.skipped == {"completion.two": "completion.one"}
    with pytest.raises(runner.RunnerError) as caught:
        result.raise_for_failures()
    assert caught.value.problems == result.problems
    assert result.problems[0].summary == "Completion failed"


def test_a_plan_that_holds_no_more_is_not_carried_out(folder: Project, api: FakeAPI) -> None:
    project = runner.open(folder.directory)
    plan = project.plan()
    folder.write(TWO.replace("more of", "less of"))
    with pytest.raises(runner.RunnerError, match=r"Plan is stale: The configuration changed"):
        project.apply(plan)
    plan, same = project.plan(), project.plan()
    project.apply(plan)
    with pytest.raises(runner.RunnerError, match=r"Plan is stale: The state was written"):
        project.apply(same)
    assert len(api.completions) == 2


def test_what_is_said_names_parameters_and_no_flags(folder: Project, api: FakeAPI) -> None:
    project = runner.open(folder.directory)
    told: list[Event] = []
    result = project.apply(project.plan(), on_event=told.append, max_requests=1, concurrency=1)
    heard = [event.because for event in told if isinstance(event, runner.Skipped)]
    said = [*result.skipped.values(), *heard, *(each.detail for each in result.problems)]
    assert any("max_requests 1 is reached" in text for text in said)
    replaced = project.plan(replaces=["completion.one"]).changes[0].reason
    assert replaced == "as requested by replaces"
    mistakes: list[Callable[[], object]] = [
        lambda: project.apply(project.plan(offline=True)),
        lambda: project.plan(targets=["completion.three"]),
        lambda: project.plan(variables={"nothing": 1}),
        lambda: project.plan(variable_files=["nowhere.toml"]),
        lambda: runner.open(folder.directory, trust=["ftp://x"]).plan(),
    ]
    with local_store(folder.directory / "state").lock("somebody"):
        mistakes.append(lambda: project.apply(project.plan()))
        for mistake in mistakes:
            with pytest.raises(runner.RunnerError) as caught:
                mistake()
            said.append(str(caught.value))
    assert [text for text in said if re.search(r"(?<!\S)--[a-z]", text)] == []


def test_each_flag_that_a_message_names_has_its_parameter() -> None:
    taken = {
        name
        for method in (runner.open, runner.Project.plan, runner.Project.apply)
        for name in inspect.signature(method).parameters
    }
    assert taken - {"self", "plan", "path", "on_event", "destroy"} == set(BY_FLAG.values())


def test_a_copy_of_what_is_absent_is_absent() -> None:
    change = runner.Change(("a",), runner.ABSENT, 1)
    assert copy.deepcopy(change).old is pickle.loads(pickle.dumps(change)).old is runner.ABSENT


def test_limits_hold(folder: Project, api: FakeAPI) -> None:
    project = runner.open(folder.directory)
    result = project.apply(project.plan(), max_requests=1, concurrency=1)
    assert (len(api.completions), result.ok) == (1, False)
    with pytest.raises(runner.RunnerError, match="Requests needed while offline"):
        project.apply(project.plan(offline=True))


def test_mistakes_are_errors_with_their_place(folder: Project) -> None:
    folder.write(TWO.replace("messages", "mesages", 1))
    with pytest.raises(runner.RunnerError) as caught:
        runner.open(folder.directory).plan()
    problem = caught.value.problems[0]
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == ("configs/main.toml", 5)
    with pytest.raises(runner.RunnerError, match="No such directory"):
        runner.open(folder.directory / "nowhere")


def test_nothing_goes_where_nobody_said_that_it_may(folder: Project, api: FakeAPI) -> None:
    folder.write(provider(api, base_url="http://gpu-box.invalid/v1"), "provider.toml")
    with trusting():
        project = runner.open(folder.directory)
        plan = project.plan()
        with pytest.raises(runner.Untrusted) as caught:
            project.apply(plan)
        assert "http://gpu-box.invalid" in str(caught.value)
        assert not (folder.directory / "state").exists()
        trusted = runner.open(folder.directory, trust=["http://gpu-box.invalid"])
        with pytest.raises(runner.RunnerError) as other:
            trusted.apply(trusted.plan(variables={"nothing": 1}))
    assert not isinstance(other.value, runner.Untrusted)


def test_no_error_tells_a_secret(folder: Project) -> None:
    folder.write(
        '[variable.token]\nsensitive = true\nvalidation = [{ condition = "{{ false }}", '
        'error_message = "not {{ var.token }}" }]\n' + TWO
    )
    with pytest.raises(runner.RunnerError) as caught:
        runner.open(folder.directory).plan(variables={"token": "s3cr3t-t0ken-0123"})
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nothing_is_said_and_no_signal_is_taken(
    folder: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    def handlers(_: object = None) -> list[object]:
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    before, during = handlers(), []
    project = runner.open(folder.directory)
    project.apply(project.plan(), on_event=lambda event: during.append(handlers(event)))
    assert all(each == before for each in [*during, handlers()])
    assert capfd.readouterr() == ("", "")


def test_where_a_loop_runs_all_works_as_well(folder: Project) -> None:
    async def notebook() -> None:
        project = runner.open(folder.directory)
        assert project.apply(project.plan()).ok
        threads: set[int] = set()
        plan = await project.aplan(variables={"topic": "rivers"})
        result = await project.aapply(plan, on_event=lambda _: threads.add(threading.get_ident()))
        assert result.done == {"completion.one": "issued", "completion.two": "issued"}
        assert threads == {threading.get_ident()}
        assert folder.apply("--var", "topic=lakes").status == 0

    asyncio.run(notebook())


def test_cancelling_records_what_is_in_flight(tmp_path: Path) -> None:
    async def cancelled(project: runner.Project, api: FakeAPI) -> None:
        applying = asyncio.create_task(project.aapply(project.plan(), concurrency=4))
        await asyncio.to_thread(wait_until, lambda: len(api.completions) >= 4, "4 requests")
        applying.cancel()
        for _ in range(3):  # it hears of it
            await asyncio.sleep(0)
        api.release()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(applying, HANG)

    with serving(held=True) as api:
        folder = Project(tmp_path)
        folder.write(provider(api) + TEN)
        asyncio.run(cancelled(runner.open(tmp_path), api))
        assert len(api.completions) == len(folder.records) == 4
        assert len(folder.outputs) == 4


def test_cancelling_ends_a_wait_for_the_lock_at_once(
    folder: Project, api: FakeAPI, caplog: pytest.LogCaptureFixture
) -> None:
    async def cancelled(project: runner.Project) -> None:
        plan = project.plan()
        with local_store(folder.directory / "state").lock("somebody"):
            applying = asyncio.create_task(project.aapply(plan, lock_timeout=10 * HANG))
            await asyncio.to_thread(wait_until, lambda: "waiting up to" in caplog.text, "a wait")
            applying.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(applying, HANG)
        assert api.completions == []
        assert (await project.aapply(plan)).ok

    with caplog.at_level("INFO", "runner.io.state.local"):
        asyncio.run(cancelled(runner.open(folder.directory)))


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError])
def test_what_interrupts_is_raised_once_all_is_recorded(
    tmp_path: Path, fault: type[BaseException]
) -> None:
    def breaks(event: Event) -> None:
        if isinstance(event, runner.Done):
            raise fault

    with serving() as api:
        folder = Project(tmp_path)
        folder.write(provider(api) + TEN)
        project = runner.open(tmp_path)
        with pytest.raises(fault):
            project.apply(project.plan(), on_event=breaks, concurrency=1)
        assert len(api.completions) == len(folder.records) >= 1
        assert project.apply(project.plan()).ok
        assert len(api.completions) == len(folder.records) == 10


def test_the_promised_names_are_there() -> None:
    assert sorted(runner.__all__) == runner.__all__
    assert runner.open is open_project
    for name in runner.__all__:
        assert getattr(runner, name).__doc__ or name == "Event"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(runner, "nothing")  # noqa: B009  # mypy knows that it is not there
    assert "runner" in sys.modules


def test_a_value_that_no_file_could_hold_is_an_error(folder: Project) -> None:
    opened = runner.open(folder.directory)
    for value in (b"x", "\ud800", {1: "x"}, [range(3)], object()):
        with pytest.raises(runner.RunnerError, match="Wrong type"):
            opened.plan(variables={"topic": value})


def test_one_text_is_no_list_of_texts(folder: Project) -> None:
    opened = runner.open(folder.directory)
    with pytest.raises(TypeError, match="a list of texts"):
        opened.plan(targets="completion.one")  # a text is a sequence of texts: mypy takes it
    with pytest.raises(TypeError, match="a list of texts"):
        runner.open(folder.directory, trust="api.example.com")


def test_a_plan_is_carried_out_where_it_was_made(
    folder: Project, api: FakeAPI, tmp_path: Path
) -> None:
    other = Project(tmp_path / "other")
    other.write(provider(api) + completion("a", "one"))
    with pytest.raises(runner.RunnerError, match="Plan of another project"):
        runner.open(folder.directory).apply(runner.open(other.directory).plan())
    assert not api.requests


def test_an_unknown_price_is_no_price(folder: Project) -> None:
    estimate = runner.open(folder.directory).plan().estimate
    assert estimate.unpriced
    assert estimate.cost_high is None


@pytest.mark.parametrize("asked", ["plan(offline=True)", "outputs()", "state()"])
def test_a_project_is_read_by_threads_that_end(folder: Project, asked: str) -> None:
    """What reads TOML is brought in by the main thread alone: elsewhere it ends the process."""
    script = f"""
import threading, runner
for _ in range(12):
    made = []
    thread = threading.Thread(
        target=lambda: made.append(runner.open({str(folder.directory)!r}).{asked})
    )
    thread.start()
    thread.join()
    assert made
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
