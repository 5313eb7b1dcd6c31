"""The laws of plan and apply, over random projects and random edits."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from platformdirs import user_cache_path

from runner.core.address import selects
from runner.core.api.exchange import Failure
from runner.core.canonical import digest
from runner.core.plan.actions import Await, Instances, Issue, Keep, Remove, Update
from runner.core.plan.events import Done, Event
from runner.core.plan.plan import PlannedSteps
from runner.core.plan.targets import Choice
from runner.core.secrets.trust import KeyDoor, Trust, VariableDoor
from runner.errors import RunnerError, Untrusted
from runner.io.apply.ports import Outcome
from runner.operations.applying.apply import held_plan
from tests.harness.lab import Lab
from tests.harness.opened_files import opened_files
from tests.harness.random_files import PRIVATE, Taking, files_of, lay_out, takings
from tests.harness.random_projects import (
    NAMES,
    Project,
    edits,
    files,
    lab,
    projects,
    removed,
    renamed,
    reply,
)
from tests.harness.random_reaches import (
    ENVIRONMENT,
    SECRETS,
    Reaching,
    permitted,
)

# Of the profile's examples; `--hypothesis-profile endurance` has more.
few = settings(max_examples=settings().max_examples * 8 // 100)
many = settings(max_examples=settings().max_examples * 16 // 100)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Project, ...]:
    """A project and some edits of it, one after the other."""
    found = [draw(projects())]
    for _ in range(draw(st.integers(1, 3))):
        found.append(draw(edits(found[-1])))
    return tuple(found)


def edited(held: Lab, project: Project) -> None:
    """The files become those of the project."""
    held.files = files(project)


def text(held: Lab) -> str:
    return "\n".join(held.files.values())


def clean(outcome: Outcome) -> bool:
    return not outcome.failed and not outcome.skipped and outcome.stopped is None


def asked(held: Lab) -> list[str]:
    """The cache keys that the records stand for."""
    return [f"{record.fingerprint}:{record.sample}" for record in held.records.values()]


def issued(plan: PlannedSteps) -> set[str]:
    return {step.address for step, _ in plan.of(Issue)}


def may_issue(plan: PlannedSteps, address: str) -> bool:
    """Whether a plan says that a request may be sent for an address."""
    if any(step.address == address for step, _ in plan.of(Issue, Await)):
        return True
    blocks = [step.address for step, _ in plan.of(Instances)]
    return any(address.startswith((f"{block}[", f"{block}.")) for block in blocks)


@many
@given(histories())
def test_a_plan_after_a_clean_apply_is_empty(history: tuple[Project, ...]) -> None:
    """Law 1: nothing is left to do after an apply, and a second one sends nothing."""
    held = lab(history[0])
    for project in history:
        edited(held, project)
        assert clean(held.apply()), text(held)
        assert held.plan().empty, text(held)
        held.apply()
        assert held.sent == [], text(held)


@many
@given(histories())
def test_an_apply_sends_what_its_plan_said_and_nothing_else(history: tuple[Project, ...]) -> None:
    """Law 2: every planned issue is sent, once; whatever is sent, the plan said it may be."""
    held = lab(history[0])
    for project in history:
        edited(held, project)
        plan = held.plan()
        held.apply()
        assert issued(plan) <= set(held.sent), text(held)
        assert all(may_issue(plan, address) for address in held.sent), text(held)
        assert max(Counter(held.sent).values(), default=1) == 1, text(held)


@many
@given(histories())
def test_a_state_holds_what_the_configuration_declares_and_no_more(
    history: tuple[Project, ...],
) -> None:
    """After an apply the state of an edited project is that of a project that was always so."""
    held = lab(history[0])
    for project in history:
        edited(held, project)
        held.apply()
    fresh = lab(history[-1])
    fresh.apply()
    assert set(held.records) == set(fresh.records), text(held)


def needing(project: Project, number: int) -> set[str]:
    """The addresses of a block, and of those that need it."""
    found = {number}
    for node in project:  # each refers to those before it
        if found & {*node.refs, *node.after}:
            found.add(node.id)
    return {node.address for node in project if node.id in found}


@many
@given(projects(), st.data())
def test_what_is_excluded_leaves_out_all_that_need_it(
    project: Project, data: st.DataObject
) -> None:
    """Also what joins late: no instance whose block needs an answer that is not asked for."""
    held = lab(project)
    if data.draw(st.booleans()):
        held.apply()
    node = data.draw(st.sampled_from(project))
    left_out = needing(project, node.id)
    choice = Choice(excludes=(node.address,))
    plan = held.plan(choice)
    held.apply(choice)
    for address in (*issued(plan), *held.sent):
        assert not any(selects(out, address) for out in left_out), (node.address, text(held))


def broken_for(bucket: int, message: str = "no") -> Callable[[dict[str, Any]], str | Failure]:
    """A model that fails for one request in three, always the same ones."""

    def answer(body: dict[str, Any]) -> str | Failure:
        if int(digest(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)), 16) // 7 % 3 == bucket:
            return Failure(message, 400)
        return reply(body)

    return answer


@many
@given(histories(), st.integers(0, 2), st.booleans())
def test_what_was_answered_is_never_sent_again(
    history: tuple[Project, ...], bucket: int, keep_state: bool
) -> None:
    """Law 3: some requests fail; every answer that came is kept, and the next apply sends none
    of them again, even if the state was never written. What hangs on a failure is skipped.
    """
    held = lab(history[0])
    for project in history:
        edited(held, project)
        held.reply = broken_for(bucket)
        answered = held.model.answered
        outcome = held.apply(keep_state=keep_state)
        first = held.saved
        assert len(first) == held.model.answered - answered, text(held)
        assert all(address in outcome.records for address in outcome.issued), text(held)
        assert {failure.message for failure in outcome.failed.values()} <= {"no"}, text(held)
        held.reply = reply
        assert clean(held.apply()), text(held)
        assert not first & held.saved, text(held)


@many
@given(histories())
def test_an_answer_is_durable_before_it_counts(history: tuple[Project, ...]) -> None:
    """Law 3: whoever is told of an answer finds it in the cache."""
    held = lab(history[0])

    def watch(event: Event) -> None:
        if isinstance(event, Done) and event.record is not None and event.how == "issued":
            key = f"{event.record.fingerprint}:{event.record.sample}"
            assert key in held.cache, text(held)

    held.watch = watch
    for project in history:
        edited(held, project)
        held.apply()


@many
@given(histories(), st.integers(1, 9), st.integers(0, 2))
def test_a_record_stays_until_there_is_another(
    history: tuple[Project, ...], events: int, bucket: int
) -> None:
    """Law 3: whatever fails and whenever the run is left, what was not done is as it was."""
    held = lab(history[0])
    for project in history:
        edited(held, project)
        before = dict(held.records)
        held.reply = broken_for(bucket)
        outcome = held.apply(abandon_after=events)
        undone = before.keys() - outcome.done.keys() - outcome.issued.keys()
        assert all(outcome.records[address] == before[address] for address in undone), text(held)
        held.reply = reply
        held.apply()


@many
@given(histories(), st.integers(1, 9), st.sampled_from(("stop", "abandon")), st.booleans())
def test_a_run_that_is_stopped_loses_no_answer(
    history: tuple[Project, ...], events: int, how: str, keep_state: bool
) -> None:
    """Law 3: the run is stopped at some moment; what came is kept and is not sent again, and
    the applies together end where one apply would have.
    """
    held = lab(history[0])
    for project in history:
        edited(held, project)
        outcome = held.apply(
            stop_after=events if how == "stop" else None,
            abandon_after=events if how == "abandon" else None,
            keep_state=keep_state,
        )
        first = held.saved
        if how == "stop":
            assert len(held.sent) == len(first), text(held)
        assert set(outcome.issued) <= set(outcome.records)
        assert clean(held.apply()), text(held)
        assert not first & held.saved, text(held)
        assert held.plan().empty, text(held)


@many
@given(projects(), st.data())
def test_an_upstream_that_answers_the_same_disturbs_nothing_below(
    project: Project, data: st.DataObject
) -> None:
    """Law 4: a parameter changes and the answer does not; only what changed is issued, and all
    that hangs on it is kept as it was.
    """
    held = lab(project)
    held.apply()
    before = dict(held.records)
    plain = [n for n in project if not n.kind.startswith("module") and n.temperature is None]
    chosen = {n.id for n in plain if data.draw(st.booleans())}
    changed = tuple(replace(n, temperature=2) if n.id in chosen else n for n in project)
    edited(held, changed)
    assert clean(held.apply()), text(held)
    touched = {n.address for n in project if n.id in chosen}
    for address, record in held.records.items():
        if address.split("[")[0] in touched:
            assert record.fingerprint != before[address].fingerprint, text(held)
        else:
            assert record == before[address], text(held)
    assert {address.split("[")[0] for address in held.sent} <= touched, text(held)


@few
@given(projects(), st.permutations(NAMES), st.data())
def test_a_fingerprint_depends_on_the_request_alone(
    project: Project, names: list[str], data: st.DataObject
) -> None:
    """Law 6: names, order, files, transport fields and headers leave every fingerprint alone."""
    first, second = lab(project), lab(project)
    first.apply()
    other = renamed(tuple(reversed(project)), names)
    other = tuple(replace(node, metadata=data.draw(st.sampled_from((None, "z")))) for node in other)
    edited(second, other)
    extra = 'stream = true\nuser = "someone"\nextra_headers = { x-team = "a" }\n'
    second.files = {
        name: inner.replace('model = "m"\n', f'model = "m"\n{extra}')
        for name, inner in second.files.items()
    }
    second.apply()
    one, two = ([r.fingerprint for r in held.records.values()] for held in (first, second))
    assert sorted(one) == sorted(two), text(second)


@many
@given(histories())
def test_n_declared_completions_have_n_answers(history: tuple[Project, ...]) -> None:
    """Law 7: no two addresses share an answer, whatever they ask, after whatever edits."""
    held = lab(history[0])
    for project in history:
        edited(held, project)
        held.apply()
        assert max(Counter(asked(held)).values(), default=1) == 1, text(held)
        paid = Counter(record.response for record in held.records.values())
        assert max(paid.values(), default=1) == 1, text(held)


@many
@given(projects(), st.permutations(NAMES))
def test_a_rename_issues_nothing(project: Project, names: list[str]) -> None:
    """Law 7: blocks change their names, whole chains, swapped at any depth, and the cache is
    gone: the plan knows every answer, and nothing is sent.
    """
    held = lab(project)
    held.apply()
    answers = Counter(record.response for record in held.records.values())
    held.lose_cache()
    edited(held, renamed(project, names))
    plan = held.plan()
    assert not [*plan.of(Issue, Await, Instances)], text(held)
    assert clean(held.apply())
    assert held.sent == [], text(held)
    assert Counter(record.response for record in held.records.values()) == answers, text(held)


@few
@given(projects())
def test_the_order_of_blocks_means_nothing(project: Project) -> None:
    """Law 7: files and blocks in another order are the same configuration."""
    held = lab(project)
    held.apply()
    held.lose_cache()
    edited(held, tuple(reversed(project)))
    assert held.plan().empty, text(held)


@many
@given(projects(), st.data())
def test_removing_a_block_that_nobody_reads_disturbs_none(
    project: Project, data: st.DataObject
) -> None:
    """Law 7: one goes, and every other answer stays where it is."""
    assume(len(project) > 1)
    used = {ref for node in project for ref in (*node.refs, *node.after)}
    leaves = [node for node in project if node.id not in used]
    gone = data.draw(st.sampled_from(leaves))
    held = lab(project)
    held.apply()
    before = dict(held.records)
    held.lose_cache()
    edited(held, removed(project, gone.id))
    plan = held.plan()
    assert all(isinstance(step.action, Remove) for step in plan.steps), text(held)
    held.apply()
    assert held.sent == []
    assert all(before[address] == record for address, record in held.records.items()), text(held)


@many
@given(histories())
def test_going_back_is_free(history: tuple[Project, ...]) -> None:
    """Law 7: what was asked once is in the cache; a revert sends nothing."""
    held = lab(history[0])
    for project in history:
        edited(held, project)
        held.apply()
    for project in reversed(history):
        edited(held, project)
        assert clean(held.apply()), text(held)
        assert held.sent == [], text(held)


@few
@given(projects())
def test_the_cache_may_be_deleted(project: Project) -> None:
    """Law 7: the state is enough."""
    held = lab(project)
    held.apply()
    held.lose_cache()
    assert held.plan().empty, text(held)


@few
@given(projects())
def test_the_state_may_be_lost(project: Project) -> None:
    """Law 7: the cache is enough; another clone with the same cache sends nothing."""
    held = lab(project)
    held.apply()
    held.lose_state()
    held.apply()
    assert held.sent == [], text(held)
    assert held.plan().empty, text(held)


@few
@given(projects(kinds=("single", "count", "each")), st.data())
def test_what_only_travels_along_is_updated_in_place(project: Project, data: st.DataObject) -> None:
    """A change of metadata alone is recorded, and no request is sent."""
    held = lab(project)
    held.apply()
    node = data.draw(st.sampled_from(project))
    changed = tuple(replace(n, metadata="other") if n.id == node.id else n for n in project)
    edited(held, changed)
    plan = held.plan()
    assert all(isinstance(step.action, Update) for step in plan.steps), text(held)
    held.apply()
    assert held.sent == []
    assert held.plan().empty
    for address, record in held.records.items():
        if address.split("[")[0] == node.address:
            assert b'"note":"other"' in record.request, text(held)


@few
@given(projects(), st.integers(1, 3))
def test_no_more_is_in_flight_than_the_limits_allow(project: Project, limit: int) -> None:
    """However wide the graph, concurrency holds."""
    held = lab(project)
    held.concurrency = limit
    held.apply()
    assert held.model.most_at_once <= limit


@few
@given(projects())
def test_a_decision_of_the_plan_is_the_decision_of_the_apply(project: Project) -> None:
    """One decision, used twice: what the plan kept, the apply left alone."""
    held = lab(project)
    held.apply()
    before = dict(held.records)
    plan = held.plan()
    assert all(
        isinstance(made, Keep) for address, made in plan.decisions.items() if address in before
    )
    held.apply()
    assert held.records == before


def contents(directory: Path) -> dict[str, bytes]:
    """Every file of a folder, and what is in it; the folders too."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in directory.rglob("*")
    }


