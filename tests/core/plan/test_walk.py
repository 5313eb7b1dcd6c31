"""What waits for what; and cycles, told whole."""

import pytest

from runner.core.api.exchange import Failure
from runner.core.plan.targets import Choice
from runner.errors import RunnerError
from tests.harness.lab import Lab, project


def block(name: str, content: str, more: str = "") -> str:
    return (
        f"[completion.{name}]\nmodel = 'm'\n{more}\n"
        f'messages = [{{ role = "user", content = """{content}""" }}]\n'
    )


def cycle(lab: Lab) -> tuple[str, str]:
    with pytest.raises(RunnerError) as caught:
        lab.plan()
    (problem,) = caught.value.problems
    assert problem.summary == "Cycle"
    return str(problem.where), problem.detail


def test_a_cycle_is_printed_whole_with_the_place_of_each_edge() -> None:
    lab = Lab(
        {
            "configs/a.toml": block("a", "x\n{{ completion.b.content }}"),
            "configs/b.toml": block("b", "{{ local.of_c }}"),
            "configs/c.toml": block("c", "x", "depends_on = ['completion.a']")
            + "[locals]\nof_c = '{{ completion.c.content }}'\n",
            "configs/d.toml": block("behind", "{{ completion.a.content }}"),
        }
    )
    where, detail = cycle(lab)
    assert where == "configs/a.toml:1"
    first, *edges, _ = detail.split("\n")
    assert first.endswith("completion.a -> completion.b -> completion.c -> completion.a")
    assert [edge.strip() for edge in edges] == [
        "completion.a refers to completion.b (configs/a.toml:5)",
        "completion.b refers to completion.c (configs/b.toml:4)",
        "completion.c waits for completion.a (configs/c.toml:3)",
    ]


def test_a_completion_in_its_own_prompt_is_a_cycle_of_one() -> None:
    where, detail = cycle(project(block("a", "{{ completion.a.content }}")))
    assert where == "configs/main.toml:1"
    assert "completion.a refers to itself" in detail
    assert "configs/main.toml:4" in detail


def test_a_cycle_through_all_instances_of_a_block_is_told() -> None:
    text = block("each", "{{ completion.end.content }}", "for_each = ['x', 'y']") + block(
        "end", "{% for k, a in completion.each.items() %}{{ a.content }}{% endfor %}"
    )
    _, detail = cycle(project(text))
    assert "completion.end" in detail
    assert "configs/main.toml:4" in detail
    assert "configs/main.toml:8" in detail


def test_a_cycle_through_instances_that_an_answer_will_name_is_told_before_it_is_paid_for() -> None:
    text = (
        block("topics", "list")
        + block("each", "{{ completion.end.content }}", "for_each = '{{ completion.topics.json }}'")
        + block("end", "{% for k, a in completion.each.items() %}{{ a.content }}{% endfor %}")
    )
    _, detail = cycle(project(text))
    assert "completion.each refers to completion.end (configs/main.toml:8)" in detail
    assert "completion.end refers to completion.each (configs/main.toml:12)" in detail


def test_a_for_each_over_its_own_answers_is_a_cycle() -> None:
    _, detail = cycle(project(block("a", "x", "for_each = '{{ completion.a | list }}'")))
    assert "configs/main.toml:3" in detail


def test_a_cycle_through_a_module_is_told() -> None:
    lab = Lab(
        {
            "configs/main.toml": "[module.m]\nsource = '../m'\n"
            "text = '{{ completion.a.content }}'\n"
            + block("a", "{{ module.m.out }}"),
            "m/main.toml": "[variable.text]\n" + block("inner", "{{ var.text }}")
            + "[output.out]\nvalue = '{{ completion.inner.content }}'\n",
        }
    )  # fmt: skip
    _, detail = cycle(lab)
    assert "module.m.completion.inner" in detail
    assert "completion.a refers to module.m.completion.inner (configs/main.toml:7)" in detail


def test_a_cycle_through_what_comes_before_all_of_a_module_is_told() -> None:
    lab = Lab(
        {
            "configs/main.toml": "[module.m]\nsource = '../m'\nfor_each = ['k', 'l']\n"
            "text = '{{ completion.a.content }}'\n"
            + block("a", "x", "depends_on = ['module.m']"),
            "m/main.toml": "[variable.text]\n[module.inner]\nsource = '../n'\n"
            "said = '{{ var.text }}'",
            "n/main.toml": "[variable.said]\n" + block("one", "{{ var.said }}", "count = 2"),
        }
    )  # fmt: skip
    _, detail = cycle(lab)
    one = 'module.m["k"].module.inner.completion.one[0]'
    assert f"completion.a -> {one} -> completion.a" in detail
    assert f"completion.a waits for {one} (configs/main.toml:7)" in detail
    assert f"{one} refers to completion.a (n/main.toml:5)" in detail


def test_what_comes_before_many_is_held_once_for_all_of_them() -> None:
    def waits(number: int) -> int:
        keys = [f"k{i}" for i in range(number)]
        lab = Lab(
            {
                "configs/main.toml": f"[module.m]\nsource = '../m'\nfor_each = {keys}\n"
                + block(
                    "each", "{{ count.index }}", f"count = {number}\ndepends_on = ['module.m']"
                ),
                "m/main.toml": block("inner", "x"),
            }
        )
        return sum(len(vertex.needs) for vertex in lab.plan().walk.vertices.values())

    assert waits(40) == 2 * 40
    assert waits(80) == 2 * 80


