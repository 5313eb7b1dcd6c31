"""What has to happen, and why."""

from typing import Any

import orjson
import pytest
from msgspec import structs

from runner.core.api.exchange import Failure
from runner.core.expansion.session import Instance
from runner.core.plan.actions import Instances, Issue, Remove
from runner.core.plan.plan import PlannedSteps, make_plan
from runner.core.plan.targets import Choice
from runner.core.request.build import Request
from runner.core.request.outline import Outline
from runner.errors import RunnerError
from tests.harness.lab import Lab, project


def block(name: str, content: str = "x", more: str = "") -> str:
    return (
        f"[completion.{name}]\nmodel = 'm'\n{more}\n"
        f'messages = [{{ role = "user", content = """{content}""" }}]\n'
    )


def kinds(plan: PlannedSteps) -> dict[str, str]:
    return {step.address: type(step.action).__name__ for step in plan.steps}


CHAIN = (
    block("a") + block("b", "{{ completion.a.content }}")
    + block("c", "{{ completion.b.content }}") + block("d", "d")
)  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        (Choice(), "abcd"),
        (Choice(targets=("completion.b",)), "ab"),
        (Choice(targets=("completion.c", "completion.d")), "abcd"),
        (Choice(excludes=("completion.b",)), "ad"),
        (Choice(targets=("completion.c",), excludes=("completion.a",)), ""),
        (Choice(targets=("completion.*",)), "abcd"),
    ],
)
def test_a_target_brings_what_it_needs_and_an_exclude_takes_what_needs_it(
    choice: Choice, named: str
) -> None:
    plan = project(CHAIN).plan(choice)
    assert set(kinds(plan)) == {f"completion.{name}" for name in named}


def test_a_targeted_apply_leaves_the_rest_of_the_state_alone() -> None:
    lab = project(CHAIN)
    lab.apply()
    before = lab.records["completion.d"]
    lab.files["configs/main.toml"] = CHAIN.replace('"""d"""', '"""e"""').replace('"""x', '"""y')
    lab.apply(Choice(targets=("completion.a",)))
    assert lab.sent == ["completion.a"]
    assert lab.records["completion.d"] == before
    assert "completion.d" in kinds(lab.plan())


@pytest.mark.parametrize("more", ["for_each = '{{ completion.a.json }}'",
                                  "matrix.t = '{{ completion.a.json }}'"])  # fmt: skip
def test_a_target_names_instances_that_an_answer_has_yet_to_make(more: str) -> None:
    lab = project(block("a", "list") + block("b", "x", more) + block("c"))
    lab.reply = lambda body: '["s", "t"]' if body["messages"][0]["content"] == "list" else "said"
    target = "completion.b[t=s]" if "matrix" in more else 'completion.b["s"]'
    assert kinds(lab.plan(Choice((target,)))) == {
        "completion.a": "Issue",
        "completion.b": "Instances",
    }
    lab.apply(Choice((target,)))
    one = 'completion.b["t=s"]' if "matrix" in more else 'completion.b["s"]'
    assert lab.sent == ["completion.a", one]


def removal(lab: Lab, address: str) -> str:
    (step,) = [step for step in lab.plan().steps if step.address == address]
    assert isinstance(step.action, Remove)
    return step.action.reason


@pytest.mark.parametrize(
    ("before", "after", "address", "reason"),
    [
        (block("a"), "", "completion.a", "completion.a is not in the configuration"),
        (block("a", more="count = 2"), block("a", more="count = 1"), "completion.a[1]",
         "index [1] is out of range for count"),
        (block("a", more="for_each = ['x', 'y']"), block("a", more="for_each = ['x']"),
         'completion.a["y"]', 'key ["y"] is not in for_each'),
        (block("a"), block("a", "other", "count = 1"), "completion.a",
         "completion.a has instances now"),
        (block("a"), block("a", more="enabled = false"), "completion.a", "enabled is false"),
    ],
)  # fmt: skip
def test_a_removal_says_why(before: str, after: str, address: str, reason: str) -> None:
    lab = project(before + block("keep", "keep"))
    lab.apply()
    lab.files["configs/main.toml"] = after + block("keep", "keep")
    assert removal(lab, address) == reason
    lab.apply()
    assert address not in lab.records
    assert lab.plan().empty