@few
@given(histories())
def test_a_plan_asks_nobody_and_leaves_the_project_as_it_was(history: tuple[Project, ...]) -> None:
    """Law 7: no provider is opened and no byte is another, with and without a state; somebody
    else may hold the lock in the meantime. A backend and a shared cache may be read, if there are
    any: what comes from there stands in the folder of the cache alone (tests/cli).
    """
    held = lab(history[0])
    for project in history:
        edited(held, project)
        held.loaded()  # the files are there
        before = contents(held.directory)
        held.model.begin()
        held.plan()
        assert contents(held.directory) == before, text(held)
        assert (held.model.opened, held.model.sent) == ([], []), text(held)
        held.apply()
        before = contents(held.directory)
        with held_plan(held.loaded(), "runner apply"):
            locked = contents(held.directory)
            held.plan()
            assert contents(held.directory) == locked, text(held)
        assert before.keys() <= contents(held.directory).keys(), text(held)


def spelt(value: str) -> str:
    """A text in other words, in which nobody finds it by comparing; once more changes nothing."""
    return "-".join(value.replace("-", ""))


def heard_by(held: Lab, trust: Trust, reaches: Reaching) -> None:
    """Whatever an endpoint heard, somebody said that it may: requests with this key, and in them no
    value of the environment but those that may go there.
    """
    for endpoint, heard in held.model.heard:
        going, host = (
            reaches.providers[int(endpoint.name[1:])],
            endpoint.base_url.removesuffix("/v1"),
        )
        named = going.key_for(host)
        assert endpoint.key == (ENVIRONMENT[named] if named else None), text(held)
        assert not going.needs_yes(host) or trust.opens(KeyDoor(host, named)), text(held)
        for name, value in ENVIRONMENT.items():
            if value in heard or spelt(value) in heard:
                assert name in SECRETS, text(held)
                assert trust.opens(VariableDoor(name, host)), text(held)


