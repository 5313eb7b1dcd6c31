"""`runner check --against`: today's checks on the answers of a revision, and on those of now."""

import json
import re
from typing import Any, get_args

import pytest
from junitparser import JUnitXml
from scipy.stats import binomtest

from runner.cli.parser.verbs import FAIL_ON
from runner.core.checks.verdicts import FailOn
from tests.harness.git import GitFolder
from tests.harness.project import Project, completion
from tests.harness.recorded import record, write_state
from tests.harness.reviewed import CHECK, PROVIDER, write


@pytest.fixture
def project(repository: GitFolder) -> Project:
    return Project(repository.path / "p")


def sides(
    repository: GitFolder, project: Project, then: dict[str, str], now: dict[str, str], checks: str
) -> None:
    """One commit, in which the check is not there yet, and what came since."""
    write(project, then, "")
    repository.commit("then")
    write(project, now, checks)


def found(project: Project, *arguments: str) -> dict[str, Any]:
    ran = project.call("check", "--json", "--against", "HEAD", *arguments)
    assert ran.status in (0, 3), ran.err
    told: dict[str, Any] = json.loads(ran.out)
    assert told["status"] == ran.status
    return told


def test_what_held_what_holds_and_what_never_did(repository: GitFolder, project: Project) -> None:
    then = {"a": "please", "b": "please", "c": "no", "d": "no", "gone": "please"}
    now = {"a": "please", "b": "no", "c": "please", "d": "no", "new": "no"}
    sides(repository, project, then, now, CHECK)
    told = found(project)["against"]
    (check,) = told["checks"]
    assert told["revision"].startswith("HEAD (")
    assert check["newly_failing"] == ['completion.answer["b"]']
    assert check["newly_holding"] == ['completion.answer["c"]']
    assert check["still_failing"] == ['completion.answer["d"]', 'completion.answer["new"]']
    assert (check["holds"], check["scored"]) == (2, 4)
    assert check["difference"]["pairs"] == 4
    assert check["difference"]["p"] == 1.0


def test_a_difference_is_tested_pair_by_pair(repository: GitFolder, project: Project) -> None:
    then = {f"k{number}": "please" for number in range(30)}
    now = {**then, **{f"k{number}": "no" for number in range(9)}}
    sides(repository, project, then, now, CHECK)
    (check,) = found(project)["against"]["checks"]
    difference = check["difference"]
    assert difference["shown"] == "worse"
    assert difference["test"] == "mcnemar"
    assert difference["p"] == pytest.approx(binomtest(0, 9).pvalue, rel=1e-3)
    shown = project.call("check", "--against", "HEAD").out
    assert "30 of 30 hold" in shown
    assert "shown to be worse (exact McNemar p = 0.004; 9 worse, 0 better)" in shown
    assert "held, does not hold: 4 more" in shown


def test_p_counts_beside_that_of_other_checks(repository: GitFolder, project: Project) -> None:
    then = {f"k{number}": "please" for number in range(30)}
    now = {**then, **{f"k{number}": "no" for number in range(6)}}
    twice = CHECK + CHECK.replace("polite", "other")
    sides(repository, project, then, now, twice)
    for check in found(project)["against"]["checks"]:
        assert check["difference"]["p_adjusted"] == pytest.approx(2 * check["difference"]["p"])


SHARE = CHECK + "at_least = 0.5\n"
WARN = CHECK + 'severity = "warn"\n'
MEAN = (
    '[check.polite]\nof = "completion.answer"\nat_least = 0.5\n'
    'score = { similarity = "please", by = "indel" }\n'
)
ALL = {"a": "please", "b": "please", "c": "please"}


@pytest.mark.parametrize(
    ("checks", "then", "now", "status"),
    [
        pytest.param(CHECK, ALL, {**ALL, "a": "no"}, 3, id="met before"),
        pytest.param(CHECK, {**ALL, "a": "no"}, {**ALL, "b": "no"}, 3, id="another one failed"),
        pytest.param(CHECK, {**ALL, "a": "no"}, {**ALL, "a": "nope"}, 0, id="failed before"),
        pytest.param(CHECK, {"a": "no"}, {"a": "no", "b": "no"}, 0, id="nothing ever held"),
        pytest.param(CHECK, {"a": "no", "b": "no"}, {"a": "please", "b": "no"}, 0, id="better"),
        pytest.param(CHECK, ALL, {**ALL, "d": "no"}, 0, id="a new one that never held"),
        pytest.param(SHARE, ALL, {**ALL, "a": "no"}, 0, id="the share is still enough"),
        pytest.param(SHARE, ALL, {**ALL, "a": "no", "b": "no"}, 3, id="the share is not"),
        pytest.param(
            SHARE,
            {"a": "no", "b": "no", "c": "no", "d": "please", "e": "please"},
            {"a": "please", "b": "no", "c": "no", "d": "no", "e": "no", "f": "please"},
            3,
            id="a share that was too low is lower",
        ),
        pytest.param(
            SHARE,
            {"a": "no", "b": "no", "c": "no", "d": "no", "e": "please"},
            {"a": "please", "b": "please", "c": "no", "d": "no", "e": "no"},
            0,
            id="a share that was too low is higher",
        ),
        pytest.param(MEAN, {"a": "please"}, {"a": "xyz"}, 3, id="a mean"),
        pytest.param(WARN, ALL, {**ALL, "a": "no"}, 0, id="a warning"),
    ],
)
def test_a_regression_is_what_held_and_does_not(
    repository: GitFolder,
    project: Project,
    checks: str,
    then: dict[str, str],
    now: dict[str, str],
    status: int,
) -> None:
    """And every form says the same as the exit status."""
    sides(repository, project, then, now, checks)
    report = project.directory / "report.xml"
    forms = ("--junit", str(report), "--github")
    ran = project.call("check", "--against", "HEAD", "--fail-on", "regression", *forms)
    assert ran.status == status, ran.out
    told = found(project, "--fail-on", "regression")
    assert told["status"] == status
    assert told["cause"] == ("regressed: check.polite" if status else None)
    assert ("::error" in ran.out) == (status == 3)
    suites = JUnitXml.fromfile(str(report))
    assert bool(suites.failures + suites.errors) == (status == 3)
    if "warn" not in checks:
        assert bool(told["against"]["regressed"]) == (status == 3)