def test_one_instance_of_a_module_is_waited_for_without_the_others() -> None:
    lab = Lab(
        {
            "configs/main.toml": "[module.m]\nsource = '../m'\nfor_each = ['k', 'l']\n"
            + block("a", "x", "depends_on = ['module.m[\"k\"]']"),
            "m/main.toml": block("inner", "y"),
        }
    )
    plan = lab.plan(Choice(targets=("completion.a",)))
    assert [step.address for step in plan.steps] == [
        "completion.a",
        'module.m["k"].completion.inner',
    ]
    lab.apply(Choice(targets=("completion.a",)))
    assert lab.sent == ['module.m["k"].completion.inner', "completion.a"]
    assert lab.records["completion.a"].depends_on == ('module.m["k"]',)


def test_instances_that_need_each_other_by_key_are_no_cycle() -> None:
    """A chain inside one block: each waits for its own predecessor alone."""
    text = (
        block("a", "one")
        + block("b", "{{ completion.c['x'].content }}", "for_each = ['y']")
        + block("c", "{{ completion.a.content }} {{ each.key }}", "for_each = ['x', 'z']")
    )
    lab = project(text)
    outcome = lab.apply()
    assert not outcome.failed
    assert len(lab.records) == 4


def test_an_instance_waits_for_the_one_it_names_and_no_other() -> None:
    """completion.first["slow"] fails; what hangs on the other key is issued."""
    text = block("first", "{{ each.key }}", "for_each = ['fast', 'slow']") + block(
        "second", "{{ completion.first[each.key].content }}", "for_each = ['fast', 'slow']"
    )
    lab = project(text)
    lab.reply = lambda body: Failure("no") if body["messages"][0]["content"] == "slow" else "ok"
    outcome = lab.apply()
    assert set(outcome.done) == {'completion.first["fast"]', 'completion.second["fast"]'}
    assert outcome.skipped == {'completion.second["slow"]': 'completion.first["slow"]'}


DYNAMIC = (
    block("topics", "list")
    + block("each", "{{ each.key }}", "for_each = '{{ completion.topics.json }}'")
    + block("end", "{% for k, a in completion.each.items() %}{{ a.content }}{% endfor %}")
    + block("other", "other")
)


def listing(body: dict[str, list[dict[str, str]]]) -> str:
    return '["x", "y"]' if body["messages"][0]["content"] == "list" else "ok"


def test_a_target_brings_the_instances_that_an_answer_names() -> None:
    lab = Lab({"configs/main.toml": DYNAMIC}, listing)
    outcome = lab.apply(Choice(targets=("completion.end",)))
    assert not outcome.failed
    assert set(outcome.done) == {
        "completion.topics", 'completion.each["x"]', 'completion.each["y"]', "completion.end",
    }  # fmt: skip


def test_what_is_not_targeted_is_no_failure() -> None:
    lab = Lab({"configs/main.toml": DYNAMIC}, listing)
    outcome = lab.apply(Choice(targets=("completion.other",)))
    assert (outcome.failed, outcome.skipped, set(outcome.done)) == ({}, {}, {"completion.other"})
    lab = Lab({"configs/main.toml": DYNAMIC}, listing)
    outcome = lab.apply(Choice(excludes=("completion.topics",)))
    assert (outcome.failed, outcome.skipped, set(outcome.done)) == ({}, {}, {"completion.other"})


@pytest.mark.parametrize("known", [False, True])
def test_an_instance_that_is_excluded_before_it_is_known_leaves_out_what_needs_it(
    known: bool,
) -> None:
    lab = Lab({"configs/main.toml": DYNAMIC}, listing)
    if known:
        lab.apply(Choice(targets=("completion.topics",)))
    outcome = lab.apply(Choice(excludes=('completion.each["x"]',)))
    assert (outcome.failed, outcome.skipped) == ({}, {})
    assert sorted(lab.sent) == [
        'completion.each["y"]', "completion.other", *(["completion.topics"] * (not known)),
    ]  # fmt: skip


def test_what_hangs_on_a_failed_instance_is_skipped() -> None:
    lab = Lab({"configs/main.toml": DYNAMIC}, listing)
    lab.reply = lambda b: Failure("no") if b["messages"][0]["content"] == "x" else listing(b)
    outcome = lab.apply()
    assert set(outcome.failed) == {'completion.each["x"]'}
    assert set(outcome.skipped) == {"completion.end"}
    assert set(outcome.done) == {"completion.topics", 'completion.each["y"]', "completion.other"}


def test_three_thousand_in_a_row_are_walked() -> None:
    """Nothing recurses over the graph."""
    chain = block("c0", "x") + "".join(
        block(f"c{i}", f"{{{{ completion.c{i - 1}.content }}}}") for i in range(1, 3000)
    )
    plan = project(chain).plan()
    assert len(plan.steps) == 3000


def test_a_walk_in_which_nothing_waits_begins_again_with_what_is_in_it() -> None:
    walk = project(block("each", "{{ each.key }}", "for_each = ['x', 'y']")).plan().walk
    again = walk.again()
    assert not walk.ready
    assert again is not None
    assert [*again.ready] == [*walk.vertices.values()]
    assert again.is_declared('completion.each["x"]')


def test_a_walk_in_which_something_waits_or_was_learned_does_not_begin_again() -> None:
    waits = project(block("a", "x") + block("b", "{{ completion.a.content }}"))
    assert waits.plan().walk.again() is None
    grows = project(block("a", "x") + block("b", "x", "for_each = '{{ completion.a.json }}'"))
    assert grows.plan().walk.again() is None
    enabled = project(block("a", "x", "enabled = '{{ true }}'"))
    assert enabled.plan().walk.again() is None
    answered = project(block("a", "x"))
    answered.apply()
    answered.files["configs/main.toml"] += block("b", "y")
    assert answered.plan().walk.again() is None