@given(permitted())
def test_nothing_leaves_for_where_nobody_said_that_it_may(found: tuple[Reaching, Trust]) -> None:
    """Law 8: completions, data sources and imports, with all that goes along with them: a server is
    sent nothing before somebody said so, and then the key that is named for it and the values that
    are read for it, also in the words of an answer. One that is missing is no half of a run: no
    completion is sent at all. Where none is missing, that is no hindrance.
    """
    reaches, trust = found
    held = Lab({"configs/main.toml": reaches.text}, lambda body: spelt(str(body["messages"])))
    held.environment, held.trust, held.doors = ENVIRONMENT, tuple(trust.hosts), trust.doors
    held.model.keeps = True
    keys = {
        KeyDoor(host, going.key_for(host)): going.needs_yes(host) for going, host in reaches.asked
    }
    values = {VariableDoor(name, host) for name in reaches.reads for host in reaches.hosts}
    if all(map(trust.opens, keys)) and all(map(trust.opens, values)):
        assert clean(held.apply()), text(held)
        assert held.model.heard
    elif not all(trust.opens(door) for door, needs_yes in keys.items() if needs_yes):
        with pytest.raises(Untrusted):
            held.apply()
        assert held.sent == [], text(held)
    else:  # it hangs on whether the value is read
        with suppress(Untrusted):
            held.apply()
    heard_by(held, trust, reaches)