def test_not_met_and_never_are_the_other_two(repository: GitFolder, project: Project) -> None:
    sides(repository, project, {"a": "no"}, {"a": "no"}, CHECK)
    assert project.call("check", "--against", "HEAD").status == 3
    assert project.call("check", "--against", "HEAD", "--fail-on", "not-met").status == 3
    assert project.call("check", "--against", "HEAD", "--fail-on", "regression").status == 0
    assert project.call("check", "--fail-on", "never").status == 0
    ran = project.call("check", "--fail-on", "regression")
    assert ran.status == 1
    assert "--against" in ran.err


def test_an_annotation_has_the_place_of_the_check_and_what_held_first(
    repository: GitFolder, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(repository.path))
    many = {f"k{number}": "no" for number in range(12)}
    sides(repository, project, {**many, "z": "please"}, {**many, "z": "no"}, CHECK)
    out = project.call("check", "--against", "HEAD", "--github").out
    (line,) = re.findall("^::error .*$", out, re.MULTILINE)
    number = (
        (project.directory / "configs/main.toml").read_text().split("\n").index("[check.polite]")
    )
    assert f"file=p/configs/main.toml,line={number + 1}," in line
    assert line.index('answer["z"]') < line.index('answer["k0"]')


def test_a_comparison_regresses_where_it_was_met(repository: GitFolder, project: Project) -> None:
    def at(model: str, number: int) -> str:
        return f'completion.answer["case={number:02},model={model}"]'

    numbers = ", ".join(f'"{number:02}"' for number in range(20))
    axes = f'matrix.case = [{numbers}]\nmatrix.model = ["m", "n"]'
    compare = (
        CHECK.replace('"please" }]', '"please" }]\nseverity = "warn"')
        + '[compare.models]\nof = "completion.answer"\nby = "model"\nbaseline = "m"\n'
        'checks = ["polite"]\n'
    )
    project.write(PROVIDER + completion("answer", "{{ matrix.case }}", axes) + compare)

    def state(other: str) -> None:
        write_state(
            project,
            *(record(at("m", number), "please") for number in range(20)),
            *(record(at("n", number), other) for number in range(20)),
        )

    state("please")
    repository.commit("then")
    assert project.call("check", "--against", "HEAD", "--fail-on", "regression").status == 0
    state("no")
    told = found(project, "--fail-on", "regression")
    assert (told["status"], told["cause"]) == (3, "regressed: compare.models")
    repository.commit("it is so now")
    assert found(project, "--fail-on", "regression")["status"] == 0


def test_a_block_that_moved_is_looked_for_where_it_was(
    repository: GitFolder, project: Project
) -> None:
    write(project, {"a": "please"}, "")
    repository.commit("then")
    moved = '[[moved]]\nfrom = "completion.answer"\nto = "completion.other"\n'
    project.write(
        PROVIDER + completion("other", "Say {{ each.key }}", 'for_each = ["a"]')
        + CHECK.replace("answer", "other") + moved
    )  # fmt: skip
    (check,) = found(project)["against"]["checks"]
    assert (check["holds"], check["missing"]) == (1, [])


def test_an_answer_that_was_not_there_is_missing_then_and_no_mistake(
    repository: GitFolder, project: Project
) -> None:
    sides(repository, project, {"a": "please"}, {"a": "please", "new": "no"}, CHECK)
    told = found(project, 'completion.answer["new"]', "--fail-on", "regression")
    (check,) = told["against"]["checks"]
    assert check["missing"] == ['completion.answer["new"]']
    assert (check["met"], told["status"]) == ("not met", 0)
    assert project.call("check", "--against", "HEAD", 'completion.answer["x"]').status == 1


def test_a_state_that_is_not_committed_is_told_and_compared_with_nothing(
    repository: GitFolder, project: Project
) -> None:
    repository.commit("before anything")
    write(project, {"a": "no"})
    ran = project.call("check", "--against", "HEAD", "--fail-on", "regression")
    assert ran.status == 0
    assert "holds no p/state/state.json" in " ".join(ran.err.split())


def test_a_revision_that_is_none_is_one_error(repository: GitFolder, project: Project) -> None:
    repository.commit("first")
    write(project, {"a": "no"})
    ran = project.call("check", "--against", "no-such")
    assert ran.status == 1
    assert "Unknown revision" in ran.err


def test_the_other_side_of_three_dots_is_where_the_branch_began(
    repository: GitFolder, project: Project
) -> None:
    write(project, {"a": "please"})
    repository.commit("then")
    repository("checkout", "-qb", "topic")
    repository.commit("on the branch")
    repository("checkout", "-q", "main")
    write(project, {"a": "no"})
    repository.commit("landed since")
    repository("checkout", "-q", "topic")
    write(project, {"a": "no"})
    ran = project.call("check", "--against", "main...", "--json")
    (check,) = json.loads(ran.out)["against"]["checks"]
    assert check["newly_failing"] == ['completion.answer["a"]']


def test_what_may_fail_is_what_the_flag_takes() -> None:
    assert get_args(FailOn) == FAIL_ON