def test_a_single_completion_that_becomes_one_of_many_keeps_its_answer() -> None:
    """Also where others read all of its instances."""
    lab = project(block("a"))
    lab.apply()
    lab.lose_cache()
    reader = block("z", "{{ completion.a | length }}")
    lab.files["configs/main.toml"] = block("a", more="count = 1") + reader
    assert kinds(lab.plan())["completion.a[0]"] == "Reuse"
    lab.apply()
    assert lab.sent == ["completion.z"]
    assert set(lab.records) == {"completion.a[0]", "completion.z"}


def test_instances_that_hang_on_an_answer_are_told_as_such() -> None:
    text = block("topics", "list") + block("e", "{{ each.key }}",
                                           "for_each = '{{ completion.topics.json }}'")  # fmt: skip
    plan = project(text).plan()
    ((step, _),) = plan.of(Instances)
    assert step.address == "completion.e"
    assert step.action == Instances("completion.topics")


def test_steps_stand_in_the_order_in_which_people_count() -> None:
    plan = project(block("s", "{{ count.index }}", "count = 12") + block("a", "a")).plan()
    assert [step.address for step in plan.steps] == [
        "completion.a", *(f"completion.s[{i}]" for i in range(12)),
    ]  # fmt: skip


def test_what_must_not_be_destroyed_is_not() -> None:
    lab = project(block("a", more="lifecycle = { prevent_destroy = true }"))
    lab.apply()
    text = lab.files["configs/main.toml"]
    lab.files["configs/main.toml"] = text.replace('"""x"""', '"""y"""')
    with pytest.raises(RunnerError, match="prevent_destroy") as caught:
        lab.plan()
    assert str(caught.value.problems[0].where) == "configs/main.toml:3"
    assert lab.plan(Choice(excludes=("completion.a",))).empty
    with pytest.raises(RunnerError, match="prevent_destroy"):
        lab.plan(Choice(destroy=True))


def test_a_request_is_weighed_once_however_often_the_plan_is_made() -> None:
    """A number taken from its holder makes the plan again; the estimate does not double."""
    lab = project(block("up", "1") + block("old", "{{ completion.up.content }}"))
    lab.reply = lambda _: "x"
    lab.apply()
    # "new" asks at once what "old" asks after "up": it borrows old's number, and gives it back
    lab.files["configs/main.toml"] += block("new", "x") + block("more", "more")
    weighed: list[str] = []

    def weigh(instance: Instance, request: Request, outline: Outline, _: object) -> None:
        assert outline.whole(request.texts) == orjson.loads(request.body)
        weighed.append(instance.address)

    plan = make_plan(structs.replace(lab.planned().inputs, weigh=weigh))
    assert sorted(weighed) == [step.address for step, _ in plan.of(Issue)]
    assert sorted(weighed) == ["completion.more", "completion.new"]


def test_moved_records_are_no_removal() -> None:
    lab = project(block("a"))
    lab.apply()
    lab.lose_cache()
    lab.files["configs/main.toml"] = block("b") + (
        '[[moved]]\nfrom = "completion.a"\nto = "completion.b"\n'
    )
    plan = lab.plan()
    moves = (("completion.a", "completion.b"),)
    assert (kinds(plan), plan.moves, plan.empty) == ({}, moves, False)
    lab.apply()
    assert (lab.sent, set(lab.records)) == ([], {"completion.b"})


def test_a_destroy_removes_every_record() -> None:
    lab = project(CHAIN)
    lab.apply()
    plan = lab.plan(Choice(destroy=True))
    assert set(kinds(plan).values()) == {"Remove"}
    assert len(plan.steps) == 4


def test_what_no_target_names_is_not_removed() -> None:
    lab = project(CHAIN + block("gone", "gone"))
    lab.apply()
    lab.files["configs/main.toml"] = CHAIN
    assert lab.plan(Choice(targets=("completion.d",))).empty
    assert lab.plan(Choice(excludes=("completion.gone",))).empty
    assert kinds(lab.plan()) == {"completion.gone": "Remove"}


def test_instances_stay_whose_names_are_not_known_because_an_answer_failed() -> None:
    text = block("list", "list") + block(
        "each", "{{ each.key }}", 'for_each = "{{ completion.list.json }}"'
    )

    def reply(body: dict[str, Any]) -> str | Failure:
        if body["messages"][0]["content"] == "other list":
            return Failure("no")
        return '["x", "y"]'

    lab = Lab({"configs/main.toml": text}, reply)
    lab.apply()
    before = dict(lab.records)
    assert len(before) == 3
    lab.files["configs/main.toml"] = text.replace('"""list"""', '"""other list"""')
    outcome = lab.apply()
    assert list(outcome.failed) == ["completion.list"]
    assert lab.records == before
