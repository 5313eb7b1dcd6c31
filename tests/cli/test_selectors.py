"""`completion.answer[model=a]` names the instances of a matrix wherever an address goes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner
from tests.harness.project import Project, completion, provider, serving
from tests.harness.server import FakeAPI

MATRIX = completion(
    "answer",
    "{{ matrix.model }} {{ matrix.case }}",
    'matrix.model = ["a", "b", "b-mini"]\nmatrix.case = ["one", "t,w\\"o]"]',
) + completion("other", "x")


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    with serving() as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, api: FakeAPI) -> Project:
    made = Project(tmp_path)
    made.write(provider(api) + MATRIX)
    return made


def planned(project: Project, *arguments: str) -> dict[str, str]:
    ran = project.call("plan", "--json", *arguments)
    assert ran.status == 0, ran.out + ran.err
    changes = [event["change"] for event in ran.of("planned_change")]
    return {change["address"]: change["action"] for change in changes}


def on(model: str) -> set[str]:
    return {
        f'completion.answer["case=one,model={model}"]',
        f'completion.answer["case=t\\\\,w\\"o],model={model}"]',
    }


@pytest.mark.parametrize(
    ("selector", "models"),
    [
        ("completion.answer[model=b]", ["b"]),
        ("completion.answer[model=b*]", ["b", "b-mini"]),
        ("*[model=a]", ["a"]),
        ("completion.answer", ["a", "b", "b-mini"]),
    ],
)
def test_a_plan_is_about_what_a_selector_chooses(
    project: Project, selector: str, models: list[str]
) -> None:
    chosen = set().union(*(on(model) for model in models))
    every = {*on("a"), *on("b"), *on("b-mini"), "completion.other"}
    assert planned(project, "--target", selector).keys() == chosen
    assert planned(project, "--exclude", selector).keys() == every - chosen
    assert project.apply().status == 0
    assert planned(project, "--replace", selector) == dict.fromkeys(chosen, "reissue")


def test_several_values_choose_what_has_all_of_them(project: Project) -> None:
    one = 'completion.answer["case=one,model=a"]'
    assert planned(project, "--target", "completion.answer[model=a,case=one]").keys() == {one}
    quoted = 'completion.answer[case="t,w\\"o]",model=a]'
    assert planned(project, "--target", quoted).keys() == on("a") - {one}


def test_the_state_is_read_and_edited_by_selectors(project: Project) -> None:
    assert project.apply().status == 0
    ran = project.call("state", "list", "completion.answer[case=one]")
    assert ran.out.splitlines() == [
        f'completion.answer["case=one,model={model}"]' for model in ("a", "b", "b-mini")
    ]
    shown = json.loads(project.call("show", "--json", "completion.answer[model=a]").out)
    assert {record["address"] for record in shown} == on("a")
    assert project.call("state", "rm", "completion.answer[model=a]").status == 0
    assert planned(project).keys() == on("a")


def test_an_output_is_read_by_selectors(project: Project) -> None:
    assert project.apply().status == 0
    for name in ("answer", "completion.answer"):
        ran = project.call("output", "--json", f"{name}[model=a,case=one]")
        assert json.loads(ran.out) == {"case=one,model=a": "echo: a one"}
    ran = project.call("output", "--raw", 'completion.answer["case=one,model=a"]')
    assert ran.out == "echo: a one"
    ran = project.call("output", "answer[model=c]")
    assert ran.status == 1
    assert 'On the axis model there is no "c": a, b, b-mini.' in " ".join(ran.err.split())


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ("completion.answer[modle=a]", 'There is no axis "modle"'),
        ("completion.answer[model=c]", 'On the axis model there is no "c"'),
        ('completion.answer["model=a"]', "without quotes: completion.answer[model=a]"),
        ("completion.other[model=a]", "No block of that name has a matrix"),
    ],
)
def test_a_selector_that_chooses_nothing_says_what_there_is(
    project: Project, selector: str, said: str
) -> None:
    ran = project.call("plan", "--target", selector)
    assert ran.status == 1
    assert said in " ".join(ran.err.split())
    assert project.apply().status == 0
    ran = project.call("state", "list", selector)
    assert ran.status == 1
    assert said in " ".join(ran.err.split())


def test_selectors_are_completed_by_what_the_state_has(project: Project) -> None:
    assert project.apply().status == 0
    ran = project.call("complete", "fish", "--", "runner plan --target 'completion.answer[m")
    assert [line.partition("\t")[0] for line in ran.out.splitlines()] == [
        "completion.answer[model=a]",
        "completion.answer[model=b]",
        "completion.answer[model=b-mini]",
    ]


def test_python_takes_selectors(project: Project, api: FakeAPI) -> None:
    opened = runner.open(project.directory, trust=(api.url,))
    plan = opened.plan(targets=["completion.answer[model=a]"])
    assert {change.address for change in plan.changes} == on("a")