@given(st.lists(takings, min_size=1, max_size=3), st.booleans())
def test_no_file_is_touched_that_nobody_named(found: list[Taking], elsewhere: bool) -> None:
    """Law 8: what a configuration names outside of its project, or through a link out of it, is
    neither read nor written, and nothing is sent; the state may be where the command line says.
    What helps the next run stands in the user's own cache.
    """
    with TemporaryDirectory() as around:
        outside, state = Path(around) / "outside", Path(around) / "state"
        held = Lab(files_of(found, outside), lambda _: "{}")
        held.state = str(state) if elsewhere else "state"
        lay_out(held, outside)
        before = contents(outside)
        with opened_files() as opened:
            if all(taking.is_inside for taking in found):
                assert clean(held.apply()), text(held)
                assert len(held.sent) >= len(found)
            else:
                with pytest.raises(RunnerError):
                    held.apply()
                assert held.sent == []
        assert contents(outside) == before
        assert not [path for path in opened.read if path.resolve().is_relative_to(outside)]
        mine = (held.directory, user_cache_path("runner"), *([state] if elsewhere else ()))
        for path in opened.written:
            assert any(path.is_relative_to(folder) for folder in mine), (path, text(held))
        assert not any(PRIVATE in heard for _, heard in held.model.heard), text(held)
