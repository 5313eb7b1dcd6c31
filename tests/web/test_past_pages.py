"""What checks come to, what answers cost, and what git holds of earlier ones, in a browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.harness.browser import Serving, Shown, shown, viewing
from tests.harness.demo import demo
from tests.harness.project import Project
from tests.web.test_serving import get

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three commits, of which each changed all answers."""
    made = demo(tmp_path_factory.mktemp("past") / "bicycles", cases=8, commits=3)
    checks = made.directory / "configs" / "checks.toml"
    checks.write_text(checks.read_text().replace("at_least = 0.9\n", "at_least = 0.99\n"))
    return made


@pytest.fixture(scope="module")
def past_serving(past: Project) -> Iterator[Serving]:
    with viewing(past) as serving:
        yield serving


@pytest.fixture
def page(chromium: "Browser", past_serving: Serving) -> Iterator[Shown]:
    with shown(chromium, past_serving) as made:
        yield made


def test_what_fails_comes_first_with_its_interval_and_where_it_stood(page: Shown) -> None:
    page.open("checks")
    assert page.text("h1").endswith("of 3 checks not met")
    assert "team" in page.text(".check h2")
    assert page.page.locator(".check .interval").first.get_attribute("role") == "img"
    said = page.page.locator(".check .trend").first.get_attribute("aria-label") or ""
    assert said.startswith("team over 3 commits: ")
    page.page.locator(".check").first.locator(".failed li:last-child a").click()
    page.page.locator(".count", has_text="of 49 answers").wait_for()


def test_a_point_for_each_commit_and_one_for_now(past_serving: Serving) -> None:
    trends = {each["address"]: each for each in get(past_serving, "/api/trends").value}
    points = trends["check.team"]["points"]
    assert [point["subject"].split()[0] for point in points[:-1]] == ["busy", "quiet", "small"]
    checks = get(past_serving, "/api/checks").value["checks"]
    assert (checks[0]["address"], checks[0]["met"]) == ("check.team", "not met")
    assert points[-1]["interval"] == checks[0]["interval"]


def test_a_comparison_says_what_is_shown(page: Shown) -> None:
    page.open("checks")
    assert "gpt-4o-mini" in page.text(".versus caption")
    assert page.count(".versus .shown") == 10


def test_commits_open_by_keys_alone_and_lead_to_the_versions_of_an_answer(page: Shown) -> None:
    page.open("history")
    assert page.text("h1") == "3 commits changed answers"
    page.keys("j", "j", "Enter")
    page.page.locator(".change").first.wait_for()
    assert page.where.startswith("history?c=")
    page.keys("j", "Enter")
    assert "busy" in page.text(".change[open] del")
    page.page.get_by_role("link", name="All versions of this answer").first.click()
    page.page.get_by_text("3 versions.").wait_for()
    assert page.count(".commit") == 3


def test_what_is_not_committed_is_the_first(chromium: "Browser", past: Project) -> None:
    other = Project(past.directory.parent / "edited")
    shutil.copytree(past.directory, other.directory, dirs_exist_ok=True)
    removed = other.run("state", "rm", "completion.week")
    assert removed.status == 0, removed.err
    with viewing(other) as serving, shown(chromium, serving) as made:
        made.open("history?c=now")
        made.page.locator(".commit[open] .change.removed").wait_for()
        assert "not committed" in made.text(".commit")


def test_without_git_a_sentence_says_so(chromium: "Browser", past: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "bare")
    shutil.copytree(past.directory, other.directory, dirs_exist_ok=True)
    shutil.rmtree(other.directory / ".git")
    with viewing(other) as serving, shown(chromium, serving) as made:
        for where in ("history", "checks"):
            made.open(where)
            made.page.get_by_text("is in no git repository").wait_for()


def test_cost_is_told_by_block_model_and_day(page: Shown) -> None:
    page.open("cost")
    assert page.text("h1").endswith("for 49 answers")
    assert page.count("table.costs") == 3
    page.page.get_by_role("link", name="gpt-4.1").click()
    page.page.locator(".count", has_text="16 of 49 answers").wait_for()
