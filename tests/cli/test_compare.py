"""[compare.NAME] in `runner check`."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest
from junitparser import JUnitXml

from runner.core.state.records import Record
from tests.cli.test_schemas import schema
from tests.harness.project import Project, completion, provider, serving
from tests.harness.recorded import record, write_state

MATRIX = 'matrix.model = ["gpt-4o", "gpt-4o-mini"]\nmatrix.case = "{{ range(50) }}"'
CONFIG = (
    completion("answer", "{{ matrix.case }}", MATRIX)
    + """
[check.capital]
of = "completion.answer"
expect = [{ contains = "Lima" }]
at_least = 0.5
[compare.models]
of = "completion.answer"
by = "model"
baseline = "gpt-4o"
checks = ["capital"]
"""
)


def answer(model: str, case: int, *, right: bool) -> Record:
    made = record(f'completion.answer["case={case},model={model}"]', "Lima" if right else "Cuzco")
    request = json.dumps({"model": model, "messages": []}).encode()
    response = made.response.replace(b"gpt-4o-2024-08-06", model.encode())
    return replace(made, request=request, response=response)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """As one asks for the capital of Peru: 46 of 50 and 42 of 50 are right, 2 the other way."""
    made = Project(tmp_path / "p")
    made.write("[provider.openai]\n" + CONFIG)
    answers = [answer("gpt-4o", case, right=case >= 4) for case in range(50)]
    answers += [answer("gpt-4o-mini", case, right=not 2 <= case < 10) for case in range(50)]
    write_state(made, *answers)
    return made


def test_what_is_shown_and_what_could_have_been(project: Project) -> None:
    ran = project.call("check", "compare.models")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(
        "compare.models  gpt-4o-mini against gpt-4o, 50 pairs\n"
        "  check.capital: 84 % against 92 %, difference -8 points (-21 to +4)\n"
        "    no difference shown (exact McNemar p = 0.29; 6 worse, 2 better). 50 pairs that "
        "disagree this often show 15 points or more\n"
        "  cost -94 % ($0.000013 against $0.000225 an answer), seconds +0 % (1.23 s against 1.23 s "
        "an answer, no difference shown), output tokens +0 % (20 against 20 an answer, no "
        "difference shown)\n"
    )


def test_two_amounts_that_differ_are_not_told_as_one(project: Project) -> None:
    mini = [answer("gpt-4o-mini", case, right=True) for case in range(50)]
    longer = [replace(a, response=a.response.replace(b'tokens":20', b'tokens":21')) for a in mini]
    usual = [answer("gpt-4o", case, right=True) for case in range(50)]
    write_state(project, *usual, *mini[:25], *longer[25:])
    said = " ".join(project.call("check", "compare.models").out.split())
    assert "output tokens +2 % (20.5 against 20 an answer" in said


def test_a_gate_that_fails_is_told_everywhere(project: Project, tmp_path: Path) -> None:
    project.write("[provider.openai]\n" + CONFIG + 'gate = "shown_no_worse"\n')
    report, table = tmp_path / "r.xml", tmp_path / "t.md"
    flags = ("--json", "--github", "--junit", str(report), "--markdown", str(table))
    ran = project.call("check", *flags)
    assert ran.status == 3
    told = json.loads(ran.out)
    assert told["cause"] == "not met: compare.models"
    assert "::error file=" in ran.err
    suites = JUnitXml.fromfile(str(report))
    suites.update_statistics()  # type: ignore[no-untyped-call]
    assert (suites.failures, suites.errors) == (1, 0)
    assert "not shown to be no worse, only to be no worse by more than 21" in report.read_text()
    assert "84 % against 92 %" in table.read_text()


def test_repeats_that_are_all_alike_show_no_more_than_so_many_cases_can(project: Project) -> None:
    """Five cases without any difference say little of others, however often each is asked."""
    repeated = 'matrix.case = "{{ range(5) }}"\nmatrix.run = "{{ range(10) }}"'
    config = CONFIG.replace('matrix.case = "{{ range(50) }}"', repeated)
    project.write(
        "[provider.openai]\n" + config + 'gate = "shown_no_worse"\nno_worse_than = 0.05\n'
    )
    answers = []
    for model in ("gpt-4o", "gpt-4o-mini"):
        for case in range(5):
            for run in range(10):
                made = answer(model, case, right=True)
                request = json.dumps({"model": model, "messages": [str(case)]}).encode()
                address = f'completion.answer["case={case},model={model},run={run}"]'
                answers.append(replace(made, address=address, request=request))
    write_state(project, *answers)
    ran = project.call("check", "compare.models")
    assert ran.status == 3
    assert "50 pairs" in ran.out
    assert "difference +0 points (-52 to +52)" in ran.out
    said = "not shown to be no worse by more than 5 points, only to be no worse by more than 68"
    assert said in ran.out


def test_answers_that_are_missing_are_not_met(project: Project) -> None:
    gone = 'completion.answer["case=7,model=gpt-4o-mini"]'
    assert project.call("state", "rm", gone).status == 0
    ran = project.call("check", "compare.models")
    assert ran.status == 3
    assert "49 pairs, 1 without a counterpart" in ran.out
    assert "not met: 1 answer missing" in ran.out
    project.write("[provider.openai]\n" + CONFIG.replace('baseline = "gpt-4o"\n', ""))
    ran = project.call("check", "compare.models")
    assert ran.status == 0
    assert "  1 answer missing\n" in ran.out


@pytest.mark.parametrize(
    ("line", "wrong", "said"),
    [
        ('by = "model"', 'by = "modle"', 'Did you mean "model"?'),
        ('baseline = "gpt-4o"', 'baseline = "gpt-4"', "No answer here is of model"),
        ('checks = ["capital"]', 'checks = ["capitol"]', 'Did you mean "capital"?'),
        ('baseline = "gpt-4o"', 'gate = "shown_no_worse"', "name a baseline"),
        ('checks = ["capital"]', 'gate = "shown_no_worse"', "name some in checks"),
        ('checks = ["capital"]', "no_worse_than = 0.1", "name some in checks"),
    ],
)
def test_a_mistake_is_told_at_its_place(project: Project, line: str, wrong: str, said: str) -> None:
    text = "[provider.openai]\n" + CONFIG.replace(line, wrong)
    path = project.write(text)
    number = path.read_text().splitlines().index(wrong) + 1
    ran = project.call("check")
    assert ran.status == 1
    assert f"on configs/main.toml line {number}" in ran.err
    assert said in ran.err


def test_an_apply_tells_what_is_compared(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with serving("Lima") as api:
        project.write(provider(api) + CONFIG.replace("range(50)", "range(2)"))
        ran = project.call("apply", "--auto-approve", "--json")
        assert ran.status == 0
        (told,) = ran.of("comparison")
        valid = jsonschema_rs.validator_for(schema("events"))
        assert [error.message for error in valid.iter_errors(told)] == []
        assert told["against"][0]["differences"][0]["shown"] == "no difference"
        assert "compare.models" in project.apply().out
